"""The job spec: what is refused, and how clearly."""

import json

import pytest

from models.job import spec


def refusal(given):
    with pytest.raises(spec.InvalidSpec) as caught:
        spec.parse(json.dumps(given))
    return str(caught.value)


def test_a_valid_spec_is_read(given):
    assert spec.parse(json.dumps(given))._asdict() == given


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null"])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(spec.InvalidSpec):
        spec.parse(text)


def test_unknown_and_missing_keys_are_named(given):
    assert "colour" in refusal(dict(given, colour="red"))
    del given["seed"]
    assert "missing keys: seed" in refusal(given)


@pytest.mark.parametrize(
    "key, value",
    [
        ("model", "mnist"),
        ("model", None),
        ("backend", "caffe"),
        ("device", "tpu"),
        ("data", "none"),
        ("image_data_format", "NCHW"),
        ("recurrent_activation", "relu"),
        ("size", "huge"),
        ("size", None),
        ("model", ["mnist_mlp"]),
        ("epochs", 0),
        ("epochs", 1.5),
        ("samples", 0),
        ("samples", "64"),
        ("samples", True),
        ("seed", -1),
        ("seed", 2**32),
        ("seed", None),
        ("threads", 0),
        ("threads", None),
        ("threads", "all"),
        ("data_dir", 3),
        ("cache_dir", ""),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(given, key, value):
    assert refusal(dict(given, **{key: value})).startswith(key + ":")


def test_a_size_that_the_model_has_not_is_refused(given):
    assert refusal(dict(given, size="tiny")) == "size: model mnist_mlp has no size tiny"
    assert spec.parse(json.dumps(dict(given, model="bert_base", size="tiny"))).size == "tiny"


@pytest.mark.parametrize("source", ["real", "digits"])
def test_files_need_a_folder(given, source):
    assert refusal(dict(given, data=source)).startswith("data_dir:")
