"""A run on a cluster as it is followed: what ends it, what is handed in again, what is told."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher_contract import make_job
from made_queue import RUNNING, MadeQueue, ended
from made_runs import events, write_job
from runner.cluster.follow import MOST_TIMES, Follower, standing_text
from runner.cluster.life import SignsOfLife, sign_of_life
from runner.cluster.submissions import Submission, keep_submission, latest_tasks, submissions
from runner.cluster.submit import submit_jobs
from runner.errors import StoreError
from runner.execution.interrupts import Interrupts
from runner.execution.observer import Observer
from runner.plan.resume import Session
from runner.schedulers.base import FORGOTTEN, Allotment, Cause, Task, TaskState
from runner.spec.job import Status
from runner.store.record import Record, read_record
from runner.store.run_folder import RunStore
from waiting import appears

PLAIN = Allotment({}, 0)


class Kept(Observer):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)

    def job_started(self, job, number, total):
        self.told.append(("started", job.repeat))

    def job_event(self, job, event):
        self.told.append(("said", job.repeat, event.event))

    def job_ended(self, job, record):
        self.told.append(("ended", job.repeat, record.status))


class Steps(Interrupts):
    """Does the next thing at each pause; a wish to end comes when there is none left."""

    def __init__(self, *steps):
        super().__init__()
        self._steps = iter(steps)

    def sleep(self, seconds):
        step = next(self._steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()


class Bench:
    """Jobs of a run that were handed in to a queue in memory, and a clock that the queue is asked
    at each look by."""

    def __init__(self, folder, count=2):
        self.store = RunStore.create(folder, {}, "night")
        self.jobs = [make_job(repeat=n, epochs=3) for n in range(1, count + 1)]
        self.queue, self.kept = MadeQueue(), Kept()
        self.hand_in(self.jobs)
        self._now = 0.0

    def clock(self):
        self._now += 60.0
        return self._now

    def hand_in(self, jobs):
        submit_jobs(self.store, jobs, Session(), self.queue, PLAIN)

    def follow(self, *steps, **changes):
        follower = Follower(
            self.store, self.jobs, self.queue, self.kept, Steps(*steps), self.hand_in,
            **{"retried": Session().again, "clock": self.clock, **changes},
        )  # fmt: skip
        return follower.follow()

    def ends_well(self, *numbers):
        def step():
            for number in numbers:
                write_job(self.store, self.jobs[number], events(self.jobs[number]))
                self.queue.say(self.jobs[number].id, ended(Cause.DONE))

        return step

    def ends_by(self, number, task):
        return lambda: self.queue.say(self.jobs[number].id, task)

    def record(self, number):
        return read_record(self.store.folder / "jobs" / self.jobs[number].id)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def nothing():
    """Let time pass."""


def test_what_the_nodes_write_is_told_as_it_comes(bench):
    def begins():
        kept = bench.store.job(bench.jobs[0])
        kept.log(b"")
        bench.queue.say(bench.jobs[0].id, RUNNING)

    assert bench.follow(begins, bench.ends_well(1), bench.ends_well(0))
    told = bench.kept.told
    assert told.index(("started", 1)) < told.index(("ended", 2, Status.OK))
    assert told.count(("said", 1, "epoch")) == told.count(("said", 2, "epoch")) == 3
    assert told[-1] == ("ended", 1, Status.OK)
    assert any("1 waiting (Priority)" in str(text) or "2 waiting" in str(text) for text in told)


@pytest.mark.parametrize("cause", [Cause.NODE, Cause.PREEMPTED, Cause.UNKNOWN])
def test_what_is_no_fault_of_the_job_is_handed_in_again_within_a_limit(bench, cause):
    lost = bench.ends_by(0, ended(cause))
    steps = [bench.ends_well(1), *[lost, nothing, nothing] * MOST_TIMES]
    assert not bench.follow(*steps)
    tasks = latest_tasks(submissions(bench.store.folder))
    assert tasks[bench.jobs[0].id].times == MOST_TIMES
    assert tasks[bench.jobs[1].id].times == 1
    assert bench.record(0).status is Status.INTERRUPTED
    assert sum("handed in again" in str(text) for text in bench.kept.told) == MOST_TIMES - 1


def test_a_job_that_the_queue_does_not_list_is_not_gone_while_its_worker_lives(bench):
    name, run = bench.jobs[0].id, bench.store.folder

    def is_not_listed():
        bench.queue.say(name, FORGOTTEN)

    def beats():
        """What is another machine's time never counts, only that it changes."""
        (run / "nodes").mkdir(exist_ok=True)
        (run / "nodes" / f"{name}.alive").write_text(f"{bench.clock()}")

    assert bench.follow(beats, is_not_listed, *[beats] * 9, bench.ends_well(0, 1))
    assert latest_tasks(submissions(run))[name].times == 1
    assert not any("handed in again" in str(text) for text in bench.kept.told)


def test_a_worker_that_gives_no_sign_for_long_is_gone_with_its_task(bench):
    name, run = bench.jobs[0].id, bench.store.folder
    (run / "nodes").mkdir()
    (run / "nodes" / f"{name}.alive").write_text("1.0")
    bench.queue.say(name, FORGOTTEN)
    assert bench.follow(*[nothing] * 6, bench.ends_well(0, 1))
    assert latest_tasks(submissions(run))[name].times == 2


def test_a_worker_gives_a_sign_of_life_until_it_ends(tmp_path):
    signs = SignsOfLife(tmp_path, time.monotonic)
    assert not signs.is_alive("a.b.c.1")
    with sign_of_life(tmp_path, "a.b.c.1", every=0.01):
        appears(lambda: signs.is_alive("a.b.c.1"))
        file = tmp_path / "nodes" / "a.b.c.1.alive"
        before = file.read_text()
        appears(lambda: file.read_text() not in ("", before))
    assert not signs.is_alive("a.b.c.1")


def test_a_job_that_was_lost_once_counts_once(bench):
    lost = bench.ends_by(0, ended(Cause.NODE))
    assert bench.follow(lost, nothing, nothing, bench.ends_well(0, 1))
    assert bench.record(0).status is Status.OK
    assert not (bench.store.folder / "attempts").exists()


@pytest.mark.parametrize(
    ("cause", "status", "reason"),
    [
        (Cause.TIME_LIMIT, Status.TIMEOUT, "time limit of a task ran out"),
        (Cause.MEMORY, Status.OOM, "more memory than the queue gave it"),
        (Cause.CANCELLED, Status.INTERRUPTED, "its task was cancelled on node n1"),
        (Cause.FAILED, Status.FAILED, "without a result (failed): no such interpreter"),
        (Cause.DONE, Status.FAILED, "without a result (done): no such interpreter"),
    ],
)
def test_a_task_that_ends_without_a_result_says_why(bench, cause, status, reason):
    (bench.queue.works[0].folder / "task-0.txt").write_text("a line\nno such interpreter\n\n")
    assert not bench.follow(
        bench.ends_by(0, ended(cause)), nothing, nothing, bench.ends_well(1), nothing
    )
    assert bench.record(0).status is status
    assert reason in bench.record(0).reason
    assert len(bench.queue.works) == 1


def test_a_worker_that_was_told_to_end_is_told_why_by_the_queue(bench):
    def is_told():
        write_job(bench.store, bench.jobs[0], events(bench.jobs[0])[:3],
                  status=Status.INTERRUPTED, reason="interrupted by the user")  # fmt: skip
        bench.queue.say(bench.jobs[0].id, ended(Cause.TIME_LIMIT, "TIMEOUT"))

    assert not bench.follow(is_told, nothing, nothing, bench.ends_well(1), nothing)
    assert bench.record(0).status is Status.TIMEOUT
    # What else was on record stays.
    assert bench.record(0).wall_seconds == 100.0


def test_a_result_that_is_seen_late_is_a_result(bench):
    """A shared file system tells other machines late."""
    late = bench.ends_by(0, ended(Cause.DONE))
    assert bench.follow(late, bench.ends_well(0, 1), nothing, settle=1e9)
    assert bench.record(0).status is Status.OK


def test_what_is_left_of_an_attempt_that_is_made_again_is_not_taken_for_its_end(bench):
    write_job(bench.store, bench.jobs[0], events(bench.jobs[0])[:2], status=Status.FAILED)
    retried = frozenset({Status.INTERRUPTED, Status.FAILED})
    assert bench.follow(nothing, nothing, bench.ends_well(0, 1), nothing, retried=retried)
    assert bench.kept.told.count(("ended", 1, Status.OK)) == 1
    assert ("ended", 1, Status.FAILED) not in bench.kept.told


def test_a_job_that_fails_again_has_ended(bench):
    write_job(bench.store, bench.jobs[0], events(bench.jobs[0])[:2], status=Status.FAILED)

    def fails_again():
        write_job(bench.store, bench.jobs[0], events(bench.jobs[0])[:2], status=Status.FAILED)
        bench.queue.say(bench.jobs[0].id, ended(Cause.FAILED))

    retried = frozenset({Status.INTERRUPTED, Status.FAILED})
    assert not bench.follow(fails_again, bench.ends_well(1), nothing, nothing, retried=retried)
    assert bench.kept.told.count(("ended", 1, Status.FAILED)) == 1


def test_a_job_that_failed_before_still_counts(bench):
    write_job(bench.store, bench.jobs[0], events(bench.jobs[0])[:2], status=Status.FAILED)
    assert not bench.follow(bench.ends_well(1), nothing)
    assert ("ended", 1, Status.FAILED) not in bench.kept.told


def test_a_wish_to_end_leaves_the_tasks_alone(bench):
    with pytest.raises(KeyboardInterrupt):
        bench.follow(bench.ends_well(0))
    assert bench.queue.cancelled == []


def test_a_worker_on_a_node_that_was_given_up_writes_no_result_over_the_next_one(tmp_path):
    store, job = RunStore.create(tmp_path, {}), make_job()
    first = store.job(job)
    second = store.job(job)
    first.close(Record(Status.FAILED, "too late"))
    assert store.ended(job) is None
    second.close(Record(Status.OK))
    assert store.ended(job) is Status.OK


def test_where_the_jobs_are_is_said_in_a_line():
    waiting = Task(TaskState.WAITING, "Resources")
    tasks = {"a": waiting, "b": waiting, "c": RUNNING, "d": ended(Cause.DONE)}
    assert standing_text(tasks) == "2 waiting (Resources), 1 running on n1"
    stuck = Task(TaskState.WAITING, "BadConstraints", is_stuck=True)
    assert standing_text({"a": stuck}).endswith("1 of them will not begin by themselves as they "
                                                "are asked for")  # fmt: skip
    assert standing_text({}) == "none waits or runs"


def test_more_jobs_than_the_queue_takes_together_go_in_parts(tmp_path):
    store, queue = RunStore.create(tmp_path, {}), MadeQueue(most=3)
    jobs = [make_job(repeat=n) for n in range(1, 9)]
    submit_jobs(store, jobs, Session(), queue, PLAIN)
    assert [len(work.lines) for work in queue.works] == [3, 3, 2]
    kept = submissions(store.folder)
    assert [name for one in kept for name in one.jobs] == [job.id for job in jobs]
    assert [one.name for one in kept] == ["1", "2", "3"]


@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=60), st.dictionaries(st.text(max_size=8), st.text(max_size=8))))
def test_a_damaged_submission_is_named(tmp_path_factory, content):
    run = tmp_path_factory.mktemp("run")
    folder = run / "queue" / "1"
    folder.mkdir(parents=True)
    keep_submission(Submission(folder, "7", ("a",)))
    [kept] = submissions(run)
    assert asdict(kept) == {"folder": folder, "name": "7", "jobs": ("a",)}
    written = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "submission.json").write_bytes(written)
    with pytest.raises(StoreError, match="submission.json"):
        submissions(run)
