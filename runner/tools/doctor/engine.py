"""Whether there is an engine, and whether it can hand a GPU to a container."""

from runner.errors import MachineError
from runner.machine.docker_engine import require_nvidia
from runner.spec.choices import LauncherChoice
from runner.tools.doctor.asked import AskedRun, SeenMachine, text_and_remedy
from runner.tools.findings import Finding, Reporter

_say = Reporter("engine")


def engine_answers(asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say which engine answers; without one, whether the run can do without."""
    if asked.launcher is LauncherChoice.LOCAL:
        return [_say.ok("engine", "not needed: jobs are processes of this machine")]
    if seen.engine.error is not None:
        return [_say.problem("engine", *text_and_remedy(seen.engine.error))]
    found = seen.engine.value
    if found is None:
        hint = "for containers, see what --launcher docker says"
        return [_say.warning("engine", "; ".join(seen.engine.notes), hint)]
    version = found.info.get("ServerVersion", "of unknown version")
    findings = [_say.ok("engine", f"Docker {version} answers")]
    if not found.is_local:
        findings.append(
            _say.warning(
                "engine",
                "it runs on another machine: its cards and disks cannot be seen from here, and "
                "data of this machine cannot be mounted there",
                "run on the engine's own machine, or take --data synthetic",
            )
        )
    return findings


def nvidia_runtime(_asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say whether a container can get a GPU, if the run is to have one."""
    if seen.engine.value is None:
        return []
    if seen.card.value is None and seen.card.error is None:
        return [_say.ok("NVIDIA runtime", "not needed: the run is on the CPU")]
    try:
        require_nvidia(seen.engine.value)
    except MachineError as error:
        return [_say.problem("NVIDIA runtime", *text_and_remedy(error))]
    return [_say.ok("NVIDIA runtime", "a container can get a GPU")]
