"""The CPUs of this machine that a job is pinned to."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runner.errors import MachineError
from runner.machine.gpu import Gpu
from runner.spec.choices import Threads
from runner.spec.configuration import Device
from runner.spec.job import Job

_CARDS = Path("/sys/bus/pci/devices")
_CPUS = Path("/sys/devices/system/cpu")


def cpus_for(job: Job, share: Sequence[int] | None = None) -> list[int] | None:
    """Return the CPUs to pin a job to: of its ``share``, one a thread, and one of each core first.

    All of them where the framework chooses its threads. Without a share, a job on the CPUs has
    those that this process may use. One on a GPU is then not pinned: two runs on two cards would
    meet on the same first CPUs.
    """
    if share is not None:
        return sorted(one_of_each_core(share)[: cpus_of(job.threads)])
    if job.device == Device.GPU:
        return None
    usable = one_of_each_core(sorted(os.sched_getaffinity(0)))
    return sorted(usable[: cpus_of(job.threads)])


def cpus_of(threads: Threads) -> int:
    """Return how many CPUs a job may use: one a thread, or all where the framework chooses."""
    return len(os.sched_getaffinity(0)) if threads == "framework" else threads


def cpu_list(cpus: list[int]) -> str:
    """Return CPUs in the kernel's list format: ``0-3,8``."""
    parts: list[str] = []
    for first in (cpu for cpu in cpus if cpu - 1 not in cpus):
        last = first
        while last + 1 in cpus:
            last += 1
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)


def cpus_of_list(text: str) -> list[int]:
    """Return the CPUs of a list in the kernel's format. Raises ValueError for any other text."""
    found: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _listed_cpus(path: Path) -> list[int]:
    """Return the CPUs that a file of the kernel's lists; none where it cannot be read."""
    try:
        return cpus_of_list(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []


def near_cpus(card: Gpu, devices: Path = _CARDS) -> frozenset[int]:
    """Return the CPUs that are nearest to a card; none where the kernel does not tell."""
    return frozenset(_listed_cpus(devices / (card.bus_id or "unknown") / "local_cpulist"))


def by_core(cpus: Sequence[int], folder: Path = _CPUS) -> list[int]:
    """Return CPUs in an order in which those that share a core come one after the other."""

    return sorted(cpus, key=lambda cpu: (_core(cpu, folder), cpu))


def _core(cpu: int, folder: Path) -> tuple[int, ...]:
    """Return the CPUs that share a core with one, and it; it alone where the kernel is silent."""
    siblings = _listed_cpus(folder / f"cpu{cpu}" / "topology" / "thread_siblings_list")
    return tuple(sorted({cpu, *siblings}))


def one_of_each_core(cpus: Sequence[int], folder: Path = _CPUS) -> list[int]:
    """Return CPUs in their order, but the first of each core before any core's second.

    Two threads on one core share its units; where siblings are neighbours, the first CPUs are.
    """
    before: Counter[tuple[int, ...]] = Counter()
    rank: dict[int, int] = {}
    for cpu in cpus:
        core = _core(cpu, folder)
        rank[cpu] = before[core]
        before[core] += 1
    return sorted(cpus, key=lambda cpu: rank[cpu])


def cores_of(cpus: Sequence[int], folder: Path = _CPUS) -> int | None:
    """Return on how many cores some CPUs are, or None where the kernel does not tell."""
    if not (folder / f"cpu{cpus[0]}" / "topology" / "thread_siblings_list").is_file():
        return None
    return len({_core(cpu, folder) for cpu in cpus})


def cpu_shares(near: Sequence[frozenset[int]], usable: Sequence[int]) -> list[tuple[int, ...]]:
    """Share CPUs out, equally many to each of several, no CPU twice, and return each one's.

    ``near`` are the CPUs that each would best have; none means that all are alike. Those of
    ``usable``, of which there must be at least as many as shares, are given in their order.
    """
    wanted = [(one & set(usable)) or frozenset(usable) for one in near]
    # As many as let everyone stay near, if that is one at least.
    nearest = min(len(one) // sum(other <= one for other in wanted) for one in wanted)
    size = min(max(nearest, 1), len(usable) // len(wanted))
    left = list(usable)
    shares: dict[int, tuple[int, ...]] = {}
    # Who has the least choice is first.
    for number in sorted(range(len(wanted)), key=lambda number: len(wanted[number])):
        near_first = sorted(left, key=lambda cpu: cpu not in wanted[number])
        shares[number] = tuple(near_first[:size])
        left = [cpu for cpu in left if cpu not in shares[number]]
    return [shares[number] for number in range(len(wanted))]


def shares_for(cards: Sequence[Gpu]) -> list[tuple[int, ...]]:
    """Return the CPUs of its own that each card's jobs get, of those this process may use.

    Raises MachineError if there are fewer CPUs than cards.
    """
    usable = by_core(sorted(os.sched_getaffinity(0)))
    if len(usable) < len(cards):
        raise MachineError(
            f"{len(cards)} cards, and this run may use {len(usable)} CPU{'s' * (len(usable) > 1)}: "
            "the jobs of each card need one of their own\ntake fewer cards: --gpu"
        )
    return cpu_shares(list(map(near_cpus, cards)), usable)


@contextmanager
def pinned(cpus: list[int]) -> Iterator[None]:
    """Let what this thread starts meanwhile run on ``cpus`` alone.

    Affinity is inherited, so a child has it from its first instruction; nothing runs between
    fork and exec, which in a process with threads could hang.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
