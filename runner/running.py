"""A run: environments made, jobs started one after the other, everything kept as it comes."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runner import identity, occupancy
from runner.attempts import Patience, retried
from runner.clocks import Clock, Clocks, Timer
from runner.config_files import Configuration, Device
from runner.devices import Gpu
from runner.errors import BuildError, EngineError, MachineError
from runner.events import BadLine, Event, LineReader, printable
from runner.interrupts import Interrupts
from runner.jobs import Job, Status
from runner.launchers.base import Environment, Launcher, OverrunError, Process, Stream
from runner.observer import Observer
from runner.occupancy import Guard, Obstacle
from runner.outcome import FloodError, Heard, Outcome, conclude, without_times
from runner.store import JobStore, Record, RunStore
from runner.watch import Judge, Watch, summarize

# How long a wish to end may stay unheard while a job is silent.
_POLL_SECONDS = 0.5
# A clock that is kept by the network is moved by less; more than this was set.
_CLOCK_STEP_SECONDS = 0.5
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OPTIONS = {
    Clock.FIRST_OUTPUT: "it wrote nothing for {:.0f} s after its start",
    Clock.SILENCE: "it wrote nothing for {:.0f} s",
    Clock.WALL: "it took longer than {:.0f} s",
}


@dataclass(frozen=True)
class Conditions:
    """What holds for every job of a run.

    ``guard`` keeps the device to this run; None means the usual one for the device, ``gpu`` or
    the CPUs. ``again`` are the ends that a resumed run does not take for one.
    """

    launcher: Launcher
    store: RunStore
    observer: Observer
    clocks: Clocks = field(default_factory=Clocks)
    gpu: Gpu | None = None
    guard: Guard | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    patience: Patience = field(default_factory=Patience)
    again: frozenset[Status] = frozenset({Status.INTERRUPTED})
    identity: dict[str, str | None] = field(default_factory=identity.describe)

    @property
    def keeper(self) -> Guard:
        """Return what keeps the device to this run."""
        return self.guard or occupancy.guard_for(self.gpu)

    def record(self, status: Status, reason: str | None = None) -> Record:
        """Return a record that holds what is the same for every job."""
        return Record(
            status,
            reason,
            launcher=self.launcher.name,
            started=datetime.now(UTC).isoformat(),
            device_name=self.gpu.name if self.gpu else None,
            device_uuid=self.gpu.uuid if self.gpu else None,
            driver=self.gpu.driver if self.gpu else None,
            identity={name: value for name, value in self.identity.items() if value},
        )

    def ended(self, job: Job) -> Status | None:
        """Return how a job has ended that need not run again, or None."""
        status = self.store.ended(job)
        return None if status in self.again else status


class _OutOfTimeError(Exception):
    """One of a job's clocks has fired."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.clock = clock


@dataclass
class _Listener:
    """Takes a job's output: checked events to the store and the observer, the rest to the log."""

    job: Job
    store: JobStore
    observer: Observer
    heard: Heard
    reader: LineReader = field(default_factory=LineReader)

    def listen(self, process: Process, timer: Timer, interrupts: Interrupts) -> None:
        """Take output to its end. Raises _OutOfTimeError, or KeyboardInterrupt at a wish to end."""
        while not interrupts.pending:
            if (clock := timer.fired(time.monotonic())) is not None:
                raise _OutOfTimeError(clock)
            try:
                left = timer.left(time.monotonic())
                chunk = process.read(min(max(left, 0.001), _POLL_SECONDS))
            except TimeoutError:
                continue
            timer.heard(time.monotonic())
            if chunk is None:
                self._take(self.reader.close())
                return
            if chunk.stream is Stream.LOG:
                self.store.log(chunk.data)
            else:
                self._take(self.reader.feed(chunk.data))
        raise KeyboardInterrupt

    def _take(self, items: Iterator[Event | BadLine] | Iterator[BadLine]) -> None:
        for item in items:
            self.heard.add(item)
            if isinstance(item, BadLine):
                self.store.bad_line(item)
            else:
                self.store.event(item)
            self.observer.job_said(self.job, item)


class _WallClock:
    """Tells by how much the system's clock was set since this was made."""

    def __init__(self) -> None:
        self._before = time.time() - time.monotonic()

    def step(self) -> float | None:
        """Return by how many seconds, or None if it was not set."""
        step = time.time() - time.monotonic() - self._before
        return step if abs(step) > _CLOCK_STEP_SECONDS else None


def _attend(
    process: Process, listener: _Listener, conditions: Conditions, wall: _WallClock, began: float
) -> Outcome:
    """Follow a process to its end and return how the job ended."""
    interrupts = conditions.interrupts
    try:
        listener.listen(process, Timer(conditions.clocks, began), interrupts)
    except _OutOfTimeError as out:
        process.stop(lambda: interrupts.urgent)
        limit = conditions.clocks.limit(out.clock)
        reason = f"{_OPTIONS[out.clock].format(limit)} (--{out.clock})"
        return Outcome(Status.TIMEOUT, reason, clock=out.clock)
    except FloodError as flood:
        process.stop(lambda: interrupts.urgent)
        return Outcome(Status.INVALID, str(flood))
    except OverrunError as overrun:
        process.stop(lambda: interrupts.urgent)
        return Outcome(Status.FAILED, str(overrun))
    except BaseException:
        process.stop(lambda: interrupts.urgent)
        raise
    log_end = printable(listener.store.last_log_line().encode(), limit=300)
    ended = process.wait()
    heard = listener.heard if wall.step() is None else without_times(listener.heard)
    return conclude(listener.job, heard, ended, log_end)


def _apply(outcome: Outcome, watch: Watch, judge: Judge, record: Record) -> None:
    """Enter how the job ended, and what its samples say of the time it took."""
    verdict = judge(watch.samples)
    record.status, record.reason = outcome.status, outcome.reason
    record.exit_code, record.clock = outcome.exit_code, outcome.clock
    record.warnings += verdict.warnings
    if verdict.tainted is None:
        return
    if outcome.status is Status.OK:
        record.status, record.reason = Status.TAINTED, verdict.tainted
    else:
        record.warnings.append(verdict.tainted)


def _follow(
    listener: _Listener, process: Process, conditions: Conditions, record: Record,
    wall: _WallClock, began: float,
) -> None:  # fmt: skip
    """Follow a started job to its end, under watch, and enter into ``record`` how it ended."""
    keeper = conditions.keeper
    watch = Watch(lambda: keeper.probe(process), listener.store.folder / "telemetry.jsonl")
    try:
        with watch:
            outcome = _attend(process, listener, conditions, wall, began)
    finally:
        record.cpus = process.cpus
        record.telemetry = summarize(watch.samples)
        record.warnings += [watch.problem] if watch.problem else []
    _apply(outcome, watch, keeper.judge, record)


@contextmanager
def _disk_is_not_full(conditions: Conditions) -> Iterator[None]:
    """Say plainly that the disk is full, where it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise MachineError(
            f"{conditions.store.folder}: no space is left to keep results\n"
            "all that ended before is kept: make room (python -m runner clean), then go on with "
            f"--resume {conditions.store.name}"
        ) from error


def run_job(job: Job, environment: Environment, conditions: Conditions) -> Record:
    """Run one job in a fresh process and return its record; both are on disk by then.

    A wish to end stops the job, records it as interrupted, and goes on up as KeyboardInterrupt.
    Raises EngineError if what carries the job failed; that is on record as interrupted too.
    """
    with conditions.interrupts.deferred(), _disk_is_not_full(conditions):
        return _run_job(job, environment, conditions)


def _run_job(job: Job, environment: Environment, conditions: Conditions) -> Record:
    store = conditions.store.job(job)
    record = conditions.record(Status.INTERRUPTED, "interrupted by the user")
    record.identity |= environment.identity
    record.attempt += conditions.store.attempt(job)
    began, wall = time.monotonic(), _WallClock()
    listener = _Listener(job, store, conditions.observer, Heard(job))
    process: Process | None = None
    left: list[str] = []
    try:
        process = conditions.launcher.start(job, environment)
        _follow(listener, process, conditions, record, wall, began)
    except EngineError as error:
        record.reason = f"what carried the job failed: {error}"
        raise
    except OSError as error:
        record.status, record.reason = Status.INTERRUPTED, f"it could not be kept: {error.strerror}"
        raise
    finally:
        left = _close(process)
        record.warnings += left
        record.wall_seconds = time.monotonic() - began
        record.clock_step_seconds = wall.step()
        record.bad_lines = listener.heard.bad_lines
        store.close(record)
    if left and conditions.launcher.answers():
        raise MachineError(f"{job.id}: {left[0]}\nanother job would be timed beside it: end it")
    return record


def _close(process: Process | None) -> list[str]:
    """Remove what a process left, and return what stood against it."""
    try:
        if process is not None:
            process.close()
    except EngineError as error:
        return [str(error)]
    return []


def _timed(configuration: Configuration, log: Path, conditions: Conditions) -> Environment:
    """Return an environment; if it had to be made, how long that took goes into the manifest."""
    before = log.stat().st_size if log.exists() else 0
    began = time.monotonic()
    environment = conditions.launcher.prepare(configuration, log)
    if log.exists() and log.stat().st_size > before:
        made = {
            "launcher": conditions.launcher.name,
            "device": str(Device.GPU if conditions.gpu else Device.CPU),
            "seconds": time.monotonic() - began,
        }
        known = conditions.store.manifest().get("builds", {})
        conditions.store.amend(builds={**known, configuration.name: made})
    return environment


def _prepare(
    configurations: list[Configuration], conditions: Conditions
) -> dict[str, Environment | BuildError]:
    """Make every configuration's environment; one that fails does not stop the others."""
    made: dict[str, Environment | BuildError] = {}
    observer, total = conditions.observer, len(configurations)
    for number, configuration in enumerate(configurations, start=1):
        observer.build_started(configuration.name, configuration.title, number, total)
        log = conditions.store.folder / f"build-{configuration.name}.log"
        try:
            environment = _timed(configuration, log, conditions)
        except BuildError as error:
            made[configuration.name] = error
            observer.build_ended(configuration.name, str(error))
            continue
        observer.build_ended(configuration.name, None)
        identity.keep(conditions.store, configuration.name, environment.identity)
        made[configuration.name] = environment
    return made


def _unstarted(job: Job, status: Status, reason: str, conditions: Conditions) -> Record:
    record = conditions.record(status, reason)
    with _disk_is_not_full(conditions):
        conditions.store.unstarted(job, record)
    return record


def _is_of_carrier(error: BaseException) -> bool:
    """Return whether what carries a job failed, and not the job."""
    return isinstance(error, EngineError)


def _retried(job: Job, environment: Environment, conditions: Conditions) -> Record:
    """Run a job, again where what carries it failed and may be back in a moment."""
    patience = conditions.patience

    def say(text: str) -> None:
        conditions.observer.note(f"{job.id}: {text}")

    try:
        return retried(say, _is_of_carrier, patience, run_job, job, environment, conditions)
    except EngineError as error:
        if conditions.launcher.answers():
            reason = f"what carries it failed {patience.attempts} times: {error}"
            return _unstarted(job, Status.FAILED, reason, conditions)
        raise MachineError(
            f"{job.id}: {error}\n"
            f"tried {patience.attempts} times; when it is back, go on with "
            f"--resume {conditions.store.name}"
        ) from error


def _one(
    job: Job, environment: Environment | BuildError, obstacle: Obstacle, conditions: Conditions
) -> Record:
    if job.unsupported is not None:
        return _unstarted(job, Status.UNSUPPORTED, job.unsupported, conditions)
    if isinstance(environment, BuildError):
        return _unstarted(job, Status.BUILD_FAILED, str(environment), conditions)
    if (reason := obstacle()) is not None:
        return _unstarted(job, Status.FAILED, reason, conditions)
    return _retried(job, environment, conditions)


def _needed(
    configurations: list[Configuration], jobs: Iterable[Job], conditions: Conditions
) -> list[Configuration]:
    """Return the configurations that have something left to do; all where that is not known."""
    if not isinstance(jobs, Sized):
        return configurations
    names = {job.configuration for job in jobs if conditions.ended(job) is None}
    return [configuration for configuration in configurations if configuration.name in names]


def run(configurations: list[Configuration], jobs: Iterable[Job], conditions: Conditions) -> bool:
    """Run all jobs as they come and return whether every one that could run is ok.

    A job that has ended before is not run again. Raises MachineError if the device is not free
    once the environments are made, or if what carries the jobs stays away.
    """
    total = len(jobs) if isinstance(jobs, Sized) else None
    environments = _prepare(_needed(configurations, jobs, conditions), conditions)
    all_ok = True
    with conditions.keeper.hold() as obstacle:
        for number, job in enumerate(jobs, start=1):
            status = conditions.ended(job)
            if status is None:
                conditions.observer.job_started(job, number, total)
                record = _one(job, environments[job.configuration], obstacle, conditions)
                conditions.observer.job_ended(job, record)
                status = record.status
            all_ok = all_ok and status in (Status.OK, Status.UNSUPPORTED)
    return all_ok
