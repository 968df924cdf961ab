"""A machine that a test composes: an engine or none, cards, a driver. All else is as it is."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker.errors import ImageNotFound

from fake_nvml import FakeNvml
from patching import patch_everywhere
from runner.doctor.data import why_no_index, why_not_served
from runner.errors import MachineError
from runner.execution.guard import CpuGuard, GpuGuard, device_guard
from runner.machine.docker_engine import Engine, connect_engine
from runner.machine.gpu import connect_driver

HERE, ELSEWHERE = "http+docker://localhost", "http://elsewhere:2375"


def _no_image(name: str) -> None:
    raise ImageNotFound(f"no image {name}")


def made_engine(*runtimes: str, base_url: str = HERE, **info: object) -> Engine:
    """Return an engine of Docker 27 that says of itself what it is told to."""
    client = SimpleNamespace(
        api=SimpleNamespace(base_url=base_url),
        images=SimpleNamespace(get=_no_image, list=lambda **filters: []),
    )
    told = {"ServerVersion": "27.0", "Runtimes": {name: {} for name in ("runc", *runtimes)}}
    return Engine(client, told | info)


@contextmanager
def made_machine(folder: Path) -> Iterator[SimpleNamespace]:
    """Patch what looks at the machine; unless told otherwise all is well and no card is there."""
    answers = SimpleNamespace(engine=made_engine("nvidia"), cards=[], processes=((),))

    def connect(name):
        if isinstance(answers.engine, MachineError):
            raise answers.engine
        return answers.engine

    def guard_for(gpu, wait_seconds=0):
        if gpu is None:
            return CpuGuard(folder=folder)
        fake = FakeNvml(processes=answers.processes, cards=answers.cards)
        return GpuGuard(gpu, fake, folder=folder)

    def driver():
        return FakeNvml(cards=answers.cards) if answers.cards else None

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(shutil, "which", lambda name: None)
        patch_everywhere(monkeypatch, connect_engine, connect)
        patch_everywhere(monkeypatch, connect_driver, driver)
        patch_everywhere(monkeypatch, device_guard, guard_for)
        patch_everywhere(monkeypatch, why_not_served, lambda urls, seconds: None)
        patch_everywhere(monkeypatch, why_no_index, lambda build, seconds: None)
        yield answers
