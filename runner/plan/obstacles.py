"""What stands between a backend and this machine: the card, a given Python, what programs are here.

A backend that something stands against is left out of a run; where nothing is left, nothing starts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import MachineError
from runner.machine.cuda import last_branch
from runner.machine.gpu import Gpu
from runner.machine.interpreters import Installed, installed_in, lacking, lacking_text
from runner.spec.configuration import Configuration, Device
from runner.spec.job import Job, known_backends, marked_unsupported
from runner.words import version_numbers

# A configuration's name and a backend of it.
Pair = tuple[str, str]


@dataclass(frozen=True)
class Obstacle:
    """Why a backend cannot be trusted to run here, and what to do."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class Against:
    """What one thing of a machine says against each of the chosen backends, None for nothing.

    ``refusal`` is the error's first line where none of them is left.
    """

    found: Mapping[Pair, Obstacle | None]
    refusal: str

    @property
    def stops_all(self) -> bool:
        """Return whether it leaves none of the backends."""
        return bool(self.found) and all(self.found.values())

    def require_one_left(self) -> None:
        """Raise MachineError if it leaves none of the backends."""
        first = next(iter(self.found.values()), None)
        if self.stops_all and first is not None:
            raise MachineError(f"{self.refusal}\n{first.remedy}")

    def marked(self, planned: list[Job]) -> list[Job]:
        """Return the jobs, marked unsupported where it stands against their backend."""

        def why(job: Job) -> str | None:
            found = self.found.get((job.configuration, job.backend))
            return found.reason if found is not None else None

        return marked_unsupported(planned, why)


# Where a thing plays no part in a run.
NOTHING = Against({}, "")


def _asked(
    chosen: Sequence[Configuration],
    backends: Sequence[str],
    look: Callable[[Configuration, str], Obstacle | None],
) -> dict[Pair, Obstacle | None]:
    """Return what is found against each chosen backend; ``backends`` empty means all of them."""
    return {
        (configuration.name, backend): look(configuration, backend)
        for configuration in chosen
        for backend in configuration.backends
        if not backends or backend in backends
    }


def _card_against(configuration: Configuration, backend: str, gpu: Gpu) -> Obstacle | None:
    facts = configuration.backends[backend].gpu
    oldest, newest = facts.min_compute_capability, facts.max_compute_capability
    too_new = newest is not None and gpu.compute_capability > version_numbers(newest)
    too_old = gpu.compute_capability < version_numbers(oldest)
    if not (too_new or too_old):
        return None
    capability = ".".join(str(part) for part in gpu.compute_capability)
    reach = f"{oldest} to {newest}" if newest else f"{oldest} and newer"
    another = "another" if version_numbers(configuration.keras) >= (3,) else "a"
    other = f"{another} Keras 3 configuration" if too_new else "a configuration of that card's time"
    return Obstacle(
        f"{backend} {configuration.backends[backend].version} has code for compute "
        f"capability {reach}; {gpu.name} has {capability}",
        f"choose {other}, or measure on the CPU: --device cpu",
    )


def _driver_against(configuration: Configuration, backend: str, gpu: Gpu) -> Obstacle | None:
    facts = configuration.backends[backend].gpu
    driver = facts.driver_for(gpu.compute_capability)
    needed = version_numbers(driver)
    if version_numbers(gpu.driver) >= needed:
        return None
    on_card = "" if driver == facts.min_driver else f" on a {gpu.name}"
    reason = (
        f"CUDA {facts.cuda}{on_card} needs driver {driver} or newer, this machine has {gpu.driver}"
    )
    branch = last_branch(gpu.compute_capability)
    if branch is not None and branch < needed[0]:
        return Obstacle(
            f"{reason}, and the last branch for {gpu.name} is R{branch}",
            "no driver helps: choose a configuration of that card's time, "
            "or measure on the CPU: --device cpu",
        )
    remedy = f"install driver {driver} or newer, or measure on the CPU: --device cpu"
    return Obstacle(reason, remedy)


def card_against(
    chosen: Sequence[Configuration], backends: Sequence[str], card: Gpu | None
) -> Against:
    """Return what a card or its driver says against the chosen backends; nothing without one.

    A card newer than a framework's machine code does not fail: it hangs, or trains to NaN with
    fast epochs. So it is refused beforehand. The card comes first, for a driver can be changed.
    """
    if card is None:
        return NOTHING
    found = _asked(
        chosen,
        backends,
        lambda of, backend: _card_against(of, backend, card) or _driver_against(of, backend, card),
    )
    reasons = (one.reason for one in found.values() if one is not None)
    return Against(found, f"none of the chosen backends can run on this card: {next(reasons, '')}")


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


def _packages_against(backend: str, installed: Installed) -> Obstacle | None:
    missing = [name for name in ("keras", backend) if name not in installed.modules]
    if not missing:
        return None
    return Obstacle(
        f"--python has no {' and no '.join(missing)}",
        "install them there, name another Python, or leave --python out",
    )


def packages_against(
    chosen: Sequence[Configuration], backends: Sequence[str], installed: Installed | None
) -> Against:
    """Return which of the chosen backends a given Python has not got."""
    if installed is None:
        return NOTHING
    found = _asked(chosen, backends, lambda _, backend: _packages_against(backend, installed))
    wanted = ", ".join(["keras", *sorted({backend for _, backend in found})])
    return Against(found, f"--python {installed.path} lacks what jobs import: {wanted}")


def other_versions(
    chosen: Sequence[Configuration], backends: Sequence[str], installed: Installed
) -> Iterator[str]:
    """Yield, for each configuration, which versions a given Python has that are other ones."""
    for configuration in chosen:
        named = {
            name: facts.version
            for name, facts in configuration.backends.items()
            if (not backends or name in backends) and _packages_against(name, installed) is None
        }
        if not named:
            continue
        locked = {"keras": configuration.keras, **named}
        there = {name: installed.version_of(name) for name in locked}
        other = [
            f"{name} {there[name]} (lock: {version})"
            for name, version in locked.items()
            if there[name] is not None and str(there[name]).partition("+")[0] != version
        ]
        if other:
            yield f"{configuration.name}: --python has {', '.join(other)}"


def libraries_against(
    chosen: Sequence[Configuration],
    backends: Sequence[str],
    device: Device,
    installed: Installed | None,
) -> Against:
    """Return what each chosen backend lacks of this machine where jobs are processes of it.

    ``installed`` is what a given Python has; the facts are of the versions that the lock names,
    and it may have others.
    """
    remedy = "install what brings them, or use --launcher docker, whose image has them"
    python = installed.path if installed is not None else None

    def look(configuration: Configuration, backend: str) -> Obstacle | None:
        facts = configuration.backends[backend]
        if installed is not None:
            version = str(installed.version_of(backend)).partition("+")[0]
            if version != facts.version:
                return None
        missing = lacking(facts.local, device, python)
        return Obstacle(lacking_text(facts.local, missing), remedy) if missing else None

    found = _asked(chosen, backends, look)
    named = (f"{' '.join(pair)}: {one.reason}" for pair, one in found.items() if one is not None)
    return Against(found, f"none of the chosen backends can run here: {next(named, '')}")
