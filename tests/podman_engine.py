"""A Podman of the tests' own, with its storage in a folder of theirs."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine_fixtures import cannot
from runner.errors import MachineError
from runner.machine.docker_engine import Engine, connect_engine

RUNTIME = Path(__file__).with_name("podman_runtime.py")


def _settings(folder: Path) -> str:
    """Return Podman's settings where no systemd runs and limits cannot be raised."""
    wrapper = folder / "runtime"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} {RUNTIME} "$@"\n')
    wrapper.chmod(0o755)
    return (
        f'[engine]\nruntime = "lowered"\ncgroup_manager = "cgroupfs"\n'
        f'[engine.runtimes]\nlowered = ["{wrapper}"]\n'
    )


def _connected(address: str, log: Path) -> Engine:
    for _ in range(50):
        try:
            return connect_engine(address)
        except MachineError:
            time.sleep(0.2)
    return cannot(f"podman did not start: {log.read_text()[-500:]}")


@contextmanager
def running_podman(folder: Path) -> Iterator[Engine]:
    """Yield a Podman's interface for Docker's clients, as whoever runs the tests."""
    if shutil.which("podman") is None:
        cannot("podman is not installed")
    settings = folder / "containers.conf"
    settings.write_text(_settings(folder))
    socket = folder / "socket"
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(
            ["podman", "--root", folder / "root", "--runroot", folder / "run", "--tmpdir",
             folder / "tmp", "--storage-driver", "overlay", "system", "service", "--time", "0",
             f"unix://{socket}"],
            # Where a container ran out of memory, Podman's monitor leaves a file in its own folder.
            env=os.environ | {"CONTAINERS_CONF": str(settings)}, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield _connected(f"unix://{socket}", folder / "log")
    finally:
        service.terminate()
        service.wait(timeout=30)
        subprocess.run(["umount", "--quiet", folder / "root" / "overlay"], check=False)
