"""Which card and engine a run works with, and whether a backend fits the card."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import MachineError, near_miss
from runner.machine.cpus import shares_for
from runner.machine.cuda import last_branch
from runner.machine.docker_engine import Engine
from runner.machine.gpu import Cards, Gpu, connect_driver
from runner.machine.visible import visible_cards
from runner.spec.configuration import Configuration, Device
from runner.spec.workload import DataSource
from runner.words import GIB, size_text, version_numbers

_LOCKED_ARCHITECTURES = frozenset({"x86_64", "amd64"})


# In place of cards' names: all that can be used.
ALL_CARDS = "all"


@dataclass(frozen=True)
class Lane:
    """Where one job at a time runs: on a card, or on the CPUs where there is none.

    ``cpus`` are those that its jobs are kept to, and the jobs of no other lane; None where there
    is no other.
    """

    gpu: Gpu | None = None
    cpus: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Cluster:
    """The nodes that jobs may be given: how many, and the fewest CPUs that a job has there."""

    name: str
    nodes: int
    cpus: int


@dataclass(frozen=True)
class Machine:
    """What a run works with. Without an engine, jobs are processes of this machine.

    ``gpus`` are equal cards; none where the run is on the CPUs, or on the nodes of a cluster:
    what those have shows there.
    """

    device: Device
    engine: Engine | None
    gpus: tuple[Gpu, ...] = ()
    cluster: Cluster | None = None

    @property
    def gpu(self) -> Gpu | None:
        """Return a card, which stands for all of them; None on the CPUs."""
        return self.gpus[0] if self.gpus else None

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Return where its jobs run side by side, one in each."""
        if len(self.gpus) < 2:
            return (Lane(self.gpu),)
        return tuple(map(Lane, self.gpus, shares_for(self.gpus)))


def list_gpus() -> Cards:
    """Return the cards that the NVIDIA driver shows and this process may use.

    Those that it may not use, with the reason, are among the unusable ones.
    """
    found = connect_driver()
    return visible_cards(found.cards(), os.environ) if found is not None else Cards()


def _why_none(cards: Cards) -> str:
    if cards.driver is None:
        return (
            "no NVIDIA GPU: the driver is not loaded on this machine\n"
            "install the NVIDIA driver, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
    if not cards.unusable:
        return (
            f"no NVIDIA GPU: the driver ({cards.driver}) shows none\n"
            "see what nvidia-smi -L lists, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
    return (
        f"no GPU can be used: {'; '.join(unusable_texts(cards))}\n"
        "see what nvidia-smi says of it, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
    )


def unusable_texts(cards: Cards) -> list[str]:
    """Return why cards are left out, a phrase for each reason."""
    by_reason: dict[str, list[str]] = {}
    for index, card in cards.unusable.items():
        by_reason.setdefault(card.reason, []).append(str(index))
    return [f"GPU {', '.join(indices)}: {reason}" for reason, indices in by_reason.items()]


def choose_gpu(wanted: str | None, cards: Cards) -> Gpu:
    """Return the card named by UUID or index, or the first. Raises MachineError without one."""
    named = {wanted} if wanted is not None else set()
    for index, unusable in cards.unusable.items():
        if named & {str(index), unusable.uuid}:
            raise MachineError(f"GPU {wanted} cannot be used: {unusable.reason}")
    if not cards.usable:
        raise MachineError(_why_none(cards))
    if wanted is None:
        return next(iter(cards.usable.values()))
    by_name = {str(index): card for index, card in cards.usable.items()}
    by_name |= {card.uuid: card for card in cards.usable.values()}
    if wanted not in by_name:
        hint = near_miss(wanted, by_name)
        there = ", ".join(card.uuid for card in cards.usable.values())
        raise MachineError(f"no GPU '{wanted}'{hint}\nthis machine has: {there}")
    return by_name[wanted]


def choose_gpus(wanted: str | None, cards: Cards) -> tuple[Gpu, ...]:
    """Return the named cards, each once: UUIDs or indices with commas between, or ``ALL_CARDS``.

    The first card where none is named. Raises MachineError without one, or if they differ.
    """
    if wanted is None:
        return (choose_gpu(None, cards),)
    if wanted != ALL_CARDS:
        chosen = [choose_gpu(name.strip(), cards) for name in wanted.split(",")]
    elif not cards.usable:
        raise MachineError(_why_none(cards))
    else:
        chosen = list(cards.usable.values())
    each = tuple(dict.fromkeys(chosen))
    require_equal(each)
    return each


def require_equal(cards: Sequence[Gpu]) -> None:
    """Raise MachineError if cards are of different kinds: their times would stand in one cell."""
    by_kind: dict[str, list[str]] = {}
    for card in cards:
        by_kind.setdefault(card.kind, []).append(card.uuid)
    if len(by_kind) > 1:
        kinds = "; ".join(f"{len(uuids)} of {kind}" for kind, uuids in by_kind.items())
        most = max(by_kind.values(), key=len)
        raise MachineError(
            f"the cards are of different kinds, whose times are no repeats of each other: {kinds}\n"
            f"name equal cards: --gpu {','.join(most)}; of a run for each kind, report A B has a "
            "column each"
        )


def require_architecture(engine: Engine | None) -> None:
    """Raise MachineError where no lock has packages for the processor that jobs would run on."""
    told = engine.info.get("Architecture") if engine is not None else None
    name = str(told or platform.machine())
    if name.lower() not in _LOCKED_ARCHITECTURES:
        where = "the Docker engine's machine" if engine is not None else "this machine"
        raise MachineError(
            f"the locks hold packages for x86-64 alone, and {where} is {name}\n"
            "take an x86-64 machine, or an interpreter that has the packages: --python PATH"
        )


def usable_cpus(machine: Machine) -> int:
    """Return how many CPUs a job can have: those of its lane, or else of this process.

    No more than the engine's. On a cluster, what each of its nodes has.
    """
    if machine.cluster is not None:
        return machine.cluster.cpus
    share = machine.lanes[0].cpus
    own = len(os.sched_getaffinity(0)) if share is None else len(share)
    return min(own, machine.engine.cpus or own) if machine.engine is not None else own


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


ELSEWHERE = "the engine runs on another machine"


def require_on_engine(engine: Engine | None, data: DataSource | None, card: Gpu | None) -> None:
    """Raise MachineError where an engine of another machine is to have a card or data of this."""
    if engine is None or engine.is_local:
        return
    if card is not None:
        raise MachineError(
            f"{ELSEWHERE}, whose cards cannot be seen from here\n"
            "run there, or measure on its CPU: --device cpu (make: DEVICE=cpu)"
        )
    if data is DataSource.REAL:
        raise MachineError(
            f"{ELSEWHERE}, where data of this one cannot be mounted\n"
            "run there, or take --data synthetic"
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


@dataclass(frozen=True)
class Misfit:
    """Why a backend cannot be trusted to run on a card, and what to do."""

    reason: str
    remedy: str


def _card_against(configuration: Configuration, backend: str, gpu: Gpu) -> Misfit | None:
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
    return Misfit(
        f"{backend} {configuration.backends[backend].version} has code for compute "
        f"capability {reach}; {gpu.name} has {capability}",
        f"choose {other}, or measure on the CPU: --device cpu",
    )


def _driver_against(configuration: Configuration, backend: str, gpu: Gpu) -> Misfit | None:
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
        return Misfit(
            f"{reason}, and the last branch for {gpu.name} is R{branch}",
            "no driver helps: choose a configuration of that card's time, "
            "or measure on the CPU: --device cpu",
        )
    remedy = f"install driver {driver} or newer, or measure on the CPU: --device cpu"
    return Misfit(reason, remedy)


def find_misfit(configuration: Configuration, backend: str, gpu: Gpu) -> Misfit | None:
    """Return what stands between ``backend`` and ``gpu``, or None.

    A card newer than a framework's machine code does not fail: it hangs, or trains to NaN with
    fast epochs. So it is refused beforehand. The card comes first, for a driver can be changed.
    """
    return _card_against(configuration, backend, gpu) or _driver_against(
        configuration, backend, gpu
    )


def misfit_reason(configuration: Configuration, backend: str, gpu: Gpu) -> str | None:
    """Return why ``backend`` cannot be trusted to run on ``gpu``, or None."""
    found = find_misfit(configuration, backend, gpu)
    return found.reason if found else None
