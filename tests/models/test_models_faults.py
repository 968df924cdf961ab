"""Jobs that go wrong, with the Keras and the backend of this environment, where it has them."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

BACKENDS = ("jax", "tensorflow", "torch", "mxnet", "cntk", "theano")
FOUND = [
    name
    for name in BACKENDS
    if importlib.util.find_spec("keras") is not None and importlib.util.find_spec(name) is not None
]
pytestmark = pytest.mark.skipif(not FOUND, reason="no Keras with a backend in this environment")

WELL = ""
DIVERGES = """
MnistMlp.optimizer = ("RMSprop", {"lr": 1e30, "rho": 0.9, "epsilon": 1e-8, "decay": 0.0})
"""
NARROWER = """
def build(self, keras):
    pixels = keras.input((784,), "float32")
    return keras.model(pixels, keras.dense(10, "softmax")(keras.dense(511, "relu")(pixels)))

MnistMlp.build = build
"""
RUN = """
import sys
from models.job import main
from models.mnist_mlp import MnistMlp
{}
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def job(given, root, tmpdir):
    """Return a function that runs a patched job in a process of its own: (exit code, events)."""

    def run(patch):
        spec = json.dumps(dict(given, backend=FOUND[0], epochs=2, cache_dir=str(tmpdir)))
        process = subprocess.Popen(
            [sys.executable, "-c", RUN.format(patch), spec],
            cwd=root,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join([root, *sys.path])),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, log = process.communicate()
        events = [json.loads(line.decode()) for line in out.splitlines()]
        return process.returncode, events, log.decode(errors="replace")

    return run


def test_a_job_that_is_not_patched_goes_well(job):
    code, events, log = job(WELL)
    assert code == 0, log
    assert [event["event"] for event in events][-2:] == ["limits", "end"]
    assert events[-2]["flops_per_sample_forward"] == 1337344, log
    assert events[-2]["peak_flops_per_second"] > 0, log


def test_a_loss_that_is_no_number_comes_out_as_one_that_is_none(job):
    code, events, log = job(DIVERGES)
    assert code == 0, log
    epochs = [event for event in events if event["event"] == "epoch"]
    # One batch is all of the first epoch: its loss is that of the weights before their update.
    assert epochs[1]["loss"] == "NaN"
    assert [epoch["val_loss"] for epoch in epochs] == ["NaN", "NaN"]
    assert events[-1]["test_loss"] == "NaN"


def test_a_wrong_layer_is_an_invalid_model(job):
    code, events, _ = job(NARROWER)
    assert code == 1
    assert [event["event"] for event in events] == ["start", "data", "model", "error"]
    assert events[-1]["type"] == "InvalidModel"
    assert "406255 parameters, expected 669706" in events[-1]["message"]
