"""The docker launcher on Docker."""

import pytest

from container_contract import ContainerContract, environment, launcher

__all__ = ["environment", "launcher"]
pytestmark = pytest.mark.engine


class TestDocker(ContainerContract):
    """All of it."""
