"""Jobs that are processes of this machine, and lack a program or a library of it."""

from collections.abc import Mapping, Sequence

from runner.errors import MachineError
from runner.machine.fit import Machine
from runner.machine.interpreters import Installed, lacking, lacking_text
from runner.spec.configuration import Configuration, Device
from runner.spec.job import Job, marked_unsupported

LACKING_REMEDY = "install what brings them, or use --launcher docker, whose image has them"


def _is_known(backend: str, version: str, installed: Installed | None) -> bool:
    """Return whether the facts are those of what will run: a given Python may have another."""
    if installed is None:
        return True
    return str(installed.version_of(backend)).partition("+")[0] == version


def lacks_here(
    chosen: Sequence[Configuration],
    backends: Sequence[str],
    device: Device,
    installed: Installed | None,
) -> Mapping[tuple[str, str], str | None]:
    """Return what each chosen configuration's backend lacks of this machine, in words, or None.

    ``backends`` empty means all of them; ``installed`` is what a given Python has.
    """
    python = installed.path if installed is not None else None
    lacks: dict[tuple[str, str], str | None] = {}
    for configuration in chosen:
        for backend, facts in configuration.backends.items():
            if backends and backend not in backends:
                continue
            missing = (
                lacking(facts.local, device, python)
                if _is_known(backend, facts.version, installed)
                else []
            )
            text = lacking_text(facts.local, missing) if missing else None
            lacks[configuration.name, backend] = text
    return lacks


def refuse_lacking(
    planned: list[Job],
    chosen: Sequence[Configuration],
    machine: Machine,
    installed: Installed | None,
) -> list[Job]:
    """Return the plan with the jobs marked unsupported that would fail for want of a library.

    An image brings its own. Raises MachineError if every job lacks something.
    """
    if machine.engine is not None:
        return planned
    backends = sorted({job.backend for job in planned})
    lacks = lacks_here(chosen, backends, machine.device, installed)
    if lacks and all(lacks.values()):
        (configuration, backend), text = next(iter(lacks.items()))
        raise MachineError(
            f"none of the chosen backends can run here: {configuration} {backend}: {text}\n"
            f"{LACKING_REMEDY}"
        )
    return marked_unsupported(planned, lambda job: lacks[job.configuration, job.backend])
