"""The time left: known parts are added, unknown ones are said, nothing is made up."""

import json
from functools import partial
from unittest import mock

import pytest

from launcher_contract import make_job
from made_runs import write_job
from runner.execution.observer import Announcement
from runner.plan.history import History, Left, Timing, work_of
from runner.progress.forecast import Forecast
from runner.spec.job import Status
from runner.store.events import parse_event
from runner.store.record import Record
from runner.store.run_folder import RunStore
from scripted import stream


class Clock:
    """Seconds that pass only when told."""

    now = 1000.0

    def __call__(self):
        return self.now


class Known(History):
    """Earlier runs in which every backend named took the same."""

    def __init__(self, backends, hardware):
        self.hardware = hardware
        self._backends = backends

    def of(self, backend, model):
        work = work_of(job())
        made_by = ("some-k1", backend, model, "cpu", self.hardware, work, 1, 8)
        known = Timing(*made_by, 10.0, 4.0, 2.0, 5.0)
        return [known] if backend in self._backends else []


def job(**changes):
    return make_job(**{"epochs": 3, **changes})


def epoch(number, seconds):
    line = {"event": "epoch", "schema": 1, "epoch": number, "seconds": seconds, "samples": 8,
            "loss": 1, "accuracy": 1, "val_loss": 1, "val_accuracy": 1}  # fmt: skip
    return parse_event(json.dumps(line).encode())


@pytest.fixture
def clock():
    return Clock()


def started(tmp_path, clock, jobs, *backends, total=None):
    forecast = Forecast(partial(Known, backends), clock)
    forecast.run_started(Announcement("a run", tmp_path, jobs, total or len(jobs)))
    return forecast


def test_planned_jobs_are_added_up_and_unknown_ones_counted(tmp_path, clock):
    jobs = [job(), job(repeat=2), job(backend="theano")]
    forecast = started(tmp_path, clock, jobs, "mxnet")
    assert forecast.left() == Left(2 * (10 + 4 + 2 * 2 + 5), 1)
    assert str(forecast.left()) == "at least 46 s (1 job not known yet)"


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (Left(0, 3), "not known yet"),
        (Left(0, 0), "nothing"),
        (Left(7300, 0), "about 2 h 2 min"),
        (Left(150, 2), "at least 2 min (2 jobs not known yet)"),
        (Left(30, 0, is_open=True), "at least 30 s"),
    ],
)
def test_it_is_said_in_words(left, text):
    assert str(left) == text


def test_what_cannot_run_takes_no_time(tmp_path, clock):
    jobs = [job(), job(configuration="broken-k1"), job(backend="theano", unsupported="it cannot")]
    forecast = started(tmp_path, clock, jobs, "mxnet")
    forecast.build_ended("broken-k1", "no such package")
    assert forecast.left() == Left(23, 0)


def test_the_running_jobs_own_epochs_count_more_than_history(tmp_path, clock):
    forecast = started(tmp_path, clock, [job(epochs=11)], "mxnet")
    forecast.job_started(job(epochs=11), 1, 1)
    clock.now += 6
    assert forecast.left().seconds == 10 + 4 + 10 * 2 + 5 - 6
    clock.now += 100  # A first epoch that takes its time takes nothing from the others.
    assert forecast.left().seconds == 10 * 2 + 5
    for number, seconds in ((1, 100.0), (2, 7.0), (3, 7.0)):
        forecast.job_event(job(), epoch(number, seconds))
    assert forecast.left().seconds == 8 * 7 + 5
    clock.now += 3
    assert forecast.left().seconds == 8 * 7 + 5 - 3


def test_a_job_never_measured_is_known_after_its_second_epoch(tmp_path, clock):
    """The first also holds work that is done once, and is no measure of those to come."""
    forecast = started(tmp_path, clock, [job()])
    forecast.job_started(job(), 1, 1)
    assert forecast.left() == Left(0, 1)
    forecast.job_event(job(), epoch(1, 60.0))
    assert forecast.left() == Left(0, 1)
    forecast.job_event(job(), epoch(2, 6.0))
    assert forecast.left() == Left(6, 0)


def test_after_its_only_epoch_a_job_has_nothing_left_that_is_known(tmp_path, clock):
    forecast = started(tmp_path, clock, [job(epochs=1)])
    forecast.job_started(job(epochs=1), 1, 1)
    forecast.job_event(job(epochs=1), epoch(1, 60.0))
    assert forecast.left() == Left(0, 0)


def test_lanes_share_what_is_left_but_a_job_has_one_alone(tmp_path, clock):
    jobs = [job(repeat=n) for n in range(1, 5)]
    forecast = Forecast(partial(Known, ["mxnet"]), clock)
    forecast.run_started(Announcement("a run", tmp_path, jobs, 4, lanes=2))
    assert forecast.left() == Left(2 * 23, 0)
    for number, one in enumerate(jobs[:2], start=1):
        forecast.job_started(one, number, 4)
    clock.now += 6
    assert forecast.left() == Left(2 * 23 - 6, 0)
    for ended in jobs[:2]:
        forecast.job_ended(ended, Record(Status.FAILED, "it broke"))
    forecast.job_started(jobs[2], 3, 4)
    forecast.job_ended(jobs[2], Record(Status.FAILED, "it broke"))
    assert forecast.left() == Left(23, 0)


def test_an_ended_job_tells_of_its_repeats(tmp_path, clock):
    jobs = [job(), job(repeat=2)]
    forecast = started(tmp_path, clock, jobs)
    forecast.job_started(jobs[0], 1, 2)
    for number, seconds in ((1, 6.0), (2, 3.0), (3, 3.0)):
        clock.now += seconds
        forecast.job_event(jobs[0], epoch(number, seconds))
    forecast.job_ended(jobs[0], Record(Status.OK))
    assert forecast.left() == Left(12, 0)
    assert forecast.estimate(jobs[1]).rests_on == "this run"


def test_jobs_that_repeat_one_are_estimated_once(tmp_path, clock, monkeypatch):
    """With ten thousand jobs, each one's end would be followed by as many estimates."""
    jobs = [job(repeat=number, seed=number) for number in range(1, 101)]
    forecast = started(tmp_path, clock, jobs, "mxnet")
    estimate = mock.Mock(side_effect=forecast._history.estimate)
    monkeypatch.setattr(forecast._history, "estimate", estimate)
    assert forecast.left() == Left(100 * 23, 0)
    forecast.job_started(jobs[0], 1, 100)
    assert forecast.left() == Left(100 * 23, 0)
    assert estimate.call_count == 1


def test_a_failed_job_tells_nothing(tmp_path, clock):
    jobs = [job(), job(repeat=2)]
    forecast = started(tmp_path, clock, jobs)
    forecast.job_started(jobs[0], 1, 2)
    forecast.job_event(jobs[0], epoch(1, 6.0))
    forecast.job_ended(jobs[0], Record(Status.FAILED, "it broke"))
    assert forecast.left() == Left(0, 1)


def test_more_jobs_may_follow(tmp_path, clock):
    forecast = Forecast(partial(Known, ["mxnet"]), clock)
    forecast.run_started(Announcement("a run", tmp_path, [job()], None))
    assert str(forecast.left()) == "at least 23 s"


def test_real_runs_on_disk_are_what_it_rests_on(tmp_path, clock):
    store = RunStore.create(tmp_path, {"identity": {"cpu_model": "a processor"}})
    write_job(store, job(), stream())
    forecast = Forecast(partial(History, tmp_path), clock)
    forecast.run_started(Announcement("a run", tmp_path, [job()], 1, "a processor"))
    left = forecast.left()
    assert left.seconds == pytest.approx(100)
    assert left == Left(left.seconds, 0)
