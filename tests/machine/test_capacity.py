"""What an engine is, and how many CPUs and how much memory jobs have on it."""

import os
from types import SimpleNamespace

import pytest

from runner.launchers.choose import launcher_for
from runner.launchers.docker import DockerLauncher
from runner.machine.docker_engine import Engine, EngineKind
from runner.machine.machine import Lane, Machine
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device
from runner.spec.request import Request


def engine(**info):
    return Engine(SimpleNamespace(), info)


@pytest.mark.parametrize(
    ("info", "kind", "words"),
    [
        ({"ServerVersion": "20.10.24", "Driver": "overlay2", "CgroupVersion": "1"},
         EngineKind.DOCKER, "Docker 20.10.24, store overlay2, cgroup v1"),
        ({"ServerVersion": "29.1.0", "Driver": "overlayfs", "CgroupVersion": "2",
          "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
          "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]},
         EngineKind.DOCKER, "Docker 29.1.0, store overlayfs of containerd, cgroup v2, rootless"),
        ({"ServerVersion": "4.3.1", "Driver": "vfs", "CgroupVersion": "1", "Rootless": True,
          "BuildahVersion": "1.28.2"},
         EngineKind.PODMAN, "Podman 4.3.1, store vfs, cgroup v1, rootless"),
        ({}, EngineKind.DOCKER, "Docker of unknown version"),
    ],
)  # fmt: skip
def test_an_engine_in_words(info, kind, words):
    assert engine(**info).kind is kind
    assert engine(**info).description == words


def test_what_is_not_asked_for_fits_an_engine_that_is_smaller_than_this_machine():
    """A run on an engine elsewhere got this machine's threads, which that one refused."""
    own = len(os.sched_getaffinity(0))
    for found in (None, engine(), engine(NCPU="many")):
        assert Machine(Device.CPU, found).cpus == own
    assert Machine(Device.CPU, engine(NCPU=1)).cpus == 1
    small = engine(NCPU=1, MemTotal=1 << 30)
    machine = Machine(Device.CPU, small)
    asked = Request(threads="framework")
    made = launcher_for(machine, Lane(), asked, "r", BuildOptions(), None, print)
    assert isinstance(made, DockerLauncher)
    assert made.limits.cpus == 1
    assert made.limits.memory_bytes < 1 << 30
