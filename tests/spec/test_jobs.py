"""The plan: every combination once, with what each job is told."""

import pytest

from runner.errors import UsageError
from runner.spec.configuration import load_configurations
from runner.spec.job import planned_jobs
from runner.spec.request import Request
from runner.spec.study import choose_workloads
from runner.spec.workload import DataSource, require_source

ASKED = {"device": "cpu", "data": "synthetic", "threads": 1}
PUBLISHED = ["mxnet-k122", "tf-cntk-k208", "theano-k208"]


def plan(configs=PUBLISHED, models=(), **asked):
    chosen = load_configurations(list(configs))
    request = Request(**{**ASKED, "repeats": 2, **asked})
    return planned_jobs(chosen, choose_workloads(list(models)), request)


def test_the_published_comparison_is_four_backends_by_five_models():
    planned = plan()
    assert len(planned) == 4 * 5 * 2
    assert len({job.id for job in planned}) == len(planned)
    assert {job.backend for job in planned} == {"tensorflow", "cntk", "theano", "mxnet"}


def test_repeats_have_their_own_recorded_seeds():
    seeds = {job.repeat: job.seed for job in plan()}
    assert seeds == {1: 2017, 2: 2018}


def test_a_backend_selects_its_configurations():
    assert {job.configuration for job in plan(backend=["cntk"])} == {"tf-cntk-k208"}


def test_the_image_data_format_is_the_configurations_unless_asked():
    by_backend = {job.backend: job.image_data_format for job in plan()}
    assert by_backend["mxnet"] == "channels_first"
    assert by_backend["tensorflow"] == "channels_last"
    asked = plan(image_data_format="channels_first")
    assert {job.image_data_format for job in asked} == {"channels_first"}


def test_the_spec_holds_what_the_job_needs_and_nothing_of_the_host():
    spec = plan()[0].spec("/data", None)
    assert set(spec) == {
        "model", "backend", "device", "data", "data_dir", "cache_dir", "epochs", "samples",
        "seed", "threads", "image_data_format", "recurrent_activation", "precision", "jit", "phase",
        "size", "batch_size",
    }  # fmt: skip


def test_models_of_keras_3_are_unsupported_elsewhere_and_their_published_size_is_asked_for():
    planned = plan(["mxnet-k122", "tf-cntk-k208", "jax-k3"], ["bert_base"])
    assert {job.spec(None, None)["size"] for job in planned} == {"published"}
    reasons = {job.configuration: job.unsupported for job in planned}
    assert reasons == {
        "mxnet-k122": "needs Keras 3, here is Keras 1.2.2",
        "tf-cntk-k208": "needs Keras 3, here is Keras 2.0.8",
        "jax-k3": None,
    }


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"backend": ["tensorflw"]}, "unknown backend 'tensorflw'; did you mean 'tensorflow'?"),
        ({"models": ["mnist_mpl"]}, "unknown model 'mnist_mpl'; did you mean 'mnist_mlp'?"),
    ],
)
def test_a_typo_names_the_nearest(arguments, text):
    with pytest.raises(UsageError) as caught:
        plan(**arguments)
    assert str(caught.value) == text


def test_digits_do_not_fit_every_model():
    with pytest.raises(UsageError, match="does not fit cifar10_cnn, babi_rnn"):
        require_source(choose_workloads([]), DataSource.DIGITS)
