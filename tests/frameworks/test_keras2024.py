"""The suite keras2024: tiny networks train everywhere, and the large ones have their parameters.

The large ones' weights are not made: Keras keeps their shapes alone, so that a network for a card
of 80 GB is counted on any machine.
"""

import itertools
import json

import pytest

from runner.spec.workload import WORKLOADS, Size
from runner.store.events import BadLine, EpochEvent, parse_event, wrong_order

SUITE = {name: model for name, model in WORKLOADS.items() if model.suite == "keras2024"}
OUTPUTS = {
    "bert_base": [[None, 2]],
    # The numbers of KerasCV 0.8.2, counted with its own classes: of StableDiffusion's image encoder
    # up to layers[-3], and of its DiffusionModel(512, 512, 77).
    "sd_encoder": [[None, 64, 64, 8]],
    "sd_diffusion": [[None, 64, 64, 4]],
    # The number that KerasCV 0.8.2 states of its vitdet_huge.
    "sam_vit_h": [[None, 64, 64, 256]],
    # Of either, the additions of rank 4 to the queries' and the values' weights: 11,067,392 beside
    # Gemma's 8,537,680,896 and 21,004,288 beside Mistral's 7,241,732,096, worked out below.
    "gemma_7b": [[None, None, 256000]],
    "mistral_7b": [[None, None, 32000]],
    "resnet50": [[None, 1000]],
    "gpt_small": [[None, 256, 50257]],
}
CONFIGURATIONS = {"jax-k3": "jax", "torch-k3": "torch", "tf-k3": "tensorflow"}


def whole(said):
    assert not isinstance(said, BadLine), said
    return said


@pytest.mark.parametrize("model", SUITE)
def test_the_published_network_has_its_parameters_and_outputs(check, model):
    others = [(name, "published") for name in SUITE]
    found = check("jax-k3", "jax", "parameters", model, "published", others=others)
    assert found == [SUITE[model].parameters, OUTPUTS[model]]


def attention(width, query_heads, key_value_heads, head):
    """Parameters of the four products of an attention without biases."""
    return width * head * (2 * query_heads + 2 * key_value_heads)


def low_rank(width, heads, head, rank=4):
    """Parameters that are trained beside a kernel of (width, heads, head), in any order of these
    but with ``head`` the last."""
    return width * heads * rank + rank * head


def test_the_large_language_models_have_the_parameters_of_their_dimensions():
    layer = attention(3072, 16, 16, 256) + 3 * 3072 * 24576 + 2 * 3072
    gemma = 256000 * 3072 + 28 * layer + 3072
    assert gemma == 8_537_680_896
    assert SUITE["gemma_7b"].parameters == gemma + 28 * 2 * low_rank(3072, 16, 256)
    layer = attention(4096, 32, 8, 128) + 3 * 4096 * 14336 + 2 * 4096
    mistral = 2 * 32000 * 4096 + 32 * layer + 4096
    assert mistral == 7_241_732_096
    added = low_rank(4096, 32, 128) + low_rank(4096, 8, 128)
    assert SUITE["mistral_7b"].parameters == mistral + 32 * added


PREDICTED = {
    "bert_base": [2], "sam_vit_h": [4, 4, 16], "sd_encoder": [16, 16, 8], "sd_diffusion": [8, 8, 4],
    "gemma_7b": [10], "mistral_7b": [10], "resnet50": [10], "gpt_small": [16, 500],
}  # fmt: skip


@pytest.mark.parametrize("model", SUITE)
def test_a_tiny_network_predicts(check, model):
    shape, is_right = check("jax-k3", "jax", "predicted", model, "jax")
    assert (shape, is_right) == ([8, *PREDICTED[model]], True)


def epochs_of_job(run_in, configuration, model, phase):
    """Run a tiny model's job in a configuration's environment and return its two epochs."""
    backend = CONFIGURATIONS[configuration]
    spec = {
        "model": model, "backend": backend, "device": "cpu", "data": "synthetic", "data_dir": None,
        "cache_dir": None, "epochs": 2, "samples": None, "seed": 7, "threads": 2,
        "image_data_format": "channels_last", "recurrent_activation": "sigmoid",
        "precision": "tf32", "jit": "auto", "phase": phase, "size": "tiny", "batch_size": None,
    }  # fmt: skip
    done = run_in(configuration, backend, "-m", "models", json.dumps(spec))
    assert done.returncode == 0, done.stderr[-2000:]
    events = [whole(parse_event(line.encode())) for line in done.stdout.splitlines()]
    assert wrong_order(list(map(vars, events))) is None
    first, last = (event for event in events if isinstance(event, EpochEvent))
    assert first.samples == 10 * SUITE[model].at(Size.TINY).batch_size
    return first, last


# Of each kind of network one on every backend; all of them on one.
EVERYWHERE = ("bert_base", "sam_vit_h", "gemma_7b", "gpt_small")
TRAINED = [
    (configuration, name)
    for configuration in CONFIGURATIONS
    for name, model in SUITE.items()
    if "train" in model.phases and (configuration == "jax-k3" or name in EVERYWHERE)
]


@pytest.mark.parametrize(("configuration", "model"), TRAINED)
def test_a_tiny_network_trains(run_in, configuration, model):
    first, last = epochs_of_job(run_in, configuration, model, "train")
    assert last.loss < 1.2 * first.loss


@pytest.mark.parametrize(
    ("configuration", "model"),
    [*itertools.product(CONFIGURATIONS, ["bert_base", "gemma_7b"]), ("torch-k3", "sd_diffusion")],
)
def test_a_tiny_network_is_timed_while_it_predicts(run_in, configuration, model):
    first, last = epochs_of_job(run_in, configuration, model, "predict")
    assert first.loss is last.loss is None
    assert last.seconds > 0
