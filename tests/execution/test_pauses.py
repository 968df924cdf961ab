"""Time in which a job was kept from running: stopped, frozen, or with the machine asleep."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from launcher_contract import make_job
from made_runs import BEGAN, GAP
from made_runs import events as said_by
from runner.execution.attempt import run_job
from runner.execution.guard import CpuGuard
from runner.execution.watch import (
    CpuProbe,
    Sample,
    disturbed_between,
    judge_leniently,
    judge_strictly,
    pauses_of,
    suspended_seconds,
    tree_seconds,
)
from runner.launchers.base import Environment, ProcessTree, wait_until
from runner.machine.freezer import is_frozen
from runner.machine.gpu import GpuSample
from runner.spec.job import Status
from runner.spec.time_limits import TimeLimit, TimeLimits, Timer
from runner.store.run_folder import RunStore
from runner.tables.disturbance import SLOWDOWNS
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from scripted import ScriptedLauncher, ScriptedProcess, conditions

CARD = GpuSample(90, 1, 60, 140, 800, 2500, frozenset())
SAID = "the job was paused for 2.0 s: it was stopped or frozen, or this machine was suspended"


class Held(ScriptedProcess):
    """A process that is paused, or not, as a list says from sample to sample."""

    def __init__(self, *paused):
        super().__init__([])
        self._paused = list(paused)

    def pids(self):
        return [os.getpid()]

    def is_paused(self):
        return self._paused.pop(0) if self._paused else False


def sampled(process, times, used, asleep=None):
    """Return the pauses in the samples at ``times`` of a job that had ``used`` CPU seconds then."""
    left = {"clock": iter(times), "tree": iter(used), "suspended": iter(asleep or [0.0] * 99)}
    probe = CpuProbe(
        process,
        clock=lambda: next(left["clock"]),
        tree=lambda _: next(left["tree"]),
        suspended=lambda: next(left["suspended"]),
    )
    return [probe().paused for _ in times[1:]]


def test_a_stopped_job_is_paused_until_the_sample_that_sees_it_run():
    seen = sampled(Held(False, True, True, False), [0, 1, 2, 3, 4], [0, 1, 1, 1, 2])
    assert seen == [0, 1, 1, 0]


def test_a_job_that_waits_is_not_paused():
    assert sampled(Held(), [0, 1, 2, 3], [0, 1, 1, 1]) == [0, 0, 0]
    assert sampled(Held(), [0, 1, 20, 21], [0, 0, 0, 0]) == [0, 0, 0], "it waited before the gap"
    assert sampled(Held(), [0, 1, 20], [None, None, None]) == [0, 0], "it is not seen from here"


def test_a_gap_between_samples_is_a_pause_where_the_job_stood_still_too():
    assert sampled(Held(), [0, 1, 21, 22], [0, 2, 3, 5]) == [0, 19.5, 0]
    assert sampled(Held(), [0, 1, 21, 22], [0, 2, 40, 42]) == [0, 0, 0], "it went on meanwhile"
    assert sampled(Held(), [0, 1, 2.5, 3.5], [0, 2, 3, 5]) == [0, 1, 0], "from a second on"
    assert sampled(Held(), [0, 1, 2.1, 3], [0, 2, 2, 4]) == [0, 0, 0], "no gap: it waited"
    assert sampled(Held(), [0, 1, 9, 10], [0, 2, None, None]) == [0, 0, 0], "it ended meanwhile"


def test_a_machine_that_slept_paused_the_job():
    assert sampled(Held(), [0, 1, 2], [0, 1, 2], [0.0, 600.0, 600.0]) == [600, 0]
    assert sampled(Held(), [0, 1, 2], [0, 1, 2], [0.0, 0.2, 0.1]) == [0, 0], "two clocks differ"
    assert abs(suspended_seconds() - suspended_seconds()) < 1


def test_pauses_that_follow_each_other_are_one():
    samples = [Sample(n, 1.0, paused=p, wall=50.0 + n) for n, p in enumerate((0, 1, 1, 0, 0, 1))]
    assert pauses_of(samples) == [(50.0, 52.0), (54.0, 55.0)]
    assert pauses_of([replace(samples[1], wall=None)]) == []


def test_a_pause_is_a_warning_and_on_a_card_it_taints():
    samples = [Sample(n, 1.0, 0.0, paused=p) for n, p in enumerate((0, 1, 1))]
    assert judge_leniently(samples).warnings == (SAID,)
    card = [replace(sample, gpu=CARD, strangers=()) for sample in samples]
    assert judge_strictly(card).tainted == SAID


class PausedOnce(CpuGuard):
    """Takes one sample, of a pause that ended a second before the second epoch did."""

    def probe(self, process):
        at = BEGAN.timestamp() + 5 * GAP - 1
        left = [Sample(1, 1.0, 0.0, paused=3.0, wall=at)]

        def take():
            if left:
                return left.pop()
            process.watched.set()
            return Sample(2, 1.0, 0.0)

        return take


class Watched(ScriptedProcess):
    """A process that ends once it was watched for long enough."""

    def __init__(self, script):
        super().__init__(script)
        self.watched = threading.Event()

    def wait(self):
        assert self.watched.wait(30)
        return super().wait()


class WatchedLauncher(ScriptedLauncher):
    def start(self, job, environment):
        return Watched(line + b"\n" for line in said_by(job))


def test_the_epoch_of_a_pause_is_named_and_marked(tmp_path):
    job = make_job(configuration="mxnet-k122", epochs=3)
    store = RunStore.create(tmp_path, {})
    under = conditions(WatchedLauncher({}), store, tmp_path, guard=PausedOnce(folder=tmp_path))
    record = run_job(job, Environment("mxnet-k122", "here"), under)
    assert record.status is Status.OK
    assert record.telemetry["paused_seconds"] == 3
    assert "it was paused during epoch 2 (3.0 s): take no time from there" in record.warnings
    table = load_runs(store.folder)
    assert table["epoch_paused_seconds"].tolist() == [0, 3, 0]
    [disturbed] = summarize(table)["disturbance"]
    assert disturbed == "the job was paused (in 1 of 1 jobs)"


@pytest.mark.parametrize(
    ("sample", "is_disturbed"),
    [
        (Sample(1, 1.0, 0.1), False),
        (Sample(1, 1.0, 0.6), True),
        (Sample(1, 1.0, None, paused=1.0), True),
        (Sample(1, 1.0, 0.6, gpu=CARD, strangers=()), False),
        (Sample(1, 1.0, 0.0, gpu=replace(CARD, throttle=SLOWDOWNS)), True),
    ],
)
def test_what_disturbs_a_machine_for_a_moment(sample, is_disturbed):
    at = [replace(sample, wall=wall) for wall in (50.0, 51.0)]
    assert disturbed_between(at, 50.5, 52) is is_disturbed
    assert not disturbed_between(at, 51.5, 60)
    assert not disturbed_between(at, 40, 48.5)


BUSY = "while True: pass"


class Seen(ScriptedProcess):
    """A real process, by its number."""

    def __init__(self, pid):
        super().__init__([])
        self._tree = ProcessTree(pid)

    def pids(self):
        return self._tree.pids()

    def is_paused(self):
        return bool(self._tree.is_paused())


def wait_for(condition):
    while not condition():
        time.sleep(0.01)


def test_a_real_process_that_is_stopped():
    with subprocess.Popen([sys.executable, "-c", BUSY]) as child:
        try:
            process = Seen(child.pid)
            probe = CpuProbe(process)
            assert probe().paused == 0
            child.send_signal(signal.SIGSTOP)
            wait_for(process.is_paused)
            stopped = probe()
            assert stopped.paused == stopped.seconds > 0
            child.send_signal(signal.SIGCONT)
            wait_for(lambda: not process.is_paused())
            assert probe().paused == 0
        finally:
            child.kill()
    assert not process.is_paused()


@pytest.mark.parametrize(
    ("groups", "file", "text", "told"),
    [
        ("0::/docker/a", "docker/a/cgroup.events", "populated 1\nfrozen 1\n", True),
        ("0::/docker/a", "docker/a/cgroup.events", "populated 1\nfrozen 0\n", False),
        ("0::/docker/a", "unified/docker/a/cgroup.events", "frozen 1\n", True),
        ("6:freezer:/docker/a\n0::/", "freezer/docker/a/freezer.state", "FROZEN\n", True),
        ("6:freezer:/docker/a\n0::/", "freezer/docker/a/freezer.state", "THAWED\n", False),
        ("6:freezer:/docker/a\n0::/", "elsewhere", "", None),
        ("0::/../../a", "elsewhere", "", None),
    ],
)
def test_a_frozen_control_group(tmp_path, groups, file, text, told):
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text(groups + "\n")
    path = tmp_path / "groups" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert is_frozen(7, tmp_path / "proc", tmp_path / "groups") is told
    assert is_frozen(8, tmp_path / "proc", tmp_path / "groups") is None


BUSY = "import time\nend = time.time() + {}\nwhile time.time() < end: pass"


@pytest.mark.parametrize(("seconds", "is_pause"), [(60, True), (2, False)])
def test_a_gap_is_a_pause_of_the_job_only_where_it_stood_still(seconds, is_pause):
    """Stopped with this runner, or ended while nobody looked; real processes, an own clock."""
    with subprocess.Popen([sys.executable, "-c", BUSY.format(seconds)]) as job:
        tree, ahead = ProcessTree(job.pid), 0.0
        probe = CpuProbe(Held(), clock=lambda: time.monotonic() + ahead,
                         tree=lambda _: tree_seconds(tree.pids))  # fmt: skip
        time.sleep(1)
        assert probe().paused == 0
        if is_pause:
            job.send_signal(signal.SIGSTOP)
            ahead = 8.0  # as if this process had been stopped with it
        else:
            wait_until(lambda: psutil.Process(job.pid).status() == psutil.STATUS_ZOMBIE, 20)
            ahead = 8.0
        found = probe().paused
        job.kill()
    assert (found > 6) == is_pause
    assert is_pause or found == 0


class Late(ScriptedProcess):
    """A process whose reader comes back from its first wait half a minute late."""

    ahead = 0.0

    def read(self, timeout):
        if not self.ahead:
            Late.ahead = timeout + 30.0
            raise TimeoutError
        return super().read(timeout)


class LateLauncher(ScriptedLauncher):
    def start(self, job, environment):
        Late.ahead = 0.0
        return Late(line + b"\n" for line in said_by(job))


def test_a_runner_that_was_stopped_reads_before_it_calls_a_job_silent(tmp_path, monkeypatch):
    real = time.monotonic
    clock = SimpleNamespace(monotonic=lambda: real() + Late.ahead, time=time.time)
    monkeypatch.setattr("runner.execution.attempt.time", clock)
    job = make_job(configuration="mxnet-k122", epochs=3)
    store = RunStore.create(tmp_path, {})
    limits = TimeLimits(first_output=5.0, silence=5.0)
    under = conditions(LateLauncher({}), store, tmp_path, limits=limits)
    record = run_job(job, Environment("mxnet-k122", "here"), under)
    assert record.status is Status.OK, record.reason


def test_a_delay_of_a_busy_machine_is_no_gap():
    timer = Timer(TimeLimits(silence=1.0), 0.0)
    timer.heard(0.0)
    timer.unwatched(0.5)
    assert timer.fired(1.0) is TimeLimit.SILENCE
    timer.unwatched(3.5)
    assert timer.fired(4.0) is None
    assert timer.fired(5.6) is TimeLimit.SILENCE
