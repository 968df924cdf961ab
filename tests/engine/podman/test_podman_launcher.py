"""The docker launcher on a real Podman, by its interface for Docker's clients."""

import pytest

from container_contract import ContainerContract, environment, launcher
from runner.machine.docker_engine import EngineKind
from runner.spec.job import Status

__all__ = ["environment", "launcher"]
pytestmark = pytest.mark.engine


class TestPodman(ContainerContract):
    """All of it, but for what Podman does not tell."""

    def test_a_job_past_its_memory_is_out_of_memory(self, bench, engine):
        if engine.info["CgroupVersion"] != "1":
            super().test_a_job_past_its_memory_is_out_of_memory(bench)
            return
        record = bench.run("eats_memory")
        assert record.status is Status.FAILED
        assert "SIGKILL, as the kernel does where memory runs out" in record.reason


def test_it_is_known_for_what_it_is(engine):
    assert engine.kind is EngineKind.PODMAN
    assert engine.description.startswith("Podman ")
