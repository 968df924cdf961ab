"""Lanes of a run: how they end together, what is told of them, and whose load is whose."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from launcher_contract import make_job
from runner.environments.patience import Making, Patience, UnwantedError
from runner.errors import EngineError, MachineError
from runner.execution.interrupts import Interrupts
from runner.execution.lanes import Turns, each_side_by_side, side_by_side
from runner.execution.loop import run_jobs
from runner.execution.observer import Observer, Several
from runner.execution.slowdown import ENTRY
from runner.execution.watch import CpuProbe, cpu_probe, machine_seconds
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
    with Several([careful], pytest.fail) as told:

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
    parts = sum(machine_seconds([cpu]) for cpu in everything)
    whole, after = machine_seconds(everything), machine_seconds()
    # The kernel rounds each CPU's account to its ticks.
    rounding = 0.1 * len(everything)
    assert before - rounding <= parts <= whole + rounding
    assert whole <= after + rounding
    assert machine_seconds([]) == machine_seconds([10**6]) == 0


class Here(ScriptedProcess):
    """A job that is this process, kept to its share."""

    cpus = "0"

    def pids(self):
        return [os.getpid()]


def test_a_job_beside_others_has_its_own_cpus_load_and_no_energy_of_the_whole_processor():
    process = Here([])
    assert cpu_probe(process, [0])().cpu_energy_j is None
    assert cpu_probe(process, [0]).machine() == pytest.approx(machine_seconds([0]), abs=5)
    assert isinstance(cpu_probe(process, None), CpuProbe)
    # A job that the engine did not keep to them has all.
    process.cpus = None
    assert cpu_probe(process, [0]).machine is machine_seconds


# Environments that are made at the same time.


def test_so_many_are_worked_on_at_the_same_time_and_all_are_given_in_order():
    barrier, counted = threading.Barrier(3), threading.Lock()
    now, most = 0, 0

    def work(item, is_wanted):
        nonlocal now, most
        with counted:
            now += 1
            most = max(most, now)
        barrier.wait(timeout=30)
        time.sleep(0.01 * (6 - item))
        assert is_wanted()
        with counted:
            now -= 1
        return -item

    items = [1, 2, 3, 4, 5, 6]
    assert each_side_by_side(items, 3, work, Interrupts(), print) == [-1, -2, -3, -4, -5, -6]
    assert most == 3


def test_nothing_to_do_is_done_at_once():
    assert each_side_by_side([], 3, lambda item, is_wanted: item, Interrupts(), print) == []


def _until_unwanted(is_wanted, began):
    began.set()
    making = Making(None, print, is_wanted)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        making.check()
        time.sleep(0.01)


@pytest.mark.parametrize("breaking", [0, 1])
def test_what_breaks_makes_the_others_unwanted_and_goes_up(breaking):
    began = threading.Event()
    said: list[str] = []

    def work(item, is_wanted):
        if item == breaking:
            began.wait(30)
            raise MachineError("the disk is full")
        _until_unwanted(is_wanted, began)
        pytest.fail("it was still wanted")

    with pytest.raises(MachineError, match="the disk is full"):
        each_side_by_side([0, 1, 2], 2, work, Interrupts(), said.append)
    assert said == []


@pytest.mark.parametrize("is_main_thread_done", [False, True])
def test_a_wish_to_end_makes_all_unwanted(is_main_thread_done):
    interrupts, began = Interrupts(), threading.Event()
    heard = []

    def work(item, is_wanted):
        if threading.current_thread() is threading.main_thread():
            began.wait(30)
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
            time.sleep(0 if is_main_thread_done else 30)
            return
        try:
            _until_unwanted(is_wanted, began)
        except UnwantedError:
            heard.append(threading.current_thread().name)
            raise

    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        each_side_by_side([0, 1], 2, work, interrupts, print)
    assert heard == ["lane 1"]


class Builder(ScriptedLauncher):
    """Makes environments that wait for each other, and says a line of each."""

    def __init__(self, barrier, **options):
        super().__init__({"mxnet": stream(), "theano": stream(backend="theano")}, **options)
        self._barrier = barrier

    def prepare(self, configuration, making):
        self._barrier.wait(timeout=30)
        making.say(f"a step of {configuration.name}")
        making.log.write_text("something was made\n")
        assert self.processes == [], "a job is timed beside it"
        self._barrier.wait(timeout=30)
        return super().prepare(configuration, making)


class Heard(Observer):
    """Keeps what it hears of builds, and of the first job."""

    def __init__(self):
        self.lines = []

    def build_started(self, configuration, title, number, total):
        self.lines.append(("started", configuration, (number, total)))

    def build_output(self, configuration, line):
        self.lines.append(("said", configuration, line))

    def build_ended(self, configuration, error):
        self.lines.append(("ended", configuration, error))

    def job_started(self, job, number, total):
        self.lines.append(("job", job.configuration, number))


NAMES = ["mxnet-k122", "theano-k208"]


def test_environments_are_made_at_the_same_time_before_the_first_job(tmp_path):
    store, heard = RunStore.create(tmp_path, {}), Heard()
    launcher = Builder(threading.Barrier(2), broken=["theano-k208"])
    under = replace(conditions(launcher, store, tmp_path), observer=Several([heard], pytest.fail))
    chosen = load_configurations(NAMES)
    jobs = [mxnet_job(), make_job(configuration="theano-k208", backend="theano")]
    assert not run_jobs(chosen, jobs, under, build_jobs=2)
    of_builds = heard.lines[:6]
    assert [what for what, *_ in of_builds[:2]] == ["started", "started"]
    assert sorted(line for line in of_builds if line[0] == "started") == [
        ("started", "mxnet-k122", (1, 2)), ("started", "theano-k208", (2, 2)),
    ]  # fmt: skip
    assert sorted(line for line in of_builds if line[0] == "said") == [
        ("said", name, f"a step of {name}") for name in NAMES
    ]
    assert {line for line in of_builds if line[0] == "ended"} == {
        ("ended", "mxnet-k122", None), ("ended", "theano-k208", "no such package"),
    }  # fmt: skip
    assert heard.lines[6:] == [("job", "mxnet-k122", 1), ("job", "theano-k208", 2)]
    assert [store.ended(job) for job in jobs] == [Status.OK, Status.BUILD_FAILED]


def test_what_is_kept_of_environments_made_at_the_same_time_is_kept_of_each(tmp_path):
    names = [*NAMES, "jax-k3", "tf-k3"]
    store = RunStore.create(tmp_path, {})
    under = conditions(Builder(threading.Barrier(4)), store, tmp_path)
    assert run_jobs(load_configurations(names), iter([mxnet_job()]), under, build_jobs=4)
    assert set(store.manifest()["builds"]) == set(names)
    assert set(store.manifest()["environments"]) == set(names)
