"""Which launcher a machine's jobs get."""

from pathlib import Path
from typing import Any

import psutil

from runner import paths
from runner.launchers.base import Launcher
from runner.launchers.local import LocalLauncher
from runner.machine.cpus import cpus_of
from runner.machine.machine import Lane, Machine
from runner.spec.choices import BuildOptions
from runner.spec.request import Request
from runner.words import Say

# Of a machine's memory, what a job may have unless it is said.
_SHARE = 0.8


def launcher_for(
    machine: Machine,
    lane: Lane,
    request: Request,
    run: str,
    build: BuildOptions,
    data_dir: Path | None,
    say: Say,
) -> Launcher:
    """Return the launcher of a lane of a machine: containers where an engine was found."""
    shared: dict[str, Any] = {"build": build, "data_dir": data_dir,
                              "gpu": lane.gpu, "share": lane.cpus}  # fmt: skip
    if machine.engine is None:
        return LocalLauncher(machine.device, cache=paths.cache(), python=request.python, **shared)
    # With Docker's library, which runs without containers do not need.
    from runner.launchers.docker import ContainerLimits, DockerLauncher

    own = psutil.virtual_memory().total
    most = int(min(own, machine.engine.memory_bytes or own) * _SHARE / len(machine.lanes))
    memory = request.memory << 30 if request.memory else most
    # Where the framework chooses, all that there are.
    wanted = max(map(cpus_of, request.threads))
    cpus = min(wanted, machine.engine.cpus or wanted, len(lane.cpus or ()) or wanted)
    limits = ContainerLimits(memory, cpus)
    return DockerLauncher(machine.engine, machine.device, run=run, limits=limits, say=say, **shared)
