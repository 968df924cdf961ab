"""Which launcher a machine's jobs get."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner import paths
from runner.images import BuildOptions
from runner.launchers.base import Launcher
from runner.launchers.docker import DockerLauncher, Limits
from runner.launchers.local import LocalLauncher
from runner.preflight import Machine


def launcher_for(
    machine: Machine,
    *,
    run: str,
    limits: Limits,
    build: BuildOptions,
    data_dir: Path | None,
    python: Path | None,
    say: Callable[[str], None],
) -> Launcher:
    """Return the launcher for what the machine has: containers where an engine was found."""
    gpu_uuid = machine.gpu.uuid if machine.gpu else None
    if machine.engine is None:
        return LocalLauncher(
            machine.device,
            cache=paths.cache(),
            build=build,
            data_dir=data_dir,
            gpu_uuid=gpu_uuid,
            python=python,
            say=say,
        )
    return DockerLauncher(
        machine.engine,
        machine.device,
        run=run,
        limits=limits,
        build=build,
        data_dir=data_dir,
        gpu_uuid=gpu_uuid,
        say=say,
    )
