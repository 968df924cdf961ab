"""Waiting for the device, and its fastest matrix product."""

import importlib.util

import pytest

from models import backends


def test_jax_is_waited_for_at_an_epochs_end(check):
    pytest.importorskip("jax")
    pytest.importorskip("keras")
    _, _, left = check("jax", "synchronization", "none")
    queued, waited, left_after = check("jax", "synchronization", "synchronize")
    assert left > 0.2  # without it, a clock would be read before the work is done
    assert queued < 0.1 < 0.2 < waited
    assert left_after < 0.05


@pytest.mark.parametrize("backend", sorted(backends.BACKENDS))
def test_a_product_is_computed_at_each_call_and_waited_for(check, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip("no " + backend)
    rate, size, small, large = check(backend, "product", backend)
    assert 1e8 < rate < 1e15 and size >= 512
    assert large > 3 * small  # 64 times the work
