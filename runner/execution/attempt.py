"""One job in a fresh process, followed to its end, everything kept as it comes."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

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
    Sample,
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
from runner.machine.inherited import inherited_by
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
            began = time.monotonic()
            wait = min(max(timer.left(began), 0.001), _LONGEST_WAIT_SECONDS)
            try:
                chunk = process.read(wait)
            except TimeoutError:
                timer.unwatched(time.monotonic() - began - wait)
            else:
                timer.heard(time.monotonic())
                if chunk is None:
                    self._take(self.reader.close())
                    return
                if chunk.stream is Stream.LOG:
                    self.store.log(chunk.data)
                else:
                    self._take(self.reader.feed(chunk.data))
            if (clock := timer.fired(time.monotonic())) is not None:
                raise _OutOfTimeError(clock)
        raise KeyboardInterrupt

    def _take(self, items: Iterator[Event | BadLine] | Iterator[BadLine]) -> None:
        for item in items:
            self.heard.add(item)
            if isinstance(item, BadLine):
                self.store.bad_line(item)
            else:
                self.store.event(item)
            self.observer.job_event(self.job, item)


@dataclass(frozen=True)
class _Begin:
    """When a job began: by the clock that nobody sets, and how far the system's was ahead of it."""

    at: float = field(default_factory=time.monotonic)
    ahead: float = field(default_factory=lambda: time.time() - time.monotonic())

    @property
    def seconds(self) -> float:
        """Return how long it was ago."""
        return time.monotonic() - self.at

    @property
    def step(self) -> float | None:
        """Return by how many seconds the system's clock was set since; None if it was not."""
        step = time.time() - time.monotonic() - self.ahead
        return step if abs(step) > _CLOCK_STEP_SECONDS else None


def _cut_short(error: BaseException, limits: TimeLimits) -> Outcome | None:
    """Return how a job ended that was stopped for ``error``; None if that is not the job's."""
    if isinstance(error, _OutOfTimeError):
        reason = f"{_OPTIONS[error.clock].format(limits.limit(error.clock))} (--{error.clock})"
        return Outcome(Status.TIMEOUT, reason, clock=error.clock)
    if isinstance(error, FloodError):
        return Outcome(Status.INVALID, str(error))
    return Outcome(Status.FAILED, str(error)) if isinstance(error, OverrunError) else None


def _was_stopped_with_runner(ended: Exit, interrupts: Interrupts) -> bool:
    """Return whether the wish to end this runner was sent to its job too, as a cluster sends it.

    Which of the two hears it first is chance.
    """
    if ended.code in _ENDED_BY_TERM:
        wait_until(lambda: interrupts.pending, _SENT_WITHIN_SECONDS)
    return interrupts.pending


def _attend(
    process: Process, listener: _Listener, conditions: Conditions, begin: _Begin,
    was_disturbed: WasDisturbed,
) -> Outcome:  # fmt: skip
    """Follow a process to its end and return how the job ended."""
    interrupts = conditions.interrupts
    try:
        with interrupts.waking(process.wake):
            listener.listen(process, Timer(conditions.limits, begin.at), interrupts)
    except BaseException as error:
        process.stop(lambda: interrupts.urgent)
        if (outcome := _cut_short(error, conditions.limits)) is None:
            raise
        return outcome
    log_end = listener.store.last_log_line()
    ended = process.wait()
    heard = listener.heard if begin.step is None else without_times(listener.heard)
    outcome = conclude(listener.job, heard, ended, log_end, was_disturbed)
    if outcome.status is not Status.OK and _was_stopped_with_runner(ended, interrupts):
        raise KeyboardInterrupt
    wrong = other_card(heard, conditions.gpu.name) if conditions.gpu else None
    return outcome if wrong is None else replace(outcome, status=Status.INVALID, reason=wrong)


def _watch(process: Process, keeper: DeviceGuard, store: JobStore) -> Watch:
    """Return what takes samples of a process, and lets it be heard again once it is due."""
    return Watch(
        lambda: keeper.probe(process), store.folder / "telemetry.jsonl", process.wake_if_due
    )


def _timed(watch: Watch, heard: Heard) -> list[Sample]:
    """Return the samples of the epochs that are timed; without those, all of the job's."""
    span = timed_span(heard.events)
    return within(watch.samples, *span) if span is not None else list(watch.samples)


def _judged(outcome: Outcome, verdict: WatchVerdict) -> Outcome:
    """Return how a job ended, with what its samples say of the time it took."""
    warnings = (*outcome.warnings, *verdict.warnings)
    if verdict.tainted is not None and outcome.status is Status.OK:
        return replace(outcome, status=Status.TAINTED, reason=verdict.tainted, warnings=warnings)
    tainted = () if verdict.tainted is None else (verdict.tainted,)
    return replace(outcome, warnings=(*warnings, *tainted))


def _follow(
    process: Process, watch: Watch, listener: _Listener, keeper: DeviceGuard,
    conditions: Conditions, begin: _Begin,
) -> Outcome:  # fmt: skip
    """Follow a started job to its end, under watch, and return how it ended."""
    with watch:
        was_disturbed = partial(disturbed_between, watch.samples)
        outcome = _attend(process, listener, conditions, begin, was_disturbed)
    heard = listener.heard
    judged = _judged(outcome, keeper.judge(_timed(watch, heard)))
    paused = epoch_pauses(pauses_of(watch.samples), list(map(vars, heard.events)))
    if not paused:
        return judged
    named = ", ".join(f"epoch {number} ({seconds:.1f} s)" for number, seconds in paused.items())
    warning = f"it was paused during {named}: take no time from there"
    return replace(judged, warnings=(*judged.warnings, warning))


def _cut_off(error: BaseException) -> Outcome:
    """Return how a job ended that was cut off by what is none of its own."""
    reason = "interrupted by the user"
    if isinstance(error, EngineError):
        reason = f"the launcher failed: {error}"
    elif isinstance(error, OSError):
        reason = f"it could not be kept: {error.strerror}"
    return Outcome(Status.INTERRUPTED, reason)


def _seen(process: Process, watch: Watch, heard: Heard) -> dict[str, Any]:
    """Return what is on record of a process and its samples, however it ended."""
    span, epochs = timed_span(heard.events), timed_epochs(heard.events)
    return {
        "cpus": process.cpus,
        "telemetry": summarize_samples(_timed(watch, heard))
        | energy_of(watch.samples, span, epochs),
        "pauses": pauses_of(watch.samples),
        "warnings": [*process.warnings, *([watch.problem] if watch.problem else [])],
    }


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
    record = conditions.record(Status.RUNNING)
    record.identity |= environment.identity
    record.attempt += conditions.store.attempt(job)
    begin, listener = _Begin(), _Listener(job, store, conditions.observer, Heard(job))
    process: Process | None = None
    watch: Watch | None = None
    cut_off: BaseException | None = None
    try:
        process = conditions.launcher.start(job, environment)
        record.identity |= inherited_by(process.pids())
        keeper = conditions.keeper
        watch = _watch(process, keeper, store)
        outcome = _follow(process, watch, listener, keeper, conditions, begin)
    except BaseException as error:
        outcome, cut_off = _cut_off(error), error
    if process is not None and watch is not None:
        record = replace(record, **_seen(process, watch, listener.heard))
    left = _close(process)
    record = replace(
        record,
        status=outcome.status,
        reason=outcome.reason,
        exit_code=outcome.exit_code,
        clock=outcome.clock,
        warnings=[*record.warnings, *outcome.warnings, *left],
        wall_seconds=begin.seconds,
        clock_step_seconds=begin.step,
        bad_lines=listener.heard.bad_lines,
    )
    store.close(record)
    if cut_off is not None:
        raise cut_off
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
