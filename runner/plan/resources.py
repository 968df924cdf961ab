"""Whether a machine has what each job is to get: processor, CPUs, memory, data."""

import platform

from runner.errors import MachineError
from runner.machine.docker_engine import Engine
from runner.machine.machine import Machine
from runner.spec.request import Request
from runner.spec.workload import DataSource
from runner.words import GIB, size_text

_LOCKED_ARCHITECTURES = frozenset({"x86_64", "amd64"})
ELSEWHERE = "the engine runs on another machine"


def require_architecture(engine: Engine | None) -> None:
    """Raise MachineError where no lock has packages for the processor that jobs would run on."""
    architecture = engine.info.get("Architecture") if engine is not None else None
    name = str(architecture or platform.machine())
    if name.lower() not in _LOCKED_ARCHITECTURES:
        where = "the Docker engine's machine" if engine is not None else "this machine"
        raise MachineError(
            f"the locks hold packages for x86-64 alone, and {where} is {name}\n"
            "take an x86-64 machine, or an interpreter that has the packages: --python PATH"
        )


def require_capacity(engine: Engine | None, threads: object, memory: int | None) -> None:
    """Raise MachineError where an engine has fewer CPUs or less memory than each job is to get.

    ``memory`` is in GiB. It would refuse every container, one after the other.
    """
    if engine is None:
        return
    cpus, held = engine.cpus, engine.memory_bytes
    if cpus and isinstance(threads, int) and threads > cpus:
        raise MachineError(
            f"--threads {threads}: the Docker engine has {cpus} CPUs\n"
            f"ask for at most {cpus}, or leave it to each framework: --threads framework"
        )
    if held and memory is not None and memory * GIB > held:
        raise MachineError(
            f"--memory {memory}: the Docker engine has {size_text(held)}\n"
            f"ask for at most {held // GIB}"
        )


def require_shares(machine: Machine, threads: object, memory: int | None) -> None:
    """Raise MachineError where a job asks for more threads or memory than its lane has.

    ``memory`` is in GiB. Each lane has CPUs of its own, and its part of the engine's memory.
    """
    held = machine.engine.memory_bytes if machine.engine is not None else None
    lanes = len(machine.lanes)
    if held and memory is not None and lanes > 1 and memory * lanes * GIB > held:
        raise MachineError(
            f"--memory {memory}: jobs on {lanes} cards at a time have {memory * lanes} GiB "
            f"together, and the Docker engine has {size_text(held)}\n"
            f"ask for at most {held // GIB // lanes}, or take fewer cards: --gpu"
        )
    share = machine.lanes[0].cpus
    if share is None or not isinstance(threads, int) or threads <= len(share):
        return
    own = f"{len(share)} CPU{'s' * (len(share) > 1)}"
    raise MachineError(
        f"--threads {threads}: on {len(machine.gpus)} cards at a time, the jobs of each have {own} "
        f"of their own\nask for at most {len(share)}, or take fewer cards: --gpu"
    )


def require_resources(request: Request, machine: Machine) -> None:
    """Raise MachineError where jobs cannot have the processor, CPUs, memory or data asked for."""
    if request.python is None:
        require_architecture(machine.engine)
    for threads in request.threads or (None,):
        require_capacity(machine.engine, threads, request.memory)
        require_shares(machine, threads, request.memory)
    engine = machine.engine
    if engine is not None and not engine.is_local and request.data is DataSource.REAL:
        raise MachineError(
            f"{ELSEWHERE}, where data of this one cannot be mounted\n"
            "run there, or take --data synthetic"
        )
