"""What bounds a job's speed, measured with a clock and a device that the tests drive."""

import numpy as np
import pytest

from models.job import limits
from models.workloads import registry


class Device:
    """A backend whose products take the time that its speed tells, and the clock beside it."""

    def __init__(self, device, speed, launch=0.0):
        self.device = device
        self.time = 0.0
        self.sizes = []
        self._speed = speed
        self._launch = launch

    def read(self):
        return self.time

    def matrix_product(self, matrix):
        assert matrix.dtype == np.float32 and matrix.shape[0] == matrix.shape[1]
        self.sizes.append(len(matrix))
        self.time += 0.1  # compiling

        def multiply():
            self.time += self._launch + 2 * len(matrix) ** 3 / self._speed

        return multiply


class Broken:
    device = "cpu"

    def matrix_product(self, matrix):
        raise RuntimeError("no such product")


class Layer:
    name = "flatten_1"

    def get_weights(self):
        return []


class Model:
    layers = (Layer(),)


class Keras:
    """The vocabulary as far as limits use it; a batch takes ``seconds``."""

    def __init__(self, backend, seconds=0.0):
        self.backend = backend
        self.made = 0
        self.time = 0.0
        self._seconds = seconds

    def shapes(self, layer):
        raise AssertionError("asked for the shapes of a layer without weights")

    def steps_per_epoch(self, workload, part):
        return 1000

    def batches(self, workload, part):
        self.time += 7.0  # the first batch comes late
        while True:
            self.made += 1
            self.time += self._seconds
            yield None

    def read(self):
        return self.time


def test_the_peak_is_that_of_the_size_that_suits_the_device():
    device = Device("gpu", speed=1e13, launch=1e-3)
    rate, size = limits.peak(device, device.read)
    assert device.sizes == [1024, 2048, 4096, 8192]
    assert size == 8192 and 0.98e13 < rate < 1e13


def test_a_slow_device_is_not_given_a_product_that_would_take_long():
    device = Device("cpu", speed=1e10)
    assert limits.peak(device, device.read)[0] == pytest.approx(1e10)
    assert device.sizes == [512, 1024]
    assert device.time < 3.0


def test_the_slowest_device_is_measured_once():
    device = Device("cpu", speed=1e9)
    assert limits.peak(device, device.read) == (pytest.approx(1e9), 512)


def test_a_few_batches_stand_for_an_epoch():
    keras = Keras(None, seconds=0.001)
    seconds, batches = limits.input_pipeline(
        registry.workload("cifar10_cnn"), keras, None, 1000, keras.read
    )
    assert batches == limits.INPUT_BATCHES == keras.made - 1
    assert seconds == pytest.approx(1.0)


def test_slow_batches_are_fewer():
    keras = Keras(None, seconds=0.2)
    seconds, batches = limits.input_pipeline(
        registry.workload("cifar10_cnn"), keras, None, 1000, keras.read
    )
    assert batches == 3 and seconds == pytest.approx(200.0)


def test_whole_arrays_have_no_input_pipeline():
    assert limits.input_pipeline(registry.workload("mnist_mlp"), None, None, 10) is None


def test_what_cannot_be_had_is_null_and_its_reason_is_in_the_log(capsys):
    measured = limits.measure(registry.workload("mnist_mlp"), Keras(Broken()), Model(), None)
    assert measured.pop("seconds") >= 0
    assert measured == {
        "flops_per_sample_forward": 0,
        "flops_per_sample_training": 0,
        "steps_per_epoch": 1000,
        "peak_flops_per_second": None,
        "matmul_size": None,
        "input_seconds_per_epoch": None,
        "input_batches": None,
    }
    assert "RuntimeError: no such product" in capsys.readouterr().err
