"""A job's chain, with a Keras that learns nothing in place of the real one."""

import io
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from models import backends, vocabulary
from models.backends import base
from models.job import events, spec
from models.job import process as job
from models.workloads import registry
from runner import paths

ENVIRONMENT = {
    "HOME",
    "KERAS_HOME",
    "KERAS_BACKEND",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
}


class Layer:
    name = "dense_1"

    def count_params(self):
        return 669706

    def get_weights(self):
        return []


class Model:
    def __init__(self, parameters):
        self.layers = [Layer()]
        self._parameters = parameters

    def count_params(self):
        return self._parameters


class Backend(base.Backend):
    """A backend that needs nothing."""

    def load(self):
        return self

    def version(self):
        return "1.0"

    def matrix_product(self, matrix):
        return lambda: matrix.dot(matrix)


class Keras:
    """What a job uses of the vocabulary, learning nothing."""

    version = "0.0"
    image_data_format = "channels_last"

    def __init__(self, backend, parameters):
        self.backend = backend
        self._parameters = parameters

    def seed(self, seed):
        np.random.seed(seed)

    def settings(self, model):
        return {"shuffle": True}

    def augmentation(self, workload):
        return workload.augmentation

    def samples_per_epoch(self, workload, part):
        return len(part.y)

    def steps_per_epoch(self, workload, part):
        return 1

    def shapes(self, layer):
        return (None, 784), (None, 512)

    def compile(self, model, workload):
        pass

    def compile_training(self, model):
        pass

    def synchronize(self, model):
        pass

    def scores(self, logs):
        return logs

    def fit(self, model, workload, parts, epochs, epoch_clock):
        assert parts.train.x.dtype == np.float32 and parts.train.x.max() <= 1.0
        assert parts.train.y.sum(axis=1).tolist() == [1.0] * len(parts.train.y)
        for epoch in range(epochs):
            epoch_clock.begin()
            loss = np.float32("nan")
            epoch_clock.end(
                epoch, {"loss": loss, "accuracy": 0.1, "val_loss": loss, "val_accuracy": 0.1}
            )

    def evaluate(self, model, part, batch_size):
        return 1.0, 0.5


@pytest.fixture
def run(given, monkeypatch, tmpdir):
    """Return a function that runs a job whose network has some parameters, giving its events."""

    def run(parameters, **changes):
        asked = spec.parse(json.dumps(dict(given, **changes)))
        monkeypatch.setattr(os, "environ", dict(os.environ))
        monkeypatch.setitem(backends.BACKENDS, "mxnet", Backend)
        monkeypatch.setattr(vocabulary, "load", lambda asked, backend: Keras(backend, parameters))
        workload = type(registry.workload(asked.model))
        monkeypatch.setattr(workload, "build", lambda self, keras: Model(parameters))
        file = io.BytesIO()
        try:
            job.run(asked, str(tmpdir), events.EventStream(file))
        except job.InvalidModel as error:
            events.EventStream(file).error(error)
        return [json.loads(line.decode()) for line in file.getvalue().splitlines()]

    return run


def test_a_job_says_its_steps_in_order(run):
    said = run(669706, epochs=2)
    steps = ["start", "data", "model", "epoch", "epoch", "limits", "end"]
    assert [event["event"] for event in said] == steps
    assert {event["schema"] for event in said} == {1}
    assert [event["epoch"] for event in said if event["event"] == "epoch"] == [1, 2]
    assert said[0]["cpu_model"] == base.processor()
    assert said[3]["loss"] == "NaN" and said[3]["samples"] == 64
    assert said[1]["train"] == 64 and said[1]["validation"] == said[1]["test"] == 10
    assert said[2]["hyperparameters"]["optimizer"] == {
        "name": "RMSprop",
        "lr": 0.001,
        "rho": 0.9,
        "epsilon": 1e-8,
        "decay": 0.0,
    }
    assert said[-1]["peak_memory_bytes"] > 1000000


def test_every_event_tells_when_it_was_written(run):
    begin = time.time()
    times = [event["at"] for event in run(669706, epochs=2)]
    assert begin <= times[0] and times[-1] <= time.time()
    assert times == sorted(times)


def test_a_job_is_well_where_its_limits_cannot_be_had(run, monkeypatch):
    monkeypatch.setattr(Backend, "matrix_product", base.Backend.matrix_product)
    said = run(669706, epochs=1)
    assert [event["event"] for event in said[-2:]] == ["limits", "end"]
    assert said[-2]["peak_flops_per_second"] is None and said[-2]["steps_per_epoch"] == 1


def test_a_job_is_well_where_it_cannot_be_told_which_kernels_ran(run, monkeypatch):
    """What it did is done: one more step that fails, for want of memory say, takes nothing back."""

    def fused_kernels(self, step):
        step()

    monkeypatch.setattr(Backend, "fused_kernels", fused_kernels)
    said = run(669706, epochs=1)
    assert [event["event"] for event in said[-2:]] == ["limits", "end"]
    assert said[-1]["fused_kernels"] is None and said[-1]["test_accuracy"] == 0.5


def test_the_models_own_epochs_are_the_default(run):
    assert len([event for event in run(669706) if event["event"] == "epoch"]) == 20


def test_another_network_is_refused_before_it_trains(run):
    said = run(669707)
    assert [event["event"] for event in said] == ["start", "data", "model", "error"]
    assert said[-1]["type"] == "InvalidModel"
    assert "669707" in said[-1]["message"] and "669706" in said[-1]["message"]


def test_a_bad_spec_is_an_error_event_and_exit_code_1(root):
    process = subprocess.Popen(
        [sys.executable, "-m", "models", '{"model": "x"}'],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, log = process.communicate()
    assert process.returncode == 1
    assert json.loads(out.decode())["type"] == "InvalidSpec"
    assert b"Traceback" in log


@pytest.mark.parametrize(
    "name", ["mnist_mlp", "mnist_cnn", "cifar10_cnn", "mnist_hrnn", "babi_rnn"]
)
@pytest.mark.parametrize("image_data_format", ["channels_first", "channels_last"])
def test_inputs_have_the_networks_form(given, name, image_data_format):
    from models.datasets import load as data

    workload = registry.workload(name)
    loaded = data.load(workload.dataset, spec.parse(json.dumps(given)))
    prepared = job.prepare(workload, loaded.train, image_data_format)
    wanted = {
        ("mnist_mlp", "channels_first"): (784,),
        ("mnist_mlp", "channels_last"): (784,),
        ("mnist_cnn", "channels_first"): (1, 28, 28),
        ("mnist_cnn", "channels_last"): (28, 28, 1),
        ("cifar10_cnn", "channels_first"): (3, 32, 32),
        ("cifar10_cnn", "channels_last"): (32, 32, 3),
    }
    if name == "babi_rnn":
        assert [x.shape for x in prepared.x] == [(64, 552), (64, 5)]
    else:
        shape = wanted.get((name, image_data_format), (28, 28, 1))
        assert prepared.x.shape == (64, *shape) and prepared.x.dtype == np.float32
    assert prepared.y.shape == (64, workload.classes) and prepared.y.dtype == np.float32


@pytest.mark.parametrize("name", sorted(backends.BACKENDS))
def test_the_environment_is_complete_before_anything_is_imported(given, name):
    asked = spec.parse(json.dumps(dict(given, backend=name, cache_dir="/cache")))
    backend = backends.BACKENDS[name]("cpu", 2)
    variables = job.environment(asked, "/home", backend.environment("/cache"))
    assert set(variables) >= ENVIRONMENT | {"CUDA_VISIBLE_DEVICES"}
    assert variables["CUDA_VISIBLE_DEVICES"] == ""
    assert variables["KERAS_BACKEND"] == name and variables["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("name", sorted(backends.BACKENDS))
def test_a_frameworks_own_threads_are_set_by_no_variable(given, name):
    asked = spec.parse(json.dumps(dict(given, backend=name, cache_dir="/c", threads="framework")))
    assert job.threads_of(asked) is None
    variables = job.environment(asked, "/", backends.BACKENDS[name]("cpu", None).environment("/c"))
    assert not [variable for variable in variables if "THREADS" in variable or "NPROC" in variable]


def test_a_gpu_job_keeps_what_the_driver_compiles(given):
    asked = spec.parse(json.dumps(dict(given, device="gpu", cache_dir="/cache")))
    variables = job.environment(asked, "/home", {})
    assert variables["CUDA_CACHE_PATH"] == "/cache/cuda"
    assert "CUDA_VISIBLE_DEVICES" not in variables


def test_a_compile_cache_is_warm_once_it_holds_something(run, monkeypatch, tmpdir):
    monkeypatch.setattr(Backend, "cache", "compiled")
    cache = tmpdir.mkdir("cache")
    asked = {"epochs": 1, "cache_dir": str(cache)}
    assert run(669706, **asked)[0]["cache_warm"] is False
    cache.mkdir("compiled").join("code").write("x")
    assert run(669706, **asked)[0]["cache_warm"] is True
    monkeypatch.setattr(Backend, "cache", None)
    assert run(669706, **asked)[0]["cache_warm"] is None


def test_peak_memory_is_the_jobs_own_whatever_its_parent_held():
    code = "from models.job.process import peak_memory; print(peak_memory())"
    held = bytearray(b"1") * (400 << 20)
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert 10 << 20 < int(printed) < len(held)
