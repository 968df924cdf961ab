"""Whether there is an engine, and whether it can hand a GPU to a container."""

from collections.abc import Iterator

from runner.doctor.asked import AskedRun, text_and_remedy
from runner.errors import MachineError
from runner.launchers.gpu_request import gpu_request
from runner.machine.docker_engine import credential_problem
from runner.machine.fit import (
    require_architecture,
    require_capacity,
    require_on_engine,
    require_shares,
)
from runner.report.findings import Finding, Reporter
from runner.spec.choices import LauncherChoice

_say = Reporter("engine")


def engine_answers(asked: AskedRun) -> Iterator[Finding]:
    """Say which engine answers; without one, whether the run can do without."""
    found, error = asked.found_engine.value, asked.found_engine.error
    if asked.runs_in is LauncherChoice.LOCAL:
        yield _say.ok("engine", "not needed: jobs are processes of this machine")
    elif error is not None:
        yield _say.problem("engine", *text_and_remedy(error))
    elif found is None:
        hint = "for containers, see what --launcher docker says"
        yield _say.warning("engine", "; ".join(asked.found_engine.notes), hint)
    else:
        yield _say.ok("engine", f"{found.description}: answers")
        if (problem := credential_problem()) is not None:
            yield _say.problem("credentials", f"images cannot be built: {problem}")
        if not found.applies_limits:
            yield _say.warning(
                "limits",
                "an engine without root applies none on control groups of version 1: a job can "
                "take all memory and CPUs",
                "use control groups of version 2, or an engine with root",
            )
        if not found.is_local:
            yield _say.warning(
                "engine",
                "it runs on another machine: its cards and disks cannot be seen from here, and "
                "data of this machine cannot be mounted there",
                "run there, or take --device cpu and --data synthetic",
            )


def machine_suffices(asked: AskedRun) -> list[Finding]:
    """Say where jobs cannot run on the processor, or get the CPUs, memory, card and data asked for.

    Where they can there is nothing to say. Raises MachineError, which is a finding.
    """
    engine = asked.found_engine.value
    if asked.python is None:
        require_architecture(engine)
    for threads in asked.threads or (None,):
        require_capacity(engine, threads, asked.memory)
        require_shares(asked.machine, threads, asked.memory)
    require_on_engine(engine, asked.data, asked.card.value)
    return []


def container_gpu(asked: AskedRun) -> Iterator[Finding]:
    """Say whether a container can get a GPU, if the run is to have one."""
    engine, card = asked.found_engine.value, asked.card.value
    if engine is None:
        return
    if card is None:
        on_cpu = asked.card.error is None
        why = "the run is on the CPU" if on_cpu else "there is no card that a run would take"
        yield _say.ok("GPU in a container", f"not needed: {why}")
        return
    for one in asked.machine.gpus:
        try:
            request = gpu_request(engine, one)
            yield _say.ok("GPU in a container", f"asked for as {', '.join(request['DeviceIDs'])}")
        except MachineError as error:
            yield _say.problem("GPU in a container", *text_and_remedy(error))
