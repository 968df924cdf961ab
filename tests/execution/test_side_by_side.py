"""Lanes of a run: how they end together, what is told of them, and whose load is whose."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from runner.environments.patience import Patience
from runner.errors import EngineError, MachineError
from runner.execution.interrupts import Interrupts
from runner.execution.lanes import Turns, side_by_side
from runner.execution.loop import run_jobs
from runner.execution.observer import Observer, OneAtATime
from runner.execution.slowdown import ENTRY
from runner.execution.watch import CpuProbe, cpu_probe, machine_seconds, seconds_on
from runner.spec.configuration import load_configurations
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from scripted import ScriptedLauncher, ScriptedProcess, conditions, mxnet_job, stream

CHOSEN = load_configurations(["mxnet-k122"])


class Meeting(ScriptedLauncher):
    """Its first jobs begin only once those of all lanes have begun."""

    def __init__(self, barrier, jobs):
        super().__init__({"mxnet": stream()})
        self._barrier, self._jobs = barrier, jobs

    def start(self, job, environment):
        if len(self.processes) < self._jobs:
            self._barrier.wait(timeout=30)
        return super().start(job, environment)


def store_of(tmp_path):
    """Return a run whose lanes have told before what their jobs cost each other."""
    return RunStore.create(tmp_path, {ENTRY: {}})


def lanes_of(tmp_path, store, *launchers, **changes):
    """Return the conditions of lanes whose devices have a lock each."""
    shared = {"interrupts": Interrupts(), **changes}
    found = []
    for number, launcher in enumerate(launchers):
        (folder := tmp_path / f"lane{number}").mkdir()
        found.append(conditions(launcher, store, folder, **shared))
    return found


def test_each_lane_takes_the_next_job_and_each_job_runs_once(tmp_path):
    store, barrier = store_of(tmp_path), threading.Barrier(3)
    launchers = [Meeting(barrier, jobs=2) for _ in range(3)]
    jobs = [mxnet_job(repeat=n) for n in range(1, 7)]
    lanes = lanes_of(tmp_path, store, *launchers)
    assert run_jobs(CHOSEN, jobs, *lanes)
    assert [len(launcher.processes) for launcher in launchers] == [2, 2, 2]
    assert {store.ended(job) for job in jobs} == {Status.OK}
    assert not (store.folder / "attempts").exists()


def test_an_error_in_one_lane_ends_the_others_after_their_job(tmp_path):
    """What runs on the other card is well, so it is not lost."""

    class AfterTheOther(ScriptedProcess):
        def read(self, timeout):
            while any(thread.name == "lane 1" for thread in threading.enumerate()):
                time.sleep(0.01)
            return super().read(timeout)

    class Slow(Meeting):
        def start(self, job, environment):
            super().start(job, environment)
            return AfterTheOther(self._scripts[job.backend])

    class Away(Meeting):
        def start(self, job, environment):
            super().start(job, environment)
            raise EngineError("the engine is away")

        def answers(self):
            return False

    store, barrier = store_of(tmp_path), threading.Barrier(2)
    jobs = [mxnet_job(repeat=n) for n in range(1, 9)]
    slow, away = Slow(barrier, jobs=1), Away(barrier, jobs=1)
    lanes = lanes_of(tmp_path, store, slow, away)
    with pytest.raises(MachineError, match="the engine is away"):
        run_jobs(CHOSEN, jobs, *lanes)
    ended = [status for job in jobs if (status := store.ended(job)) is not None]
    assert sorted(ended) == [Status.INTERRUPTED, Status.OK]


def test_the_first_error_goes_up_and_later_ones_are_said():
    said: list[str] = []
    both = threading.Barrier(2)

    def fails(text):
        both.wait(timeout=30)
        raise MachineError(text)

    works = [lambda: fails("one"), lambda: fails("other")]
    with pytest.raises(MachineError) as raised:
        side_by_side(works, lambda: None, Interrupts(), said.append)
    assert {str(raised.value), *said} == {"one", "other"}


def test_turns_that_are_ended_give_nothing_more():
    turns = Turns([1, 2, 3])
    assert next(turns) == 1
    turns.end()
    assert list(turns) == []


def test_what_several_threads_tell_comes_one_after_the_other():
    class Careful(Observer):
        def __init__(self):
            self.at_once, self.heard = threading.Lock(), 0

        def note(self, text):
            assert self.at_once.acquire(blocking=False), "two at once"
            time.sleep(0.001)
            self.heard += 1
            self.at_once.release()

    careful = Careful()
    with OneAtATime(careful) as told:

        def tell():
            for _ in range(20):
                told.note("")

        threads = [threading.Thread(target=tell) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert careful.heard == 100


def test_that_another_thread_is_not_to_be_interrupted_holds_for_that_one_alone():
    interrupts, inside, done = Interrupts(), threading.Event(), threading.Event()

    def other():
        with interrupts.deferred():
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(30)
    try:
        with interrupts.installed(), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(5)
    finally:
        done.set()
        thread.join()


def test_a_pause_ends_when_the_end_is_asked_for():
    interrupts, raised = Interrupts(), threading.Event()

    def pause():
        try:
            interrupts.sleep(600)
        except KeyboardInterrupt:
            raised.set()

    thread = threading.Thread(target=pause, daemon=True)
    thread.start()
    with interrupts.installed(), interrupts.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert raised.wait(30)


def test_the_wait_for_what_carries_jobs_ends_when_the_end_is_asked_for(tmp_path):
    store, waiting = RunStore.create(tmp_path, {}), threading.Event()

    class Notes(Observer):
        def note(self, text):
            waiting.set()

    both = [ScriptedLauncher({"mxnet": stream()}, starts_after=9) for _ in range(2)]
    interrupts = Interrupts()
    lanes = lanes_of(tmp_path, store, *both, interrupts=interrupts,
                     patience=Patience(attempts=5, longest_wait=600))  # fmt: skip
    lanes = [replace(lane, observer=Notes()) for lane in lanes]

    def ask():
        assert waiting.wait(30)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask, daemon=True).start()
    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        run_jobs(CHOSEN, [mxnet_job(repeat=n) for n in (1, 2, 3)], *lanes)
    assert store.ended(mxnet_job(repeat=3)) is None


def test_the_load_of_a_share_is_that_of_its_own_cpus():
    everything = list(range(os.cpu_count() or 1))
    before = machine_seconds()
    parts = sum(seconds_on([cpu]) for cpu in everything)
    whole, after = seconds_on(everything), machine_seconds()
    # The kernel rounds each CPU's account to its ticks.
    rounding = 0.1 * len(everything)
    assert before - rounding <= parts <= whole + rounding
    assert whole <= after + rounding
    assert seconds_on([]) == seconds_on([10**6]) == 0


class Here(ScriptedProcess):
    """A job that is this process, kept to its share."""

    cpus = "0"

    def pids(self):
        return [os.getpid()]


def test_a_job_beside_others_has_its_own_cpus_load_and_no_energy_of_the_whole_processor():
    process = Here([])
    assert cpu_probe(process, [0])().cpu_energy_j is None
    assert cpu_probe(process, [0]).machine() == pytest.approx(seconds_on([0]), abs=5)
    assert isinstance(cpu_probe(process, None), CpuProbe)
    # A job that the engine did not keep to them has all.
    process.cpus = None
    assert cpu_probe(process, [0]).machine is machine_seconds
