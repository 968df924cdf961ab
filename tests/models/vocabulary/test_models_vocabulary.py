"""The vocabulary as far as it goes without Keras."""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from models import vocabulary
from models.backends.base import Backend
from models.job import spec
from models.vocabulary.base import UnsupportedKeras
from models.vocabulary.keras1 import orthogonal


class Loaded(Backend):
    def load(self):
        return self


def test_a_keras_that_no_class_speaks_is_refused_by_its_version(given, monkeypatch):
    keras = ModuleType("keras")
    vars(keras)["__version__"] = "4.0.1"
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(UnsupportedKeras, match="Keras 4.0.1"):
        vocabulary.load(spec.parse(json.dumps(given)), Loaded("cpu", 2))


@pytest.fixture
def keras_with(monkeypatch):
    """Return a function that gives the vocabulary of a Keras with the one layer ``lstm``."""

    def load(version, lstm):
        keras, layers = ModuleType("keras"), ModuleType("keras.layers")
        vars(layers)["LSTM"] = lstm
        vars(keras).update(
            {
                "__version__": version,
                "layers": layers,
                "backend": SimpleNamespace(
                    backend=lambda: "mxnet", set_image_data_format=lambda name: None
                ),
                "config": SimpleNamespace(set_image_data_format=lambda name: None),
            }
        )
        monkeypatch.setitem(sys.modules, "keras", keras)
        monkeypatch.setitem(sys.modules, "keras.layers", layers)
        asked = {"image_data_format": "channels_last", "recurrent_activation": "sigmoid",
                 "precision": "float32", "jit": "auto"}  # fmt: skip
        known = SimpleNamespace(backend="mxnet", **asked)
        return vocabulary.load(known, Loaded("cpu", 2))

    return load


class Lstm:
    """An LSTM layer that keeps what it is given."""

    def __init__(self, units, **options):
        self.options = options


class LstmWithFusedKernels(Lstm):
    def __init__(self, units, use_cudnn="auto", **options):
        super().__init__(units, use_cudnn=use_cudnn, **options)


@pytest.mark.parametrize("implementation", [0, 1])
def test_an_lstm_of_keras_2_is_done_as_its_version_does_it_by_itself(keras_with, implementation):
    kind = type("LstmOfKeras2", (Lstm,), {"implementation": implementation})
    words = keras_with("2.1.6", kind)
    assert words.lstm(50).options["implementation"] == implementation
    assert words.settings(None)["lstm_implementation"] == implementation


def test_an_lstm_of_an_early_keras_3_is_given_no_argument_that_came_later(keras_with):
    model = SimpleNamespace(jit_compile=False)
    early = keras_with("3.0.5", Lstm)
    assert "use_cudnn" not in early.lstm(50).options
    assert early.settings(model)["lstm_use_cudnn"] == "no such argument"
    late = keras_with("3.15.1", LstmWithFusedKernels)
    assert late.lstm(50).options["use_cudnn"] == "auto"
    assert late.settings(model)["lstm_use_cudnn"] == "auto"
    rest = dict(late.lstm(50).options)
    del rest["use_cudnn"]
    assert early.lstm(50).options == rest


def test_recurrent_kernels_begin_orthogonal():
    kernel = orthogonal(50, 200)
    assert kernel.dtype == np.float32
    assert np.allclose(kernel.dot(kernel.T), np.eye(50), atol=1e-5)
