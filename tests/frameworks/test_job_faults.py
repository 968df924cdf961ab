"""Jobs that go wrong, under each generation of Keras: what their events and exit codes say."""

import json

import pytest

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
from models.job.process import main
from models.workloads.bhatia2017.mnist_mlp import MnistMlp
{}
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(
    params=[("mxnet-k122", "mxnet"), ("tf-cntk-k208", "tensorflow"), ("jax-k3", "jax")],
    ids=["keras1", "keras2", "keras3"],
)
def job(request, run_in, tmp_path):
    """Return a function that runs a patched job: (exit code, events, log)."""
    configuration, backend = request.param
    spec = {
        "model": "mnist_mlp", "backend": backend, "device": "cpu", "data": "synthetic",
        "data_dir": None, "cache_dir": str(tmp_path), "epochs": 2, "samples": 64, "seed": 7,
        "threads": 2, "image_data_format": "channels_last", "recurrent_activation": "sigmoid",
        "precision": "float32", "jit": "auto", "phase": "train", "size": "published",
        "batch_size": None,
    }  # fmt: skip

    def run(patch):
        done = run_in(configuration, backend, "-c", RUN.format(patch), json.dumps(spec))
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, events, done.stderr

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
