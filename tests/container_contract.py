"""What the docker launcher must do on every engine: the launchers' contract, and the sandbox.

A test module of an engine imports the fixtures and inherits ``ContainerContract``.
"""

import json
from dataclasses import replace

import pytest
from docker.errors import NotFound

from launcher_contract import LauncherContract, make_job
from runner import paths
from runner.launchers.base import Environment
from runner.launchers.docker import ContainerLimits, DockerLauncher
from runner.machine.docker_engine import LABEL, Engine, EngineKind
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device
from runner.spec.job import Status


@pytest.fixture
def launcher(engine, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    return DockerLauncher(
        engine,
        Device.CPU,
        run="contract",
        limits=ContainerLimits(memory_bytes=512 << 20, cpus=1),
        build=BuildOptions(),
        data_dir=data,
        gpu=None,
        say=print,
    )


@pytest.fixture
def environment(engine, fake_image):
    yield Environment("some-k1", fake_image, {"image_digest": fake_image})
    for volume in engine.client.volumes.list(filters={"label": f"{LABEL}=cache"}):
        if fake_image.removeprefix("sha256:")[:16] in volume.name:
            volume.remove()


class ContainerContract(LauncherContract):
    def test_a_job_past_its_memory_is_out_of_memory(self, bench, engine):
        record = bench.run("eats_memory")
        if engine.kind is EngineKind.PODMAN and engine.info["CgroupVersion"] == "1":
            # It does not tell there what killed a container.
            assert record.status is Status.FAILED
            assert "SIGKILL, as the kernel does where memory runs out" in record.reason
            return
        assert record.status is Status.OOM
        assert "--memory" in record.reason

    def test_a_job_whose_child_alone_was_past_it_ended_as_it_says(self, bench):
        assert bench.run("has_a_child_that_eats_memory").status is Status.OK

    def test_the_sandbox(self, bench):
        assert bench.run("environment").status is Status.OK
        seen = json.loads(bench.log("environment").splitlines()[0])
        assert seen["uid"] == 1000
        assert seen["capabilities"] == 0
        assert seen["no_new_privileges"] == "1"
        assert seen["interfaces"] == ["lo"]
        assert seen["/opt/bench/x"] == seen["/etc/x"] == seen["/data/x"] == "OSError"
        assert seen["/cache/x"] == seen["/tmp/x"] == "written"

    def test_data_with_a_label_of_selinux_is_read_only_too(
        self, launcher, environment, engine, tmp_path, monkeypatch
    ):
        """Where there is no SELinux an engine takes the wish and does nothing about it."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        data = paths.cache() / "digits"
        data.mkdir(parents=True)
        told = {**engine.info, "SecurityOptions": ["name=selinux"]}
        labelling = replace(launcher, engine=Engine(engine.client, told), data_dir=data)
        process = labelling.start(make_job("sleeps"), environment)
        try:
            process._container.reload()
            [mount] = [m for m in process._container.attrs["Mounts"] if m["Type"] == "bind"]
            assert (mount["Source"], mount["Destination"], mount["RW"]) == (
                str(data), "/data", False,
            )  # fmt: skip
        finally:
            process.stop()
            process.close()

    def test_its_limits_are_applied(self, bench):
        assert not [text for text in bench.run("well").warnings if "limits" in text]

    def test_a_second_attempt_is_not_timed_beside_the_first(self, launcher, environment, engine):
        """An engine that was away for a while may still have the container of the first."""
        first = launcher.start(make_job("sleeps"), environment)
        second = launcher.start(make_job("sleeps"), environment)
        try:
            with pytest.raises(NotFound):
                engine.client.containers.get(first._container.id)
        finally:
            second.stop()
            second.close()

    def test_no_container_is_left(self, bench, engine):
        bench.run("well")
        bench.run("killed")
        bench.run("sleeps", timeout=3)
        left = engine.client.containers.list(all=True, filters={"label": f"{LABEL}.run=contract"})
        assert left == []
