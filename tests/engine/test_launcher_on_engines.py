"""The launcher of containers on Docker, and on Podman by its interface for Docker's clients."""

import pytest

from container_contract import ContainerContract, environment, launcher

__all__ = ["environment", "launcher"]
pytestmark = pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True, scope="session")


class TestLauncher(ContainerContract):
    """All of it."""


def test_an_engine_is_known_for_what_it_is(request, engine):
    asked = request.node.callspec.params["engine"]
    assert engine.kind.value.casefold() == asked
    assert engine.description.casefold().startswith(asked)
