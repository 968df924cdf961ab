"""Settings with several values: each combination is a cell of its own."""

import pytest

from runner.errors import UsageError
from runner.spec.axes import combinations, declared_axes, settings_text
from runner.spec.configuration import load_configurations
from runner.spec.job import job_names, planned_jobs
from runner.spec.request import Request
from runner.spec.study import choose_workloads

NEEDS = "it needs Keras 3, and this is Keras 2.0.8"


def jobs(configuration="jax-k3", model="mnist_mlp", **asked):
    request = Request(data="synthetic", device="cpu", **{"threads": 2, **asked})
    return planned_jobs(load_configurations([configuration]), choose_workloads([model]), request)


def test_every_combination_is_a_job_with_a_name_of_its_own():
    planned = jobs(precision=("float32", "mixed_bfloat16"), jit=("on", "off"), batch_size=(32,))
    assert [job.id for job in planned] == [
        "jax-k3.jax.mnist_mlp+float32-jit-on.1",
        "jax-k3.jax.mnist_mlp+float32-jit-off.1",
        "jax-k3.jax.mnist_mlp+mixed_bfloat16-jit-on.1",
        "jax-k3.jax.mnist_mlp+mixed_bfloat16-jit-off.1",
    ]
    assert {job.batch_size for job in planned} == {32}
    assert [job.settings for job in planned[:2]] == ["float32, jit on", "float32, jit off"]


def test_one_value_is_asked_for_and_named_nowhere():
    [job] = jobs(precision="float32", samples=100, threads="2")
    assert (job.id, job.settings) == ("jax-k3.jax.mnist_mlp.1", "")
    assert (job.precision, job.samples, job.threads) == ("float32", 100, 2)


def test_numbers_are_axes_too():
    planned = jobs(threads=(1, "framework"), samples=("100", 200))
    assert [job.settings for job in planned] == [
        "1 threads, 100 samples", "1 threads, 200 samples",
        "framework threads, 100 samples", "framework threads, 200 samples",
    ]  # fmt: skip
    assert len({job.id for job in planned}) == 4


@pytest.mark.parametrize(
    ("configuration", "precision"), [("jax-k3", "tf32"), ("theano-k208", "float32")]
)
def test_the_default_is_the_first_that_keras_knows(configuration, precision):
    [job] = jobs(configuration)
    assert (job.precision, job.jit, job.phase) == (precision, "auto", "train")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"precision": "mixed_float16"}, f"mixed_float16: {NEEDS}"),
        ({"jit": "off"}, f"jit off: {NEEDS}"),
        ({"precision": "float32", "phase": "predict"}, None),
    ],
)
def test_what_an_older_keras_does_not_know_is_unsupported(asked, reason):
    [job] = jobs("theano-k208", **asked)
    assert job.unsupported == reason


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"precision": "bfloat16"}, "it is one of tf32, float32, .*did you mean 'mixed_bfloat16'"),
        ({"phase": ("train", "evaluate")}, "it is one of train, predict"),
        ({"threads": 0}, "expected a whole number from 1 on, or framework"),
        ({"batch_size": "many"}, "expected a whole number from 1 on"),
        ({"samples": True}, "expected a whole number from 1 on"),
        ({"samples": 2.5}, "expected a whole number from 1 on"),
    ],
)
def test_a_value_that_is_none_names_those_that_are(asked, text):
    with pytest.raises(UsageError, match=text):
        Request.asked(**asked)


def test_a_size_that_a_model_has_not_is_unsupported_and_told_with_its_own_numbers():
    [job] = jobs(size="tiny")
    assert job.unsupported == "mnist_mlp has no size tiny"
    assert job.workload.train == 60_000


def test_data_that_are_made_for_a_model_are_so_many_of_its_batches():
    train, predict = jobs(model="bert_base", phase=("train", "predict"))
    assert (train.workload.train, predict.workload.train) == (10 * 32, 10 * 256)
    [job] = jobs(model="bert_base", size="tiny", batch_size=3)
    assert (job.workload.batch_size, job.workload.train) == (3, 30)


def test_a_value_that_is_named_twice_counts_once():
    assert Request.asked(jit=("on", "off", "on")).axis_values["jit"] == ("on", "off")
    assert not Request.asked(jit=("on", "on")).varied


def test_requests_of_before_the_axes_are_read():
    kept = {"threads": "framework", "samples": None, "seed": 1}
    assert Request.model_validate(kept).threads == ("framework",)
    assert Request.model_validate({"threads": 2, "samples": 9}).axis_values["samples"] == (9,)


@pytest.mark.parametrize("job", jobs(jit=("on", "off"), phase=("train", "predict")))
def test_a_folders_name_is_taken_apart(job):
    assert job_names(job.id) == ("jax-k3", "jax", "mnist_mlp", 1)


def test_a_configurations_name_may_hold_dots():
    assert job_names("a.b-k3.tensorflow.mnist_mlp+jit-on.12") == (
        "a.b-k3", "tensorflow", "mnist_mlp", 12,
    )  # fmt: skip
    assert job_names("no-job") is None


def test_what_is_not_known_is_said():
    assert settings_text({"precision": None, "jit": "on"}, ["precision", "jit"]) == (
        "not recorded, jit on"
    )


def test_no_value_is_the_only_combination_of_none():
    assert combinations(dict.fromkeys(declared_axes(), ())) == [dict.fromkeys(declared_axes())]
