"""What an engine is asked for so that a container reads the data, with and without SELinux."""

from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from launcher_contract import make_job
from made_machine import made_engine
from runner import paths
from runner.errors import EngineError, MachineError
from runner.launchers.base import Environment
from runner.launchers.data_mount import mount_data
from runner.launchers.docker import ContainerLimits, DockerLauncher
from runner.machine.docker_engine import Engine
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device

SELINUX: dict[str, Any] = {"SecurityOptions": ["name=seccomp,profile=builtin", "name=selinux"]}
WITHOUT: list[dict[str, Any]] = [
    {},
    {"SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin"]},
    {"SecurityOptions": ["name=selinux-like", "nothing"]},
    {"SecurityOptions": None},
]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder of our own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = paths.cache() / "digits"
    folder.mkdir(parents=True)
    return folder


def asked_of(info, folder):
    """Return what an engine that says such things of itself is asked to create."""
    asked = {}

    def create(image, **options):
        asked.update(options)
        raise APIError("that is enough")

    there = SimpleNamespace(get=lambda name: None)
    containers = SimpleNamespace(create=create, list=lambda **filters: [])
    client = SimpleNamespace(
        api=SimpleNamespace(base_url="unix://here"), volumes=there, containers=containers
    )
    limits = ContainerLimits(memory_bytes=1 << 30, cpus=1)
    launcher = DockerLauncher(
        Engine(client, info), Device.CPU, run="r", limits=limits, build=BuildOptions(),
        data_dir=folder, gpu=None, say=print,
    )  # fmt: skip
    with pytest.raises(EngineError, match="that is enough"):
        launcher.start(make_job("well"), Environment("some-k1", "sha256:1", {}))
    return asked


def bind_mounts(asked):
    return [mount for mount in asked["mounts"] if mount["Type"] == "bind"]


@pytest.mark.parametrize("info", WITHOUT, ids=str)
def test_without_selinux_nothing_is_labelled(data, info):
    asked = asked_of(info, data)
    [mount] = bind_mounts(asked)
    assert (mount["Source"], mount["Target"], mount["ReadOnly"]) == (str(data), "/data", True)
    assert asked["volumes"] == {}


def test_with_selinux_our_own_data_gets_the_label_that_containers_share(data):
    asked = asked_of(SELINUX, data)
    assert asked["volumes"] == {str(data): {"bind": "/data", "mode": "ro,z"}}
    assert bind_mounts(asked) == []


def test_the_confinement_stays(data):
    """Without it a job would be held by less than any other container of that machine."""
    assert asked_of(SELINUX, data)["security_opt"] == ["no-new-privileges:true"]


def test_a_folder_that_is_not_ours_is_mounted_as_it_is(data, tmp_path):
    """A link of the cache, too, leads to what a user keeps for something else."""
    others = tmp_path / "others"
    others.mkdir()
    data.rmdir()
    data.symlink_to(others)
    for folder in (others, data):
        asked = asked_of(SELINUX, folder)
        assert asked["volumes"] == {}
        assert [mount["Source"] for mount in bind_mounts(asked)] == [str(folder)]


def test_without_data_nothing_is_asked_for(data):
    asked = asked_of(SELINUX, None)
    assert (asked["volumes"], bind_mounts(asked)) == ({}, [])


def test_a_path_that_cannot_be_given_a_label_is_refused(tmp_path):
    folder = tmp_path / "a:b" / "digits"
    folder.mkdir(parents=True)
    with pytest.raises(MachineError, match="XDG_CACHE_HOME"):
        mount_data(made_engine(**SELINUX), folder, tmp_path / "a:b")


def test_an_engine_says_that_it_has_selinux():
    assert "SELinux" in made_engine(**SELINUX).description
    assert not any("SELinux" in made_engine(**info).description for info in WITHOUT)
