"""The vocabulary as far as it goes without Keras."""

import json
import sys
from types import ModuleType

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


def test_recurrent_kernels_begin_orthogonal():
    kernel = orthogonal(50, 200)
    assert kernel.dtype == np.float32
    assert np.allclose(kernel.dot(kernel.T), np.eye(50), atol=1e-5)
