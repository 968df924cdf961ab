"""One job in a fresh process, followed to its end, everything kept as it comes."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from runner.environments.patience import Patience
from runner.errors import EngineError, MachineError
from runner.execution.guard import DeviceGuard, device_guard
from runner.execution.interrupts import Interrupts
from runner.execution.observer import Observer
from runner.execution.outcome import (
    FloodError,
    Heard,
    Outcome,
    WasDisturbed,
    conclude,
    other_card,
    without_times,
)
from runner.execution.watch import (
    Watch,
    WatchVerdict,
    disturbed_between,
    energy_of,
    pauses_of,
    summarize_samples,
    within,
)
from runner.launchers.base import (
    Environment,
    Exit,
    Launcher,
    OverrunError,
    Process,
    Stream,
    wait_until,
)
from runner.machine.disk import FULL
from runner.machine.gpu import Gpu
from runner.machine.identity import describe_identity
from runner.spec.job import Job, Status
from runner.spec.time_limits import TimeLimit, TimeLimits, Timer
from runner.store.events import BadLine, Event, LineReader
from runner.store.record import Record
from runner.store.run_folder import JobStore, RunStore
from runner.tables.disturbance import epoch_pauses, timed_epochs, timed_span

# How long it may stay unseen that a silent job is due to end where the samples have ended, as where
# the driver does not answer.
_LONGEST_WAIT_SECONDS = 20.0
# A clock that is kept by the network is moved by less; more than this was set.
_CLOCK_STEP_SECONDS = 0.5
# Of a process of this machine, and as an engine tells it.
_ENDED_BY_TERM = (-signal.SIGTERM, 128 + signal.SIGTERM)
_SENT_WITHIN_SECONDS = 1.0
_OPTIONS = {
    TimeLimit.FIRST_OUTPUT: "it wrote nothing for {:.0f} s after its start",
    TimeLimit.SILENCE: "it wrote nothing for {:.0f} s",
    TimeLimit.WALL: "it took longer than {:.0f} s",
}


@dataclass(frozen=True)
class Conditions:
    """What holds for every job of a run that runs in one lane: one after the other on a device.

    ``guard`` keeps the device to this run; None means the usual one for the device, ``gpu`` or
    the CPUs. Lanes of one run share their store, observer and interrupts. ``again`` are the ends
    that a resumed run does not take for one.
    """

    launcher: Launcher
    store: RunStore
    observer: Observer
    limits: TimeLimits = field(default_factory=TimeLimits)
    gpu: Gpu | None = None
    guard: DeviceGuard | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    patience: Patience = field(default_factory=Patience)
    again: frozenset[Status] = frozenset({Status.INTERRUPTED})
    identity: dict[str, str | None] = field(default_factory=partial(describe_identity, None))

    @property
    def keeper(self) -> DeviceGuard:
        """Return what keeps the device to this run."""
        return self.guard or device_guard(self.gpu)

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

    def __init__(self, clock: TimeLimit) -> None:
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
                chunk = process.read(min(max(left, 0.001), _LONGEST_WAIT_SECONDS))
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


def _wall_ahead() -> float:
    """Return by how many seconds the system's clock is ahead of the one that nobody sets."""
    return time.time() - time.monotonic()


def _step_since(before: float) -> float | None:
    """Return by how many seconds the system's clock was set since, or None if it was not."""
    step = _wall_ahead() - before
    return step if abs(step) > _CLOCK_STEP_SECONDS else None


def _cut_short(error: BaseException, limits: TimeLimits) -> Outcome | None:
    """Return how a job ended that was stopped for ``error``; None if that is not the job's."""
    if isinstance(error, _OutOfTimeError):
        reason = f"{_OPTIONS[error.clock].format(limits.limit(error.clock))} (--{error.clock})"
        return Outcome(Status.TIMEOUT, reason, clock=error.clock)
    if isinstance(error, FloodError):
        return Outcome(Status.INVALID, str(error))
    return Outcome(Status.FAILED, str(error)) if isinstance(error, OverrunError) else None


def _was_told_with_runner(ended: Exit, interrupts: Interrupts) -> bool:
    """Return whether the wish to end this runner was sent to its job too, as a cluster sends it.

    Which of the two hears it first is chance.
    """
    if ended.code in _ENDED_BY_TERM:
        wait_until(lambda: interrupts.pending, _SENT_WITHIN_SECONDS)
    return interrupts.pending


def _attend(
    process: Process, listener: _Listener, conditions: Conditions, wall: float, began: float,
    was_disturbed: WasDisturbed,
) -> Outcome:  # fmt: skip
    """Follow a process to its end and return how the job ended."""
    interrupts = conditions.interrupts
    try:
        with interrupts.waking(process.wake):
            listener.listen(process, Timer(conditions.limits, began), interrupts)
    except BaseException as error:
        process.stop(lambda: interrupts.urgent)
        if (outcome := _cut_short(error, conditions.limits)) is None:
            raise
        return outcome
    log_end = listener.store.last_log_line()
    ended = process.wait()
    heard = listener.heard if _step_since(wall) is None else without_times(listener.heard)
    outcome = conclude(listener.job, heard, ended, log_end, was_disturbed)
    if outcome.status is not Status.OK and _was_told_with_runner(ended, interrupts):
        raise KeyboardInterrupt
    wrong = other_card(heard, conditions.gpu.name) if conditions.gpu else None
    return outcome if wrong is None else replace(outcome, status=Status.INVALID, reason=wrong)


def _apply(outcome: Outcome, verdict: WatchVerdict, record: Record) -> None:
    """Enter how the job ended, and what its samples say of the time it took."""
    record.status, record.reason = outcome.status, outcome.reason
    record.exit_code, record.clock = outcome.exit_code, outcome.clock
    record.warnings += [*outcome.warnings, *verdict.warnings]
    if verdict.tainted is None:
        return
    if outcome.status is Status.OK:
        record.status, record.reason = Status.TAINTED, verdict.tainted
    else:
        record.warnings.append(verdict.tainted)


def _paused_epochs(record: Record, heard: Heard) -> list[str]:
    """Return a warning that names the epochs in which the job was paused, if there are any."""
    found = epoch_pauses(record.pauses, list(map(vars, heard.events)))
    named = ", ".join(f"epoch {number} ({seconds:.1f} s)" for number, seconds in found.items())
    return [f"it was paused during {named}: take no time from there"] if named else []


def _follow(
    listener: _Listener, process: Process, conditions: Conditions, record: Record,
    wall: float, began: float,
) -> None:  # fmt: skip
    """Follow a started job to its end, under watch, and enter into ``record`` how it ended."""
    keeper, telemetry = conditions.keeper, listener.store.folder / "telemetry.jsonl"
    watch = Watch(lambda: keeper.probe(process), telemetry, process.wake_if_due)
    try:
        with watch:
            was_disturbed = partial(disturbed_between, watch.samples)
            outcome = _attend(process, listener, conditions, wall, began, was_disturbed)
    finally:
        record.cpus = process.cpus
        record.warnings += process.warnings
        span, epochs = timed_span(listener.heard.events), timed_epochs(listener.heard.events)
        # Without epochs that are timed, the samples of all of the job.
        timed = watch.samples if span is None else within(watch.samples, *span)
        record.telemetry = summarize_samples(timed) | energy_of(watch.samples, span, epochs)
        record.pauses = pauses_of(watch.samples)
        record.warnings += [watch.problem] if watch.problem else []
    _apply(outcome, keeper.judge(timed), record)
    record.warnings += _paused_epochs(record, listener.heard)


@contextmanager
def disk_is_not_full(conditions: Conditions) -> Iterator[None]:
    """Say plainly that the disk is full, where it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise MachineError(
            f"{error.filename or conditions.store.folder}: no space is left\n"
            "all that ended before is kept: make room (python -m runner clean), then go on with "
            f"--resume {conditions.store.name}"
        ) from error


def run_job(job: Job, environment: Environment, conditions: Conditions) -> Record:
    """Run one job in a fresh process and return its record; both are on disk by then.

    A wish to end stops the job, records it as interrupted, and goes on up as KeyboardInterrupt.
    Raises EngineError if what carries the job failed; that is on record as interrupted too.
    """
    with conditions.interrupts.deferred(), disk_is_not_full(conditions):
        return _run_job(job, environment, conditions)


def _run_job(job: Job, environment: Environment, conditions: Conditions) -> Record:
    store = conditions.store.job(job)
    record = conditions.record(Status.INTERRUPTED, "interrupted by the user")
    record.identity |= environment.identity
    record.attempt += conditions.store.attempt(job)
    began, wall = time.monotonic(), _wall_ahead()
    listener = _Listener(job, store, conditions.observer, Heard(job))
    process: Process | None = None
    try:
        process = conditions.launcher.start(job, environment)
        _follow(listener, process, conditions, record, wall, began)
    except EngineError as error:
        record.reason = f"the launcher failed: {error}"
        raise
    except OSError as error:
        record.status, record.reason = Status.INTERRUPTED, f"it could not be kept: {error.strerror}"
        raise
    finally:
        left = _close(process)
        record.warnings += left
        record.wall_seconds = time.monotonic() - began
        record.clock_step_seconds = _step_since(wall)
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
