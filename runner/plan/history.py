"""How long a job will take, by those like it that ended before. Nothing is ever invented."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from pathlib import Path

from runner.errors import StoreError
from runner.spec.axes import AxisValue, declared_axes
from runner.spec.choices import Threads
from runner.spec.configuration import Device
from runner.spec.job import Job, Status, job_names
from runner.spec.regular import read_regular
from runner.spec.workload import DataSource, Workload
from runner.store.events import DataEvent, EpochEvent, Event, parse_event
from runner.store.record import began_at, read_job, read_manifest, read_record
from runner.words import duration_text


@dataclass(frozen=True)
class Left:
    """What is left of a run: the seconds that are known, and how many jobs are not.

    ``is_open`` says that more jobs may follow than are planned now.
    """

    seconds: float
    unknown_jobs: int
    is_open: bool = False

    def __str__(self) -> str:
        if not self.seconds:
            return "not known yet" if self.unknown_jobs or self.is_open else "nothing"
        if not self.unknown_jobs and not self.is_open:
            return f"about {duration_text(self.seconds)}"
        jobs = f"{self.unknown_jobs} job{'s' * (self.unknown_jobs > 1)}"
        why = f" ({jobs} not known yet)" if self.unknown_jobs else ""
        return f"at least {duration_text(self.seconds)}{why}"


# Newest first: a machine with years of runs must not wait for its own past.
MAX_RUNS = 300
MAX_JOBS = 40
MAX_EVENT_BYTES = 4 << 20
# As many of the nearest jobs as an estimate rests on.
NEAREST = 3
_DIGITS = 1497
_TIMED = (Status.OK, Status.TAINTED)
Cell = tuple[str, str]
Build = tuple[str, str, str]
# What besides the model says what is done: its values of the axes, but for those that are scaled by
# (samples) or only preferred (threads).
Work = tuple[AxisValue | None, ...]
_AXES_BESIDE_WORK = ("samples", "threads")


class Nearness(IntEnum):
    """How like the estimated job those were that the estimate rests on, nearest first."""

    THIS_RUN = 0
    THIS_MACHINE = 1
    OTHER_CONFIGURATION = 2
    OTHER_MACHINE = 3


_WORDS = {
    Nearness.THIS_RUN: "this run",
    Nearness.THIS_MACHINE: "earlier runs",
    Nearness.OTHER_CONFIGURATION: "earlier runs of another configuration",
    Nearness.OTHER_MACHINE: "earlier runs on another machine",
}


@dataclass(frozen=True)
class Timing:
    """Where the seconds of one ended job went.

    ``before`` is from the process's start to the first epoch's begin, ``after`` from the last
    epoch's end to the process's. ``later_epoch`` is the median of the epochs after the first, None
    where there was one only. ``samples`` is what an epoch trained on.
    """

    configuration: str
    backend: str
    model: str
    device: str
    hardware: str | None
    work: Work
    threads: Threads
    samples: int
    before: float
    first_epoch: float
    later_epoch: float | None
    after: float

    def tells_of(self, job: Job) -> bool:
        """Return whether it can be told which part of the seconds ``job`` will take again.

        The first epoch also holds work that is done once, such as compiling, and without a later
        one that part is not known: it must be neither scaled nor taken for a later epoch.
        """
        is_alike = epochs_of(job) == 1 and samples_of(job) == self.samples
        return self.later_epoch is not None or is_alike

    def first_epoch_of(self, ratio: float) -> float:
        """Return the first epoch's seconds with ``ratio`` times the samples.

        What it took beyond a later epoch is work that is done once, whatever the samples.
        """
        return self.first_epoch + (ratio - 1) * (self.later_epoch or 0.0)


@dataclass(frozen=True)
class Estimate:
    """What a job will take in seconds, part by part as in ``Timing``, and on what that rests.

    ``scaled_from`` is the number of samples measured, where it is not the job's own.
    """

    before: float
    first_epoch: float
    later_epoch: float
    after: float
    epochs: int
    nearness: Nearness
    scaled_from: int | None = None

    @property
    def seconds(self) -> float:
        """Return the whole job's seconds."""
        later = self.later_epoch * (self.epochs - 1)
        return self.before + self.first_epoch + later + self.after

    @property
    def rests_on(self) -> str:
        """Return in words what the estimate was worked out from."""
        scaled = f", scaled from {self.scaled_from:,} samples" if self.scaled_from else ""
        return _WORDS[self.nearness] + scaled


def kind_of(job: Job) -> Job:
    """Return the first of the jobs that repeat one: each will take the same."""
    return replace(job, repeat=1, seed=0)


def _workload(job: Job) -> Workload:
    assert job.workload is not None
    return job.workload


def epochs_of(job: Job) -> int:
    """Return how many epochs a job will train."""
    return job.epochs or _workload(job).epochs


def work_of(job: Job) -> Work:
    """Return what a job does besides its model; another work takes another time."""
    return tuple(value for name, value in job.axes.items() if name not in _AXES_BESIDE_WORK)


def is_same_work(known: Work, wanted: Work) -> bool:
    """Return whether two do the same, as far as that is known."""
    axes = [axis for name, axis in declared_axes().items() if name not in _AXES_BESIDE_WORK]
    return all(
        old == new or (old is None and not axis.is_optional)
        for axis, old, new in zip(axes, known, wanted, strict=True)
    )


def samples_of(job: Job) -> int:
    """Return how many samples each of a job's epochs will train on."""
    whole = _DIGITS if job.data == DataSource.DIGITS else _workload(job).train
    return min(job.samples or whole, whole)


def timing_of(
    job: Job,
    events: Sequence[Event],
    began: float,
    wall_seconds: float,
    hardware: str | None,
) -> Timing | None:
    """Return where a job's seconds went, or None for one without an epoch.

    ``began`` is the wall clock at its start.
    """
    epochs = [event for event in events if isinstance(event, EpochEvent)]
    if not epochs:
        return None
    seconds = [event.seconds for event in epochs]
    first, last = epochs[0].at, epochs[-1].at
    if first is None or last is None:
        before, after = max(0.0, wall_seconds - sum(seconds)), 0.0
    else:
        before = max(0.0, first - seconds[0] - began)
        after = max(0.0, began + wall_seconds - last)
    counted = [event.train for event in events if isinstance(event, DataEvent)]
    return Timing(
        configuration=job.configuration,
        backend=job.backend,
        model=job.model,
        device=str(job.device),
        hardware=hardware,
        work=work_of(job),
        threads=job.threads,
        samples=counted[0] if counted else epochs[0].samples,
        before=before,
        first_epoch=seconds[0],
        later_epoch=statistics.median(seconds[1:]) if len(seconds) > 1 else None,
        after=after,
    )


def _events(path: Path) -> list[Event]:
    try:
        content = read_regular(path, MAX_EVENT_BYTES)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    found = (parse_event(line) for line in content.splitlines())
    return [event for event in found if isinstance(event, EpochEvent | DataEvent)]


def read_timing(folder: Path, processor_of: Callable[[Path], str | None]) -> Timing | None:
    """Return the timing of a kept job, or None where it has none or is damaged.

    ``processor_of`` returns the processor of a run's machine.
    """
    try:
        record = read_record(folder)
        began = began_at(record)
        if record.status not in _TIMED or began is None or record.wall_seconds is None:
            return None
        job, hardware = read_job(folder), record.device_name
        if job.device is Device.CPU:
            hardware = processor_of(folder.parent.parent)
        events = _events(folder / "events.jsonl")
        return timing_of(job, events, began, record.wall_seconds, hardware)
    except (OSError, StoreError):
        # A damaged run is no reason to fail, and says nothing of the time.
        return None


def _cell(folder_name: str) -> Cell | None:
    """Return a job's backend and model, by its folder's name."""
    names = job_names(folder_name)
    return (names[1], names[2]) if names else None


class History:
    """The jobs of earlier runs under a folder, read only as far as they are asked for.

    ``hardware`` is the name of what the estimated jobs run on: the card's, or the processor's.
    """

    def __init__(self, root: Path, hardware: str | None) -> None:
        self.hardware = hardware
        self._root = root
        self._read: dict[Cell, list[Timing]] = {}
        self._processors: dict[Path, str | None] = {}

    @cached_property
    def _runs(self) -> list[Path]:
        """Return the folders of the newest runs, newest first."""
        try:
            runs = sorted(self._root.iterdir(), key=lambda path: path.name, reverse=True)
        except OSError:
            return []
        return runs[:MAX_RUNS]

    @cached_property
    def _builds(self) -> dict[Build, list[float]]:
        """Return the seconds that environments took to make, newest first."""
        found: dict[Build, list[float]] = {}
        for run in self._runs:
            try:
                for configuration, made in read_manifest(run).get("builds", {}).items():
                    build = (configuration, made["launcher"], made["device"])
                    found.setdefault(build, []).append(float(made["seconds"]))
            except (StoreError, ValueError, KeyError, TypeError, AttributeError):
                continue
        return found

    def _processor_of(self, run: Path) -> str | None:
        """Return the processor of a run's machine; its manifest, which may be long, is read once.

        Raises StoreError where it cannot be read.
        """
        if run not in self._processors:
            self._processors[run] = read_manifest(run)["identity"].get("cpu_model")
        return self._processors[run]

    def build_seconds(self, configuration: str, launcher: str, device: str) -> float | None:
        """Return what making an environment will take, or None where none was ever made here.

        The longest of the latest: the others may have found layers or packages of an earlier one.
        """
        latest = self._builds.get((configuration, launcher, device), [])[:NEAREST]
        return max(latest, default=None)

    @cached_property
    def _folders(self) -> dict[Cell, list[Path]]:
        """Return the folders of jobs by cell, newest run first."""
        found: dict[Cell, list[Path]] = {}
        for run in self._runs:
            try:
                jobs = sorted((run / "jobs").iterdir())
            except OSError:
                continue
            for folder in jobs:
                if (cell := _cell(folder.name)) is not None:
                    found.setdefault(cell, []).append(folder)
        return found

    def of(self, backend: str, model: str) -> list[Timing]:
        """Return the timings of a backend's model, newest run first, the newest ``MAX_JOBS``."""
        cell = (backend, model)
        if cell not in self._read:
            folders = self._folders.get(cell, [])[:MAX_JOBS]
            timings = (read_timing(folder, self._processor_of) for folder in folders)
            self._read[cell] = [timing for timing in timings if timing is not None]
        return self._read[cell]

    def estimate(self, job: Job, this_run: Iterable[Timing] = ()) -> Estimate | None:
        """Return what ``job`` will take, or None where nothing like it was ever measured.

        ``this_run`` holds the timings of the run's own jobs so far. Never from another device
        kind: a CPU says nothing of a GPU.
        """
        near = [
            *self._ranked(job, this_run, Nearness.THIS_RUN),
            *self._ranked(job, self.of(job.backend, job.model), Nearness.THIS_MACHINE),
        ]
        if not near:
            return None
        level = min(nearness for nearness, _ in near)
        alike = [timing for nearness, timing in near if nearness is level]
        alike.sort(key=lambda timing: _distance(timing, job))
        return _scaled(alike[:NEAREST], job, level)

    def _ranked(
        self, job: Job, timings: Iterable[Timing], best: Nearness
    ) -> list[tuple[Nearness, Timing]]:
        fit = [
            timing
            for timing in timings
            if (timing.backend, timing.model, timing.device) == (job.backend, job.model, job.device)
            and is_same_work(timing.work, work_of(job))
            and timing.tells_of(job)
        ]
        return [(self._nearness(job, timing, best), timing) for timing in fit]

    def _nearness(self, job: Job, timing: Timing, best: Nearness) -> Nearness:
        if timing.hardware != self.hardware:
            return Nearness.OTHER_MACHINE
        if timing.configuration != job.configuration:
            return Nearness.OTHER_CONFIGURATION
        return best


def _distance(timing: Timing, job: Job) -> tuple[bool, float]:
    """Return how far a timing is from a job of its kind; ties keep the newest first."""
    return timing.threads != job.threads, abs(math.log(samples_of(job) / max(1, timing.samples)))


def _scaled(timings: Sequence[Timing], job: Job, nearness: Nearness) -> Estimate:
    """Return the medians of the timings, the part that is for each sample scaled to the job's."""
    samples = samples_of(job)
    pairs = [(timing, samples / max(1, timing.samples)) for timing in timings]
    later = [t.later_epoch * ratio for t, ratio in pairs if t.later_epoch is not None]
    nearest = timings[0].samples
    return Estimate(
        before=statistics.median(timing.before for timing in timings),
        first_epoch=statistics.median(t.first_epoch_of(ratio) for t, ratio in pairs),
        later_epoch=statistics.median(later) if later else 0.0,
        after=statistics.median(timing.after for timing in timings),
        epochs=epochs_of(job),
        nearness=nearness,
        scaled_from=nearest if nearest != samples else None,
    )
