"""What jobs run on, as it is kept beside their times: the processor, the kernel, the code."""

import platform
from pathlib import Path

from runner.machine.docker_engine import Engine
from runner.machine.machine import Machine
from runner.store.identity import code_identity


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name as the kernel tells it."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def hardware_name(machine: Machine) -> str:
    """Return the name of what jobs run on: the card's, the processor's, or the other machine's."""
    if machine.cluster is not None:
        return f"the nodes of {machine.cluster.name}"
    if machine.gpu is not None:
        return machine.gpu.name
    engine = machine.engine
    if engine is None or engine.shares_kernel:
        return cpu_model()
    return f"the engine's machine ({engine.info.get('Name') or 'which has no name'})"


def describe_identity(engine: Engine | None) -> dict[str, str | None]:
    """Return the identity of the code and of the host of jobs, by the table's columns.

    ``engine`` is that of the jobs, None where they are processes of this machine. The processor of
    an engine's own machine is not known beforehand: its jobs tell.
    """
    is_here = engine is None or engine.shares_kernel
    return {
        **code_identity(),
        "kernel": platform.release() if engine is None else engine.kernel,
        "cpu_model": cpu_model() if is_here else None,
    }
