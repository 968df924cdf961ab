"""Where Keras 1.2, 2.0 and 3 differ: one vocabulary, spoken by one class for each."""

import importlib

from models.vocabulary.base import UnsupportedKeras
from models.vocabulary.keras1 import Keras1
from models.vocabulary.keras2 import Keras2
from models.vocabulary.keras3 import Keras3

VOCABULARIES = {"1": Keras1, "2": Keras2, "3": Keras3}


def load(spec, backend):
    """Import the backend and Keras and return the vocabulary of the installed version.

    Raises ``UnsupportedKeras`` for a version that none of the classes speaks, and where Keras took
    another backend than the one asked for.
    """
    backend = backend.load()
    keras = importlib.import_module("keras")
    major = keras.__version__.split(".")[0]
    if major not in VOCABULARIES:
        raise UnsupportedKeras("Keras {} is not supported".format(keras.__version__))
    vocabulary = VOCABULARIES[major](keras, backend, spec)
    backend.adopt(keras)
    backend.set_precision(keras, spec.precision)
    vocabulary.check_backend(spec.backend)
    return vocabulary
