"""Waiting for the device, and its fastest matrix product."""

import pytest

from runner.spec.configuration import load_configurations

PAIRS = [
    (configuration.name, backend)
    for configuration in load_configurations([])
    for backend in configuration.backends
]


@pytest.mark.parametrize(("configuration", "backend"), [("jax-k3", "jax"), ("mxnet-k122", "mxnet")])
def test_work_in_flight_is_waited_for_at_an_epochs_end(check, configuration, backend):
    queued, _, left = check(configuration, backend, "synchronization", backend, "none")
    assert left > 3 * queued  # without it, a clock would be read before the work is done
    queued, waited, left = check(configuration, backend, "synchronization", backend, "synchronize")
    assert waited > 3 * queued
    assert waited > 3 * left


@pytest.mark.parametrize(("configuration", "backend"), PAIRS)
def test_a_product_is_computed_at_each_call_and_waited_for(check, configuration, backend):
    rate, size, small, large = check(configuration, backend, "product", backend)
    assert 1e8 < rate < 1e15
    assert size >= 512
    assert large > 3 * small  # 512 times the work
