"""A Python that a user gives: whether it has what jobs import, seen before the first one starts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.errors import MachineError
from runner.machine.interpreters import Installed, installed_in
from runner.spec.configuration import Configuration
from runner.spec.job import Job, known_backends, marked_unsupported
from runner.words import Say

MISSING_REMEDY = "install them there, name another Python, or leave --python out"


def look_into(python: Path, chosen: Sequence[Configuration]) -> Installed:
    """Return what a given interpreter has of what the jobs of ``chosen`` import.

    Raises MachineError where it does not run.
    """
    found = installed_in(python, ["keras", *known_backends(chosen)])
    if found is None:
        raise MachineError(
            f"--python {python}: not a Python interpreter that runs\n"
            "name another, or leave --python out"
        )
    return found


def lack_of(backend: str, installed: Installed) -> str | None:
    """Return what a job of ``backend`` would not find, in words; None where all is there."""
    lacking = [name for name in ("keras", backend) if name not in installed.modules]
    return f"--python has no {' and no '.join(lacking)}" if lacking else None


def differences(
    chosen: Sequence[Configuration], backends: Sequence[str], installed: Installed
) -> Iterator[str]:
    """Yield, for each configuration, which versions are other ones than it names."""
    for configuration in chosen:
        named = {
            "keras": configuration.keras,
            **{
                name: facts.version
                for name, facts in configuration.backends.items()
                if (not backends or name in backends) and lack_of(name, installed) is None
            },
        }
        if len(named) == 1:
            continue
        there = {name: installed.version_of(name) for name in named}
        other = [
            f"{name} {there[name]} (lock: {version})"
            for name, version in named.items()
            if there[name] is not None and str(there[name]).partition("+")[0] != version
        ]
        if other:
            yield f"{configuration.name}: --python has {', '.join(other)}"


def refuse_packages(
    planned: list[Job], chosen: Sequence[Configuration], installed: Installed | None, say: Say
) -> list[Job]:
    """Return the plan with the jobs marked unsupported for which a given Python lacks something.

    Raises MachineError if that is all of them. Versions other than the lock's are said.
    """
    if installed is None:
        return planned
    backends = sorted({job.backend for job in planned})
    lacks = {backend: lack_of(backend, installed) for backend in backends}
    if lacks and all(lacks.values()):
        wanted = ", ".join(["keras", *backends])
        raise MachineError(
            f"--python {installed.path} lacks what jobs import: {wanted}\n{MISSING_REMEDY}"
        )
    for text in differences(chosen, backends, installed):
        say(text)
    return marked_unsupported(planned, lambda job: lacks[job.backend])
