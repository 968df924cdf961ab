"""The time that a run has left, from earlier runs and from what this one has shown so far."""

import statistics
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from runner.execution.observer import Announcement, Observer
from runner.plan.history import (
    MAX_JOBS,
    Cell,
    Estimate,
    History,
    Left,
    Timing,
    epochs_of,
    kind_of,
    timing_of,
)
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
        self._counts: Counter[Job] = Counter()
        self._is_open = False
        self._running: dict[str, _Running] = {}
        self._lanes = 1
        self._this_run: dict[Cell, deque[Timing]] = defaultdict(partial(deque, maxlen=MAX_JOBS))
        self._estimates: dict[Job, Estimate | None] = {}

    def run_started(self, announced: Announcement) -> None:
        self._history = self._earlier(announced.hardware)
        self._expect({job.id: kind_of(job) for job in announced.jobs if job.unsupported is None})
        self._is_open = announced.total is None
        self._lanes = announced.lanes

    def _expect(self, to_come: dict[str, Job]) -> None:
        """Take the jobs to come: by their names, what kind of job they are."""
        self._to_come, self._counts = to_come, Counter(to_come.values())

    def build_ended(self, configuration: str, error: str | None) -> None:
        if error is not None:
            left = self._to_come.items()
            self._expect({name: kind for name, kind in left if kind.configuration != configuration})

    def job_started(self, job: Job, number: int, total: int | None) -> None:  # noqa: ARG002
        if (kind := self._to_come.pop(job.id, None)) is not None:
            self._counts[kind] -= 1
        self._running[job.id] = _Running(job, self._clock(), datetime.now(UTC))

    def job_event(self, job: Job, event: Event | BadLine) -> None:
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
            self._this_run[job.backend, job.model].append(timing)
            self._estimates.clear()

    def estimate(self, job: Job) -> Estimate | None:
        """Return what a job of this run will take, by all that is known now."""
        kind = kind_of(job)
        if kind not in self._estimates:
            known = self._this_run.get((job.backend, job.model), ())
            self._estimates[kind] = self._history.estimate(kind, known)
        return self._estimates[kind]

    def left(self) -> Left:
        """Return what the run has left now. Lanes share what is left, but a job has one alone."""
        now = self._clock()
        # The drawing of the screen asks from a thread of its own.
        at_work = [
            _left_of(running, self.estimate(running.job), now)
            for running in list(self._running.values())
        ]
        parts = [(part, 1) for part in at_work]
        for kind, count in list(self._counts.items()):
            if count:
                found = self.estimate(kind)
                parts.append((found.seconds if found else None, count))
        known = [(part, count) for part, count in parts if part is not None]
        together = sum(part * count for part, count in known)
        seconds = max(together / self._lanes, max((part for part, _ in known), default=0.0))
        unknown = sum(count for part, count in parts if part is None)
        return Left(seconds, unknown, self._is_open)
