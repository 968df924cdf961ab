"""The processors of this machine that a run can have: its GPUs and its CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runner import nvml
from runner.configurations import Configuration, Device
from runner.errors import MachineError, near_miss
from runner.jobs import Job
from runner.nvml import Gpu as Gpu


def gpus() -> list[Gpu]:
    """Return the cards that the NVIDIA driver shows; none where there is no driver."""
    found = nvml.connect()
    return found.cards() if found is not None else []


def choose_gpu(wanted: str | None, cards: list[Gpu]) -> Gpu:
    """Return the card named by UUID or index, or the first. Raises MachineError without one."""
    if not cards:
        raise MachineError(
            "no NVIDIA GPU: the driver is not loaded on this machine\n"
            "install the NVIDIA driver, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
    if wanted is None:
        return cards[0]
    by_name = {card.uuid: card for card in cards} | {str(i): c for i, c in enumerate(cards)}
    if wanted not in by_name:
        hint = near_miss(wanted, by_name)
        raise MachineError(
            f"no GPU '{wanted}'{hint}\nthis machine has: {', '.join(c.uuid for c in cards)}"
        )
    return by_name[wanted]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def reason_against(configuration: Configuration, backend: str, gpu: Gpu) -> str | None:
    """Return why ``backend`` cannot be trusted to run on ``gpu``, or None.

    A card newer than a framework's machine code does not fail: it hangs, or trains to NaN with
    fast epochs. So it is refused beforehand.
    """
    facts = configuration.backends[backend].gpu
    capability = ".".join(str(part) for part in gpu.compute_capability)
    if _version(gpu.driver) < _version(facts.min_driver):
        return (
            f"CUDA {facts.cuda} needs driver {facts.min_driver} or newer, "
            f"this machine has {gpu.driver}"
        )
    newest = facts.max_compute_capability
    too_new = newest is not None and gpu.compute_capability > _version(newest)
    if too_new or gpu.compute_capability < _version(facts.min_compute_capability):
        reach = f"{facts.min_compute_capability} to {newest}" if newest else (
            f"{facts.min_compute_capability} and newer"
        )  # fmt: skip
        return (
            f"{backend} {configuration.backends[backend].version} has code for compute "
            f"capability {reach}; {gpu.name} has {capability}"
        )
    return None


def cpus_of(job: Job) -> list[int] | None:
    """Return the CPUs to pin a job to: the first of those this process may use, one a thread.

    None for a job on a GPU: two runs on two cards would meet on the same first CPUs.
    """
    if job.device == Device.GPU:
        return None
    return sorted(os.sched_getaffinity(0))[: job.threads]


def cpu_list(cpus: list[int]) -> str:
    """Return CPUs in the kernel's list format: ``0-3,8``."""
    parts: list[str] = []
    for first in (cpu for cpu in cpus if cpu - 1 not in cpus):
        last = first
        while last + 1 in cpus:
            last += 1
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)


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
