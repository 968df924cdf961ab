"""A Podman of the tests' own, beside the Docker engine whose base image it gets.

Its service runs as whoever runs the tests, with its storage in a temporary folder.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine_fixtures import cannot, make_fake_image
from engine_fixtures import engine as docker_engine
from runner.errors import MachineError
from runner.machine.docker_engine import connect_engine

__all__ = ["docker_engine"]
RUNTIME = Path(__file__).with_name("runtime.py")


def _settings(folder):
    """Return Podman's settings where no systemd runs and limits cannot be raised."""
    wrapper = folder / "runtime"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} {RUNTIME} "$@"\n')
    wrapper.chmod(0o755)
    return (
        f'[engine]\nruntime = "lowered"\ncgroup_manager = "cgroupfs"\n'
        f'[engine.runtimes]\nlowered = ["{wrapper}"]\n'
    )


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    if shutil.which("podman") is None:
        cannot("podman is not installed")
    folder = tmp_path_factory.mktemp("podman")
    settings = folder / "containers.conf"
    settings.write_text(_settings(folder))
    socket = folder / "socket"
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(
            ["podman", "--root", folder / "root", "--runroot", folder / "run", "--tmpdir",
             folder / "tmp", "--storage-driver", "overlay", "system", "service", "--time", "0",
             f"unix://{socket}"],
            env=os.environ | {"CONTAINERS_CONF": str(settings)}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield _connected(f"unix://{socket}", folder / "log")
    finally:
        service.terminate()
        service.wait(timeout=30)
        subprocess.run(["umount", "--quiet", folder / "root" / "overlay"], check=False)


def _connected(address, log):
    for _ in range(50):
        try:
            return connect_engine(address)
        except MachineError:
            time.sleep(0.2)
    return cannot(f"podman did not start: {log.read_text()[-500:]}")


@pytest.fixture(scope="session")
def base_image(engine, docker_engine, base_image):
    """The base of the Docker engine, in this one's storage."""
    saved = docker_engine.client.images.get(base_image).save(named=True)
    engine.client.images.load(saved)
    return base_image


@pytest.fixture(scope="session")
def fake_image(engine, base_image):
    yield from make_fake_image(engine, base_image)
