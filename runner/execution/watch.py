"""What else went on while a job ran: a sample about once a second, and a verdict from them all."""

import json
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import psutil

from runner.execution.energy import PackageEnergy, joules_per_epoch
from runner.launchers.base import Process
from runner.machine.gpu import POWER_CAP, GpuProcess, GpuSample, Nvml
from runner.machine.inherited import throttled_seconds
from runner.tables.disturbance import (
    FOREIGN_LOAD_LIMIT,
    MIN_SAMPLES,
    SLOWDOWNS,
    THROTTLED_LIMIT,
    is_loaded,
)

INTERVAL_SECONDS = 1.0
# A slowdown that lasts is in nearly every sample.
_SHARE_HELD = 0.1
# A sample that is later than this, after its interval: something kept this process from running.
_LATE_SECONDS = 0.2
# Less is not told from how uneven a job's own work is.
_LEAST_PAUSE_SECONDS = 0.75
# No machine sleeps and wakes in less; two clocks that are read one after the other differ by less.
_SUSPENDED_SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    """The device at one moment, ``at`` seconds after the watch began; None is what is not known.

    ``foreign_load`` is the mean number of cores that others used in the ``seconds`` since the
    sample before: those of the whole machine, or of the job's share of its CPUs, less those of the
    job and of this runner.
    ``strangers`` are the processes that compute on the GPU and are not the job's; ``listed`` says
    whether the driver's list holds one of the job's, without which it proves nothing: in
    containers and virtual machines it may hold numbers of another namespace. ``paused`` are the
    seconds before this sample in which the job was kept from running, ``throttled`` those in which
    its control group's quota kept it from its CPUs, ``wall`` the sample's time
    in seconds since the epoch. ``cpu_energy_j`` are the joules that the processor has used since
    the watch began.
    """

    at: float
    seconds: float
    foreign_load: float | None = None
    cpu_mhz: float | None = None
    gpu: GpuSample | None = None
    strangers: tuple[GpuProcess, ...] | None = None
    listed: bool = False
    paused: float = 0.0
    throttled: float | None = None
    wall: float | None = None
    cpu_energy_j: float | None = None

    def to_json(self) -> str:
        """Return the sample as one line."""
        return json.dumps(asdict(self), default=sorted)


# Takes one sample when called.
Probe = Callable[[], Sample]


def machine_seconds(cpus: Sequence[int] | None = None) -> float:
    """Return the CPU seconds that the machine, or some of its CPUs, used since it started.

    Stolen time is in it: another virtual machine had what this one wanted.
    """
    wanted = {"cpu"} if cpus is None else {f"cpu{cpu}" for cpu in cpus}
    lines = map(str.split, Path("/proc/stat").read_text(encoding="ascii").splitlines())
    times = [list(map(int, fields)) for name, *fields in lines if name in wanted]
    # Without the time of idling and of waiting for a disk; a guest's is in the user's.
    used = sum(sum(fields[:3]) + sum(fields[5:8]) for fields in times)
    return used / os.sysconf("SC_CLK_TCK")


def _with_reaped_children(pid: int) -> float:
    t = psutil.Process(pid).cpu_times()
    return float(t.user + t.system + t.children_user + t.children_system)


def tree_seconds(pids: Callable[[], list[int]]) -> float | None:
    """Return the CPU seconds that a tree of processes has used, the ended ones in it too.

    A process that ends adds its time to its parent's account, so the sum over the living loses
    nothing (Theano starts hundreds of compilers). If one ends while they are read, the reading is
    made again. None if there is no tree, it has ended, or there is no quiet moment.
    """
    for _ in range(3):
        found = pids()
        try:
            if found and psutil.Process(found[0]).status() == psutil.STATUS_ZOMBIE:
                return None
            return sum(map(_with_reaped_children, found)) if found else None
        except psutil.NoSuchProcess:
            continue
    return None


def runner_seconds() -> float:
    """Return the CPU seconds that this process itself has used."""
    used = os.times()
    return used.user + used.system


def throttled_by_quota(process: Process) -> float | None:
    """Return for how long a job's control group was throttled so far, None where it is not told."""
    found = process.pids()
    return throttled_seconds(found[0]) if found else None


def suspended_seconds() -> float:
    """Return how long this machine has slept since it started: one clock goes on, one does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def cpu_mhz(cpus: Sequence[int]) -> float | None:
    """Return the mean frequency of ``cpus`` now, or what the machine tells of all of them.

    In a virtual machine that is mostly the nominal frequency.
    """
    try:
        paths = [f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq" for cpu in cpus]
        return statistics.fmean(int(Path(path).read_text()) for path in paths) / 1000
    except (OSError, ValueError):
        frequency = psutil.cpu_freq()
        return float(frequency.current) if frequency and frequency.current else None


@dataclass
class CpuProbe:
    """Samples the load that others put on the CPUs, the frequency of the job's own, and pauses."""

    process: Process
    clock: Callable[[], float] = time.monotonic
    machine: Callable[[], float] = machine_seconds
    tree: Callable[[Callable[[], list[int]]], float | None] = tree_seconds
    runner: Callable[[], float] = runner_seconds
    frequency: Callable[[Sequence[int]], float | None] = cpu_mhz
    suspended: Callable[[], float] = suspended_seconds
    throttled: Callable[[Process], float | None] = throttled_by_quota
    wall: Callable[[], float] = time.time
    energy: Callable[[], float | None] = field(default_factory=PackageEnergy)

    def __post_init__(self) -> None:
        """Begin now: the first sample tells of the time since."""
        self._cpus = self._affinity()
        self._began = self._before = self.clock()
        self._asleep_before = self.suspended()
        self._throttled_before = self.throttled(self.process)
        self._job_before, self._foreign_before = self._used()
        self._pace = 0.0

    def _affinity(self) -> list[int]:
        """Return the CPUs that the job may use. It keeps them, so they are asked for once."""
        try:
            return sorted(os.sched_getaffinity(self.process.pids()[0]))
        except (IndexError, OSError):
            return []

    def _used(self) -> tuple[float | None, float | None]:
        """Return the CPU seconds that the job has used, and those that others have."""
        job = self.tree(self.process.pids)
        return job, None if job is None else self.machine() - self.runner() - job

    def __call__(self) -> Sample:
        now, (job, foreign) = self.clock(), self._used()
        seconds = now - self._before
        load = None
        if foreign is not None and self._foreign_before is not None and seconds > 0:
            load = (foreign - self._foreign_before) / seconds
        paused = self._paused(seconds, job) + self._asleep()
        self._before, self._job_before, self._foreign_before = now, job, foreign
        # Where the job's processes are not seen from here, it may run on other processors.
        is_here = bool(self._cpus)
        return Sample(
            now - self._began, seconds, load, self.frequency(self._cpus) if is_here else None,
            paused=paused, throttled=self._throttled(), wall=self.wall(),
            cpu_energy_j=self.energy() if is_here else None,
        )  # fmt: skip

    def _paused(self, seconds: float, job: float | None) -> float:
        """Return for how much of the time since the sample before the job was kept from running.

        A job that waits for a card, a disk or its user is not: it could run. Nor is one for a gap
        in these looks alone: what it did meanwhile its own CPU seconds tell.
        """
        if self.process.is_paused():
            return seconds
        if job is None or self._job_before is None or seconds <= 0:
            return 0.0
        used = job - self._job_before
        # Both were kept from running, as a machine's virtual hardware or a group of both can be:
        # the job has not gone on meanwhile as it did before.
        is_late = seconds > INTERVAL_SECONDS + _LATE_SECONDS
        if is_late and used / seconds <= self._pace / 2 and self._pace > 0:
            paused = seconds - used / self._pace
            return paused if paused >= _LEAST_PAUSE_SECONDS else 0.0
        self._pace = used / seconds
        return 0.0

    def _throttled(self) -> float | None:
        """Return for how long the job's control group was throttled since the sample before."""
        before, self._throttled_before = self._throttled_before, self.throttled(self.process)
        if before is None or self._throttled_before is None:
            return None
        return max(0.0, self._throttled_before - before)

    def _asleep(self) -> float:
        """Return for how long this machine was suspended since the sample before."""
        asleep = self.suspended()
        slept = asleep - self._asleep_before
        self._asleep_before = asleep
        return slept if slept > _SUSPENDED_SECONDS else 0.0


def cpu_probe(process: Process, share: Sequence[int] | None) -> CpuProbe:
    """Return what samples the CPUs of a job; of its ``share`` alone, where it is kept to one.

    So the jobs that run beside it on other shares are no others.
    """
    if share is None:
        return CpuProbe(process)
    machine = partial(machine_seconds, share) if process.cpus else machine_seconds
    # The energy of a processor that several jobs share is none of one job's alone.
    return CpuProbe(process, machine=machine, energy=lambda: None)


class GpuProbe:
    """Samples a card and who uses it, beside what ``cpu`` samples."""

    def __init__(self, process: Process, nvml: Nvml, uuid: str, cpu: Probe) -> None:
        self._process, self._nvml, self._uuid, self._cpu = process, nvml, uuid, cpu
        self._own: set[int] = set()

    def __call__(self) -> Sample:
        gpu = self._nvml.sample(self._uuid)
        present = self._nvml.processes(self._uuid)
        # Asked for after the card's list, and kept: a process of the job that has just begun, or
        # just ended, is no stranger.
        self._own.update(self._process.pids())
        sample = replace(self._cpu(), gpu=gpu)
        if present is None or not self._own:
            return sample
        computing = [process for process in present if process.kind == "compute"]
        strangers = tuple(process for process in computing if process.pid not in self._own)
        return replace(sample, strangers=strangers, listed=len(strangers) < len(computing))


class Watch:
    """Takes samples in a thread while a job runs; each is on disk once it is taken.

    ``also`` is called at each: what else is to be looked at now and then wakes no processor of its
    own. Whatever breaks here, also in ``begin``, which gives the probe, ends the watch and not the
    job: ``problem`` then says what it was.
    """

    def __init__(
        self,
        begin: Callable[[], Probe],
        path: Path,
        also: Callable[[], None] = lambda: None,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self.samples: list[Sample] = []
        self.problem: str | None = None
        self._begin = begin
        self._path = path
        self._also = also
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=10)
        if self._thread.is_alive():
            self.problem = "the monitor hung: the driver or the kernel did not answer"

    def _waits(self) -> Iterator[float]:
        """Yield the pauses before the samples: short ones first, so that short jobs are judged."""
        wait = self._interval / 8
        while True:
            yield wait
            wait = min(2 * wait, self._interval)

    def _watch(self) -> None:
        try:
            probe = self._begin()
            with self._path.open("a", encoding="utf-8") as file:
                for wait in self._waits():
                    if self._ended.wait(wait):
                        break
                    sample = probe()
                    file.write(sample.to_json() + "\n")
                    file.flush()
                    self.samples.append(sample)
                    self._also()
        except Exception as error:
            self.problem = (
                f"the monitor ended after {len(self.samples)} samples: "
                f"{type(error).__name__}: {error}"
            )


def foreign_load(samples: Sequence[Sample]) -> float | None:
    """Return the mean number of cores that others used, or None if it is not known."""
    known = [s for s in samples if s.foreign_load is not None]
    if not known:
        return None
    # Rounding of the kernel's ticks can put a quiet machine a little below nothing.
    load = statistics.fmean([s.foreign_load or 0.0 for s in known], [s.seconds for s in known])
    return max(0.0, load)


def pauses_of(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Return from when to when a job was kept from running, in seconds since the epoch."""
    found: list[tuple[float, float]] = []
    for sample in samples:
        if not sample.paused or sample.wall is None:
            continue
        began = sample.wall - sample.paused
        if found and began - found[-1][1] < INTERVAL_SECONDS / 2:
            began = found.pop()[0]
        found.append((began, sample.wall))
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _throttled(samples: Sequence[Sample]) -> Counter[str] | None:
    """Return in how many samples each reason held the clocks, or None if the card never tells."""
    throttles = [
        s.gpu.throttle for s in samples if s.gpu is not None and s.gpu.throttle is not None
    ]
    return Counter(word for words in throttles for word in sorted(words)) if throttles else None


def _held(samples: Sequence[Sample]) -> set[str] | None:
    """Return what held the clocks for long; None if the card never tells.

    The hardware's bits are also set for a moment while a card changes its clocks by itself (DCGM,
    "Field Identifiers", clock event reasons), so one sample of many proves no slowdown.
    """
    counts = _throttled(samples)
    if counts is None:
        return None
    return {word for word, count in counts.items() if count > _SHARE_HELD * len(samples)}


def _is_exclusive(samples: Sequence[Sample]) -> bool | None:
    """Return whether the job had the GPU to itself; None where the driver's list proves nothing."""
    if not any(sample.listed for sample in samples):
        return None
    return not any(sample.strangers for sample in samples)


def within(samples: Sequence[Sample], began: float, ended: float) -> list[Sample]:
    """Return the samples that tell of the time between two, in seconds since the epoch.

    A sample tells of the time since the one before. All of them where the time is too short to be
    judged, or where they have no time.
    """
    found = [s for s in samples if s.wall is not None and began < s.wall < ended + s.seconds]
    return found if len(found) >= MIN_SAMPLES else list(samples)


def energy_of(
    samples: Sequence[Sample], span: tuple[float, float] | None, epochs: int
) -> dict[str, float | None]:
    """Return the joules per epoch of card and processor, for the ``epochs`` within ``span``."""
    timed = [(s.wall, s) for s in samples if s.wall is not None]
    card = [(at, s.gpu.energy_j) for at, s in timed if s.gpu and s.gpu.energy_j is not None]
    processor = [(at, s.cpu_energy_j) for at, s in timed if s.cpu_energy_j is not None]
    return {
        "gpu_joules_per_epoch": joules_per_epoch(card, span, epochs),
        "cpu_joules_per_epoch": joules_per_epoch(processor, span, epochs),
    }


def _hottest(samples: Sequence[Sample]) -> float | None:
    known = [s.gpu.temperature_c for s in samples if s.gpu and s.gpu.temperature_c is not None]
    return max(known, default=None)


def summarize_samples(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return samples in one line: means, the highest temperature, all pauses."""
    cards = [s.gpu for s in samples if s.gpu is not None]
    held = _held(samples)
    exclusive = {True: "yes", False: "no", None: "not known"}[_is_exclusive(samples)]
    return {
        "samples": len(samples),
        "foreign_load": foreign_load(samples),
        "cpu_mhz": _mean([s.cpu_mhz for s in samples]),
        "gpu_utilization": _mean([card.utilization_percent for card in cards]),
        "gpu_temperature": _hottest(samples),
        "gpu_power_w": _mean([card.power_w for card in cards]),
        "gpu_sm_mhz": _mean([card.sm_mhz for card in cards]),
        "throttle": None if held is None else ", ".join(sorted(held)) or "none",
        "exclusive": exclusive if cards else None,
        "paused_seconds": sum(s.paused for s in samples) if samples else None,
        "throttled_seconds": _throttled_in(samples),
    }


def _throttled_in(samples: Sequence[Sample]) -> float | None:
    known = [s.throttled for s in samples if s.throttled is not None]
    return sum(known) if known else None


@dataclass(frozen=True)
class WatchVerdict:
    """``tainted`` says why a job's time cannot be trusted; ``warnings`` what to know beside it."""

    tainted: str | None = None
    warnings: tuple[str, ...] = ()


Judge = Callable[[Sequence[Sample]], WatchVerdict]


def _of_strangers(samples: Sequence[Sample]) -> list[str]:
    if _is_exclusive(samples) is not False:
        return []
    found = [stranger for sample in samples for stranger in sample.strangers or ()]
    seen, latest = Counter(one.pid for one in found), {one.pid: one for one in found}
    return [
        f"another process was on the GPU: {latest[pid]} in {count} of {len(samples)} samples"
        for pid, count in seen.items()
    ]


def _of_slowdowns(samples: Sequence[Sample]) -> list[str]:
    counts, held = _throttled(samples) or Counter(), _held(samples) or set()
    hottest = _hottest(samples)
    at = f", at up to {hottest:.0f} C" if hottest is not None else ""
    return [
        f"the GPU was slowed down: {word} in {count} of {len(samples)} samples{at}"
        for word, count in sorted(counts.items())
        if word in SLOWDOWNS & held
    ]


def _of_load(samples: Sequence[Sample]) -> list[str]:
    load = foreign_load(samples)
    if load is None or not is_loaded(load, len(samples)):
        return []
    return [
        f"others used {load:.2f} CPU cores while it ran, more than {FOREIGN_LOAD_LIMIT}: "
        "something else was at work on this machine"
    ]


def _of_pauses(samples: Sequence[Sample]) -> list[str]:
    paused = sum(sample.paused for sample in samples)
    if not paused:
        return []
    return [
        f"the job was paused for {paused:.1f} s: "
        "it was stopped or frozen, or this machine was suspended"
    ]


def _of_quota(samples: Sequence[Sample]) -> list[str]:
    seconds = _throttled_in(samples) or 0.0
    if seconds <= THROTTLED_LIMIT:
        return []
    return [
        f"its CPU quota held the job up for {seconds:.1f} s: give its control group more, or it "
        "fewer --threads"
    ]


def disturbed_between(samples: Sequence[Sample], began: float, ended: float) -> bool:
    """Return whether something held a device up between two times, in seconds since the epoch."""
    of_time = [s for s in samples if s.wall is None or (began < s.wall < ended + s.seconds)]
    is_listed = any(sample.listed for sample in samples)
    return any(
        s.paused
        or (s.gpu is None and (s.foreign_load or 0) > FOREIGN_LOAD_LIMIT)
        or (s.gpu is not None and (s.gpu.throttle or frozenset()) & SLOWDOWNS)
        or (is_listed and s.strangers)
        for s in of_time
    )


def _objections(samples: Sequence[Sample]) -> list[str]:
    """Return what makes a time untrustworthy. On a GPU the CPUs' load is no such thing."""
    if any(sample.gpu is not None for sample in samples):
        found = _of_strangers(samples) + _of_slowdowns(samples)
    else:
        found = _of_load(samples)
    return found + _of_pauses(samples) + _of_quota(samples)


def _unknown(samples: Sequence[Sample]) -> list[str]:
    """Return what the samples leave unjudged."""
    if len(samples) < MIN_SAMPLES:
        return [
            f"too short to judge the load of others: {len(samples)} samples, "
            f"{MIN_SAMPLES} are needed"
        ]
    notes = []
    if foreign_load(samples) is None:
        notes.append("the load of others is not known: the job's processes are not seen from here")
    on_gpu = [sample for sample in samples if sample.gpu is not None]
    if on_gpu and _is_exclusive(on_gpu) is None:
        why = "the driver does not list its processes"
        if any(sample.strangers is not None for sample in on_gpu):
            why = "the driver's list does not hold the job's own process"
        notes.append(f"whether others used the GPU is not known: {why}")
    if on_gpu and _throttled(on_gpu) is None:
        notes.append("whether the GPU was slowed down is not known: this card does not tell")
    return notes


def _remarks(samples: Sequence[Sample]) -> list[str]:
    """Return what a reader of the time should know, though it does not taint it."""
    notes = _unknown(samples)
    if any(sample.gpu is not None for sample in samples):
        capped = (_throttled(samples) or Counter())[POWER_CAP]
        if capped:
            notes.append(f"the GPU ran at its power cap in {capped} of {len(samples)} samples")
        notes += _of_load(samples)
    return notes


def judge_strictly(samples: Sequence[Sample]) -> WatchVerdict:
    """Taint a job for whatever makes its time untrustworthy. What a GPU run is judged by.

    A GPU that another process used, or that slowed itself down, timed something else.
    """
    objections = _objections(samples)
    return WatchVerdict("; ".join(objections) or None, tuple(_remarks(samples)))


def judge_leniently(samples: Sequence[Sample]) -> WatchVerdict:
    """Say the same as warnings and let the time stand. What a CPU run is judged by.

    Desktops, laptops and CI machines are never quiet: ``strict`` would leave no result there.
    """
    return WatchVerdict(None, (*_objections(samples), *_remarks(samples)))
