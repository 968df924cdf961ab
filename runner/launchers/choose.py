"""Which launcher a machine's jobs get."""

from pathlib import Path

import psutil

from runner import paths
from runner.launchers.base import Launcher
from runner.launchers.docker import ContainerLimits, DockerLauncher
from runner.launchers.local import LocalLauncher
from runner.machine.fit import Machine
from runner.spec.choices import BuildOptions
from runner.words import Say

# Of a machine's memory, what a job may have unless it is said.
_SHARE = 0.8


def launcher_for(
    machine: Machine,
    *,
    run: str,
    memory: int | None,
    cpus: int,
    build: BuildOptions,
    data_dir: Path | None,
    python: Path | None,
    say: Say,
) -> Launcher:
    """Return the launcher for what the machine has: containers where an engine was found.

    ``memory`` is a job's, in bytes; None means most of the machine's.
    """
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
    memory_bytes = memory or int(psutil.virtual_memory().total * _SHARE)
    return DockerLauncher(
        machine.engine,
        machine.device,
        run=run,
        limits=ContainerLimits(memory_bytes=memory_bytes, cpus=cpus),
        build=build,
        data_dir=data_dir,
        gpu_uuid=gpu_uuid,
        say=say,
    )
