"""What an engine is asked for where jobs run on several cards at the same time."""

import os
import platform
from types import SimpleNamespace

import pytest
from docker.errors import APIError

from launcher_contract import make_job
from made_machine import made_engine
from runner.errors import EngineError
from runner.launchers.base import Environment
from runner.launchers.choose import launcher_for
from runner.machine.cpus import cpus_of_list
from runner.machine.docker_engine import Engine
from runner.machine.gpu import Gpu
from runner.machine.machine import Machine
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device
from runner.spec.request import Request

CARDS = tuple(Gpu(f"GPU-{n}", "Tesla K80", "470.256.02", (3, 7), 12 << 30, n) for n in range(2))


class Containers:
    """Says no to what it is asked for, and keeps it."""

    def __init__(self):
        self.created, self.listed = [], []

    def create(self, image, **options):
        self.created.append(options)
        raise APIError("that is enough")

    def list(self, **options):
        self.listed.append(options["filters"]["label"])
        return []


@pytest.fixture
def engine(monkeypatch):
    """An engine on this kernel that hands out cards by their UUID, on a machine with 8 CPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    containers = Containers()
    found = made_engine("nvidia", NCPU=8, MemTotal=64 << 30, KernelVersion=platform.release())
    client = SimpleNamespace(
        api=found.client.api, volumes=SimpleNamespace(get=lambda name: None), containers=containers
    )
    return Engine(client, found.info)


def asked_of(engine, *cards):
    """Return what the engine is asked to create for a job in each lane of these cards."""
    machine = Machine(Device.GPU, engine, cards)
    for lane in machine.lanes:
        launcher = launcher_for(
            machine, lane, Request(threads=("framework",)), "r", BuildOptions(), None, print
        )
        with pytest.raises(EngineError, match="that is enough"):
            launcher.start(make_job(device="gpu", threads=2), Environment("some-k1", "sha256:1"))
    return engine.client.containers.created[-len(cards) :]


def test_each_lanes_job_gets_its_card_its_cpus_and_its_part_of_the_memory(engine):
    [alone] = asked_of(engine, CARDS[0])
    assert alone["cpuset_cpus"] is None
    both = asked_of(engine, *CARDS)
    cards = [options["device_requests"][0]["DeviceIDs"] for options in both]
    assert cards == [["GPU-0"], ["GPU-1"]]
    first, second = (set(cpus_of_list(options["cpuset_cpus"])) for options in both)
    assert len(first) == len(second) == 2
    assert first.isdisjoint(second)
    assert {options["mem_limit"] for options in both} == {alone["mem_limit"] // 2}
    assert {options["nano_cpus"] for options in both} == {4 * 10**9}


def test_a_lane_removes_none_of_the_jobs_of_another(engine):
    """Before a job, what is left of an earlier attempt is removed."""
    created = asked_of(engine, *CARDS)
    labels = [{f"{name}={value}" for name, value in made["labels"].items()} for made in created]
    for number, asked in enumerate(engine.client.containers.listed):
        assert set(asked) <= labels[number]
        assert not set(asked) <= labels[1 - number]
