"""The backends before a framework is there: what they set, and what they do not import."""

import json
import subprocess
import sys
from types import ModuleType

import pytest

from models import backends
from models.backends.theano import Theano

LOADED = """
import json, sys
before = set(sys.modules)
import models.job.process
print(json.dumps(sorted(name.split(".")[0] for name in set(sys.modules) - before)))
"""


def test_no_framework_is_imported_before_a_backend_is_loaded(root):
    said = subprocess.check_output([sys.executable, "-c", LOADED], cwd=root)
    assert not (set(backends.BACKENDS) | {"keras"}) & set(json.loads(said.decode()))


def test_a_backend_needs_no_framework_but_its_own(monkeypatch):
    others = sorted(set(backends.BACKENDS) - {"mxnet"})
    for name in others:
        monkeypatch.setitem(sys.modules, name, None)  # an import of it raises
    own = ModuleType("mxnet")
    vars(own)["__version__"] = "0.11.0"
    monkeypatch.setitem(sys.modules, "mxnet", own)
    assert backends.BACKENDS["mxnet"]("cpu", 2).load().version() == "0.11.0"
    with pytest.raises(ImportError):
        backends.BACKENDS["jax"]("cpu", 2).load()


@pytest.mark.parametrize(
    "device, flags",
    [
        ("cpu", {"device=cpu"}),
        ("gpu", {"device=gpu", "dnn.enabled=True"}),
    ],
)
def test_theano_is_told_everything_by_its_flags(device, flags):
    given = Theano(device, 2).environment("/cache")["THEANO_FLAGS"].split(",")
    assert flags | {
        "force_device=True",
        "floatX=float32",
        "base_compiledir=/cache/theano",
        "blas.ldflags=-lopenblas",
    } == set(given)
