"""The values of axes that a backend is given, and those that nothing acts on."""

from types import SimpleNamespace

import pytest

from models.backends.base import Unsupported
from models.job import axes, process

AXES = {
    "accumulation": {"least": 1, "default": 1},
    "width": {"values": {"int8": {"from_keras": 3}, "float": {}}},
}


@pytest.fixture
def start(monkeypatch):
    """Start a job with these values on a backend that acts on some axes; return what it got."""
    monkeypatch.setattr(axes, "AXES", AXES)

    def go(values, acts_on=(), keras="3.1.0"):
        got: dict[str, object] = {}
        backend = SimpleNamespace(axes=acts_on, set_axes=got.update)
        asked = SimpleNamespace(axes=values, backend="jax")
        process.set_axes(asked, SimpleNamespace(backend=backend, version=keras))
        return got

    return go


def test_a_backend_gets_the_values_that_it_acts_on(start):
    values = {"accumulation": 4, "width": "int8"}
    assert start(values, ("accumulation", "width")) == values
    assert start(values, ("accumulation",)) == {"accumulation": 4}


@pytest.mark.parametrize(
    "values, keras, text",
    [
        ({"accumulation": 4, "width": "int8"}, "3.1.0", "accumulation 4: jax has no such setting"),
        ({"accumulation": 1, "width": "float"}, "3.1.0", "width float: jax has no such setting"),
        ({"accumulation": 1, "width": "int8"}, "2.0.8", "width int8: jax has no such setting"),
    ],
)
def test_a_value_that_nothing_acts_on_is_unsupported(start, values, keras, text):
    with pytest.raises(Unsupported, match=text):
        start(values, keras=keras)


def test_a_default_needs_nobody_who_acts_on_it(start):
    assert start({"accumulation": 1, "width": "int8"}) == {}
    assert start({"accumulation": 1, "width": "float"}, keras="2.0.8") == {}
