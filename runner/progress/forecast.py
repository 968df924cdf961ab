"""The time that a run has left, from earlier runs and from what this one has shown so far."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runner.execution.observer import Announcement, Observer
from runner.plan.history import Estimate, History, Left, Timing, epochs_of, timing_of
from runner.spec.job import Job, Status
from runner.store.events import BadLine, DataEvent, EpochEvent, Event
from runner.store.record import Record


@dataclass
class _Running:
    """A job that runs now: when it began, and its epochs so far."""

    job: Job
    began: float
    started: datetime
    kept: list[Event] = field(default_factory=list)
    last_epoch_at: float | None = None


def _left_of(running: _Running, estimate: Estimate | None, now: float) -> float | None:
    """Return the seconds that the running job has left, or None where nothing tells."""
    seconds = [event.seconds for event in running.kept if isinstance(event, EpochEvent)]
    if not seconds or running.last_epoch_at is None:
        if estimate is None:
            return None
        unseen = estimate.before + estimate.first_epoch
        return estimate.seconds - min(now - running.began, unseen)
    to_come = max(0, epochs_of(running.job) - len(seconds))
    if to_come and estimate is None and len(seconds) == 1:
        # The first also held what is done once, and how much of it that was is not known.
        return None
    known = estimate.later_epoch if estimate else 0.0
    each = statistics.median(seconds[1:]) if len(seconds) > 1 else known
    ahead = each * to_come
    after = estimate.after if estimate else 0.0
    since = now - running.last_epoch_at
    return max(0.0, ahead + after - min(since, each if ahead else after))


class Forecast(Observer):
    """Follows a run and tells what it has left.

    ``earlier`` gives the history of jobs on some hardware, ``clock`` monotonic seconds.
    """

    def __init__(
        self,
        earlier: Callable[[str | None], History],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._earlier = earlier
        self._history = earlier(None)
        self._clock = clock
        self._to_come: dict[str, Job] = {}
        self._is_open = False
        self._running: dict[str, _Running] = {}
        self._lanes = 1
        self._this_run: list[Timing] = []
        self._estimates: dict[str, Estimate | None] = {}

    def run_started(self, announced: Announcement) -> None:
        self._history = self._earlier(announced.hardware)
        self._to_come = {job.id: job for job in announced.jobs if job.unsupported is None}
        self._is_open = announced.total is None
        self._lanes = announced.lanes

    def build_ended(self, configuration: str, error: str | None) -> None:
        if error is not None:
            self._to_come = {
                name: job
                for name, job in self._to_come.items()
                if job.configuration != configuration
            }

    def job_started(self, job: Job, number: int, total: int | None) -> None:  # noqa: ARG002
        self._to_come.pop(job.id, None)
        self._running[job.id] = _Running(job, self._clock(), datetime.now(UTC))

    def job_said(self, job: Job, event: Event | BadLine) -> None:
        running = self._running.get(job.id)
        if running is None or not isinstance(event, EpochEvent | DataEvent):
            return
        running.kept.append(event)
        if isinstance(event, EpochEvent):
            running.last_epoch_at = self._clock()

    def job_ended(self, job: Job, record: Record) -> None:
        running = self._running.pop(job.id, None)
        if running is None or record.status not in (Status.OK, Status.TAINTED):
            return
        timing = timing_of(
            job,
            running.kept,
            running.started.timestamp(),
            self._clock() - running.began,
            self._history.hardware,
        )
        if timing is not None:
            self._this_run.append(timing)
            self._estimates.clear()

    def estimate(self, job: Job) -> Estimate | None:
        """Return what a job of this run will take, by all that is known now."""
        if job.id not in self._estimates:
            self._estimates[job.id] = self._history.estimate(job, self._this_run)
        return self._estimates[job.id]

    def left(self) -> Left:
        """Return what the run has left now. Lanes share what is left, but a job has one alone."""
        now = self._clock()
        # The drawing of the screen asks from a thread of its own.
        at_work = [
            _left_of(running, self.estimate(running.job), now)
            for running in list(self._running.values())
        ]
        parts = at_work + [
            None if (found := self.estimate(job)) is None else found.seconds
            for job in list(self._to_come.values())
        ]
        known = [part for part in parts if part is not None]
        longest = max((part for part in parts if part is not None), default=0.0)
        seconds = max(sum(known) / self._lanes, longest)
        return Left(seconds, len(parts) - len(known), self._is_open)
