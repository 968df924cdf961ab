"""A run on a cluster, followed from here by its folder and by what the queue says."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from runner.cluster.life import SignsOfLife
from runner.cluster.submissions import TaskOfJob, latest_tasks, submissions
from runner.errors import StoreError
from runner.execution.interrupts import Interrupts
from runner.execution.observer import Observer
from runner.schedulers.base import (
    BLAMELESS_CAUSES,
    Cause,
    Scheduler,
    Task,
    TaskState,
)
from runner.spec.job import Job, Status
from runner.store.events import BadLine, Event, LineReader
from runner.store.record import Record, read_record
from runner.store.run_folder import RunStore, last_line
from runner.words import printable

# How often a job is handed in for what was no fault of its own.
MOST_TIMES = 3
# A record may be seen here some time after its task has left the queue: a shared file system tells
# other machines late.
SETTLE_SECONDS = 15.0
POLL_SECONDS = 1.0
# The controller is shared with everyone.
ASK_EVERY_SECONDS = 5.0
_SAY_EVERY_SECONDS = 60.0
_FINE = (Status.OK, Status.UNSUPPORTED)
_ENDS = {
    Cause.TIME_LIMIT: (Status.TIMEOUT, "the queue's time limit of a task ran out (--time)"),
    Cause.MEMORY: (Status.OOM, "the task took more memory than the queue gave it (--slurm mem=)"),
    Cause.CANCELLED: (Status.INTERRUPTED, "its task was cancelled"),
    Cause.PREEMPTED: (Status.INTERRUPTED, "the queue took its node for another task"),
    Cause.NODE: (Status.INTERRUPTED, "its node failed"),
    Cause.UNKNOWN: (Status.INTERRUPTED, "its task is gone, and the queue no longer knows it"),
}


def end_of(task: Task, output: Path) -> Record:
    """Return the record of a job whose task ended without its saying why.

    ``output`` is what the task printed.
    """
    where = f" on node {task.node}" if task.node else ""
    identity = {"node": task.node} if task.node else {}
    if task.cause in _ENDS:
        status, reason = _ENDS[task.cause]
        return Record(status, f"{reason}{where} ({task.reason})", identity=identity)
    output_end = b""
    with suppress(OSError):
        output_end = last_line(output)
    shown = printable(output_end, limit=300)
    reason = f"its task ended{where} without a result ({task.reason}): {shown}"
    return Record(Status.FAILED, reason, identity=identity)


def _inode(folder: Path) -> int | None:
    """Return what tells an attempt at a job from the ones before; None if none was begun."""
    try:
        return (folder / "events.jsonl").stat().st_ino
    except OSError:
        return None


@dataclass
class Tail:
    """What a job's worker writes down, read here as it grows."""

    folder: Path
    _reader: LineReader = field(default_factory=LineReader)
    _inode: int = 0
    _read: int = 0

    def news(self) -> Iterator[Event | BadLine]:
        """Yield the events that came since; from the first if the job was begun again."""
        try:
            with (self.folder / "events.jsonl").open("rb") as file:
                if (inode := os.fstat(file.fileno()).st_ino) != self._inode:
                    self._reader, self._inode, self._read = LineReader(), inode, 0
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        self._read += len(data)
        yield from self._reader.feed(data)


@dataclass
class Follower:
    """Follows those of a run's jobs that were handed in and have not ended, until each has.

    ``again`` hands jobs in once more, each up to ``most_times`` altogether; ``retried`` are the
    ends that do not count as one. ``never`` are the jobs without an end that were not handed in.
    """

    store: RunStore
    jobs: Sequence[Job]
    scheduler: Scheduler
    observer: Observer
    interrupts: Interrupts
    again: Callable[[list[Job]], None]
    retried: frozenset[Status] = frozenset()
    most_times: int = MOST_TIMES
    settle: float = SETTLE_SECONDS
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        left, latest = (None, *self.retried), self._latest()
        without = [job for job in self.jobs if self.store.ended(job) in left]
        self._open = {job.id: job for job in without if job.id in latest}
        self.never = [job for job in without if job.id not in latest]
        self._numbers = {job.id: number for number, job in enumerate(self.jobs, start=1)}
        self._tails: dict[str, Tail] = {}
        self._gone_since: dict[str, float] = {}
        self._signs = SignsOfLife(self.store.folder, self.clock)
        # What is left of an attempt that is made again.
        self._stale = {
            name: _inode(self._folder(job)) for name, job in self._open.items() if self._ended(job)
        }
        self._noted_at = -_SAY_EVERY_SECONDS
        before = [record for job in self.jobs if job.id not in self._open
                  if (record := self._ended(job)) is not None]  # fmt: skip
        self.all_ok = not self.never and all(record.status in _FINE for record in before)

    @property
    def left(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return list(self._open.values())

    def follow(self) -> bool:
        """Follow all to their ends and return whether every one is ok or unsupported.

        Raises KeyboardInterrupt at a wish to end; the tasks then go on without it.
        """
        asked_at = -ASK_EVERY_SECONDS
        while self._open:
            if self.clock() - asked_at >= ASK_EVERY_SECONDS:
                asked_at = self.clock()
                tasks = self._tasks()
                self._settle(tasks)
                self._say_standing(tasks)
            self._look()
            if self._open:
                self.interrupts.sleep(POLL_SECONDS)
        return self.all_ok

    def _latest(self) -> dict[str, TaskOfJob]:
        return latest_tasks(submissions(self.store.folder))

    def _tasks(self) -> dict[str, Task]:
        """Return how the queue sees the task of each job that has not ended."""
        return tasks_of(self._latest(), self._open, self.scheduler)

    def _folder(self, job: Job) -> Path:
        return self.store.folder / "jobs" / job.id

    def _ended(self, job: Job) -> Record | None:
        try:
            return read_record(self._folder(job))
        except StoreError:
            return None

    def _is_begun(self, job: Job) -> bool:
        inode = _inode(self._folder(job))
        return inode is not None and inode != self._stale.get(job.id)

    def _record(self, job: Job) -> Record | None:
        """Return how a job ended since this began to follow it."""
        return self._ended(job) if self._is_begun(job) else None

    def _look(self) -> None:
        """Tell what the workers have written since the last look."""
        for job in list(self._open.values()):
            if not self._is_begun(job):
                continue
            if job.id not in self._tails:
                self._tails[job.id] = Tail(self._folder(job))
                self.observer.job_started(job, self._numbers[job.id], len(self.jobs))
            for item in self._tails[job.id].news():
                self.observer.job_event(job, item)
            record = self._record(job)
            if record is not None and record.status not in self.retried:
                self._end(job, record)

    def _end(self, job: Job, record: Record) -> None:
        """Take a job for ended."""
        if job.id not in self._tails:
            self.observer.job_started(job, self._numbers[job.id], len(self.jobs))
        del self._open[job.id]
        self.observer.job_ended(job, record)
        self.all_ok = self.all_ok and record.status in _FINE

    def _settle(self, tasks: Mapping[str, Task]) -> None:
        """Write down how the jobs ended whose tasks have left the queue without a result."""
        lost: list[Job] = []
        latest = self._latest()
        for name, task in tasks.items():
            if task.state is not TaskState.ENDED:
                self._gone_since.pop(name, None)
                continue
            # A queue may forget a task, or not show it to this person: it is not gone for that.
            if task.cause is Cause.UNKNOWN and self._signs.is_alive(name):
                self._gone_since.pop(name, None)
                continue
            since = self._gone_since.setdefault(name, self.clock())
            if self.clock() - since < self.settle:
                continue
            job, of_job = self._open[name], latest[name]
            record = self._record(job)
            if record is not None and record.status not in self.retried:
                continue
            found = end_of(task, of_job.submission.output(of_job.number))
            if task.cause in BLAMELESS_CAUSES and of_job.times < self.most_times:
                self.observer.note(f"{name}: it is handed in again: {found.reason}")
                lost.append(job)
                continue
            if record is None or task.cause in _ENDS:
                self.store.end(job, found)
            self._end(job, read_record(self._folder(job)))
        for job in lost:
            self._gone_since.pop(job.id)
        if lost:
            self.again(lost)

    def _say_standing(self, tasks: Mapping[str, Task]) -> None:
        """Say now and then what waits, and for what."""
        waiting = [task for task in tasks.values() if task.state is TaskState.WAITING]
        if not waiting or self.clock() - self._noted_at < _SAY_EVERY_SECONDS:
            return
        self._noted_at = self.clock()
        self.observer.note(standing_text(tasks))


def tasks_of(
    latest: Mapping[str, TaskOfJob], wanted: Mapping[str, Job], scheduler: Scheduler
) -> dict[str, Task]:
    """Return how the queue sees the latest task of each wanted job that was handed in."""
    by_name: dict[str, dict[int, str]] = {}
    for job in wanted:
        if job in latest:
            by_name.setdefault(latest[job].submission.name, {})[latest[job].number] = job
    return {
        jobs[number]: task
        for name, jobs in by_name.items()
        for number, task in scheduler.tasks(name, jobs).items()
    }


def standing_text(tasks: Mapping[str, Task]) -> str:
    """Return "12 waiting (Resources), 2 running on n1, n2"."""
    waiting = [task for task in tasks.values() if task.state is TaskState.WAITING]
    running = [task for task in tasks.values() if task.state is TaskState.RUNNING]
    reasons = ", ".join(sorted({task.reason for task in waiting if task.reason}))
    nodes = ", ".join(sorted({task.node for task in running if task.node}))
    parts = [f"{len(waiting)} waiting" + f" ({reasons})" * bool(reasons)] if waiting else []
    parts += [f"{len(running)} running" + f" on {nodes}" * bool(nodes)] if running else []
    if stuck := [task for task in waiting if task.is_stuck]:
        parts.append(f"{len(stuck)} of them will not begin by themselves as they are asked for")
    return ", ".join(parts) or "none waits or runs"
