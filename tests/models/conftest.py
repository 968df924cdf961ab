"""The tests of the code inside a job: numpy and pytest only, no Keras."""

import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).resolve().parent.parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)


@pytest.fixture
def root():
    """The folder that holds the package under test."""
    return ROOT


@pytest.fixture
def given():
    """A valid job spec as the host writes it, before it becomes JSON."""
    return {
        "model": "mnist_mlp",
        "backend": "mxnet",
        "device": "cpu",
        "data": "synthetic",
        "data_dir": None,
        "cache_dir": None,
        "epochs": None,
        "samples": 64,
        "seed": 7,
        "threads": 2,
        "image_data_format": "channels_last",
        "recurrent_activation": "sigmoid",
        "precision": "float32",
        "jit": "auto",
        "phase": "train",
        "size": "published",
        "batch_size": None,
    }
