"""A run: environments made, jobs started one after the other, everything kept as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from datetime import UTC, datetime

from runner import occupancy
from runner.configurations import Configuration
from runner.devices import Gpu
from runner.errors import BuildError, EngineError
from runner.events import BadLine, Event, LineReader, printable
from runner.jobs import Job, Status
from runner.launchers.base import Environment, Launcher, Process, Stream
from runner.occupancy import Guard, Obstacle
from runner.outcome import Heard, Outcome, conclude
from runner.progress import Observer
from runner.results import JobStore, Record, RunStore
from runner.watch import Judge, Watch, summarize


@dataclass(frozen=True)
class Conditions:
    """What holds for every job of a run. ``timeout`` is a job's wall limit in seconds.

    ``guard`` keeps the device to this run; None means the usual one for the device, ``gpu`` or
    the CPUs.
    """

    launcher: Launcher
    store: RunStore
    observer: Observer
    timeout: float
    gpu: Gpu | None = None
    guard: Guard | None = None

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
        )


@dataclass
class _Listener:
    """Takes a job's output: checked events to the store and the observer, the rest to the log."""

    job: Job
    store: JobStore
    observer: Observer
    heard: Heard
    reader: LineReader
    began: float

    def listen(self, process: Process, deadline: float) -> None:
        """Take output to its end. Raises TimeoutError at ``deadline`` (monotonic seconds)."""
        while (left := deadline - time.monotonic()) > 0:
            chunk = process.read(left)
            if chunk is None:
                self._take(list(self.reader.close()))
                return
            if chunk.stream is Stream.LOG:
                self.store.log(chunk.data)
            else:
                self._take(list(self.reader.feed(chunk.data)))
        raise TimeoutError

    def _take(self, items: list[Event | BadLine] | list[BadLine]) -> None:
        for item in items:
            if isinstance(item, BadLine):
                self.store.bad_line(item)
            else:
                self.store.event(item)
            self.heard.add(item)
            self.observer.job_said(self.job, item)


def _attend(process: Process, listener: _Listener, timeout: float) -> Outcome:
    """Follow a process to its end and return how the job ended."""
    try:
        listener.listen(process, listener.began + timeout)
    except TimeoutError:
        process.stop()
        return Outcome(Status.TIMEOUT, f"it took longer than {timeout:.0f} s (--timeout)")
    except KeyboardInterrupt:
        process.stop()
        raise
    log_end = printable(listener.store.last_log_line().encode(), limit=300)
    return conclude(listener.job, listener.heard, process.wait(), log_end)


def _apply(outcome: Outcome, watch: Watch, judge: Judge, record: Record) -> None:
    """Enter how the job ended, and what its samples say of the time it took."""
    verdict = judge(watch.samples)
    record.status, record.reason = outcome.status, outcome.reason
    record.exit_code = outcome.exit_code
    record.warnings += verdict.warnings
    if verdict.tainted is None:
        return
    if outcome.status is Status.OK:
        record.status, record.reason = Status.TAINTED, verdict.tainted
    else:
        record.warnings.append(verdict.tainted)


def _follow(listener: _Listener, process: Process, conditions: Conditions, record: Record) -> None:
    """Follow a started job to its end, under watch, and enter into ``record`` how it ended."""
    keeper = conditions.keeper
    watch = Watch(lambda: keeper.probe(process), listener.store.folder / "telemetry.jsonl")
    try:
        with watch:
            outcome = _attend(process, listener, conditions.timeout)
    finally:
        record.cpus = process.cpus
        record.telemetry = summarize(watch.samples)
        record.warnings += [watch.problem] if watch.problem else []
    _apply(outcome, watch, keeper.judge, record)


def run_job(job: Job, environment: Environment, conditions: Conditions) -> Record:
    """Run one job in a fresh process and return its record; both are on disk by then.

    A KeyboardInterrupt ends the job, records it as interrupted, and goes on up.
    """
    record = conditions.record(Status.INTERRUPTED, "interrupted by the user")
    record.identity = environment.identity
    store = conditions.store.job(job)
    began = time.monotonic()
    listener = _Listener(job, store, conditions.observer, Heard(), LineReader(), began)
    process: Process | None = None
    try:
        process = conditions.launcher.start(job, environment)
        _follow(listener, process, conditions, record)
    except EngineError as error:
        record.status, record.reason = Status.FAILED, str(error)
    finally:
        record.warnings += _close(process)
        record.wall_seconds = time.monotonic() - began
        record.bad_lines = len(listener.heard.bad_lines)
        store.close(record)
    return record


def _close(process: Process | None) -> list[str]:
    """Remove what a process left, and return what stood against it: other jobs go on."""
    try:
        if process is not None:
            process.close()
    except EngineError as error:
        return [str(error)]
    return []


def _prepare(
    configurations: list[Configuration], conditions: Conditions
) -> dict[str, Environment | BuildError]:
    """Make every configuration's environment; one that fails does not stop the others."""
    made: dict[str, Environment | BuildError] = {}
    for configuration in configurations:
        conditions.observer.note(f"{configuration.name}: {configuration.title}")
        log = conditions.store.folder / f"build-{configuration.name}.log"
        try:
            made[configuration.name] = conditions.launcher.prepare(configuration, log)
        except BuildError as error:
            conditions.observer.note(f"{configuration.name}: the build failed: {error}")
            made[configuration.name] = error
    return made


def _unstarted(job: Job, status: Status, reason: str, conditions: Conditions) -> Record:
    record = conditions.record(status, reason)
    conditions.store.unstarted(job, record)
    return record


def _one(
    job: Job, environment: Environment | BuildError, obstacle: Obstacle, conditions: Conditions
) -> Record:
    if job.unsupported is not None:
        return _unstarted(job, Status.UNSUPPORTED, job.unsupported, conditions)
    if isinstance(environment, BuildError):
        return _unstarted(job, Status.BUILD_FAILED, str(environment), conditions)
    if (reason := obstacle()) is not None:
        return _unstarted(job, Status.FAILED, reason, conditions)
    return run_job(job, environment, conditions)


def run(configurations: list[Configuration], jobs: Iterable[Job], conditions: Conditions) -> bool:
    """Run all jobs as they come and return whether every one that could run is ok.

    Raises MachineError if the device is not free once the environments are made.
    """
    total = len(jobs) if isinstance(jobs, Sized) else None
    environments = _prepare(configurations, conditions)
    all_ok = True
    with conditions.keeper.hold() as obstacle:
        for number, job in enumerate(jobs, start=1):
            conditions.observer.job_started(job, number, total)
            record = _one(job, environments[job.configuration], obstacle, conditions)
            conditions.observer.job_ended(job, record)
            all_ok = all_ok and record.status in (Status.OK, Status.UNSUPPORTED)
    return all_ok
