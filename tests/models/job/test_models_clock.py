"""The epoch clock: what is inside the timed span and what is not."""

import pytest

from models.job import clock


class Recorder:
    """A clock's surroundings, which note in which order they are used."""

    def __init__(self):
        self.seen = []
        self.time = 0.0

    def synchronize(self):
        self.seen.append("synchronize")
        self.time += 1.0

    def read(self):
        self.seen.append("read")
        return self.time

    def report(self, epoch, seconds, logs):
        self.seen.append(("report", epoch, seconds, logs))
        self.time += 100.0


class Callback:
    """Stands for the base class of a Keras callback."""

    def on_epoch_begin(self, epoch, logs=None):
        raise AssertionError("must be overridden")

    def on_epoch_end(self, epoch, logs=None):
        raise AssertionError("must be overridden")


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def callback(recorder):
    epoch_clock = clock.EpochClock(recorder.synchronize, recorder.report, recorder.read)
    return clock.as_callback(epoch_clock, Callback)


def test_the_device_is_idle_at_each_reading_and_the_report_comes_after(recorder, callback):
    callback.on_epoch_begin(0)
    recorder.seen.append("train")
    recorder.time += 10.0
    callback.on_epoch_end(0, {"loss": 1.0})
    assert recorder.seen == [
        "synchronize",
        "read",
        "train",
        "synchronize",
        "read",
        ("report", 1, 11.0, {"loss": 1.0}),
    ]


def test_reporting_is_in_no_epochs_time(recorder, callback):
    for epoch in range(3):
        callback.on_epoch_begin(epoch)
        recorder.time += 10.0
        callback.on_epoch_end(epoch)
    reports = [seen for seen in recorder.seen if isinstance(seen, tuple)]
    assert reports == [("report", epoch, 11.0, {}) for epoch in (1, 2, 3)]


def test_the_callback_hooks_epochs_only(callback):
    hooks = {name for name in vars(type(callback)) if name.startswith("on_")}
    assert hooks == {"on_epoch_begin", "on_epoch_end"}
