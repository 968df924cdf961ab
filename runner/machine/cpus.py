"""The CPUs of this machine that a job is pinned to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runner.spec.choices import Threads
from runner.spec.configuration import Device
from runner.spec.job import Job


def cpus_for(job: Job) -> list[int] | None:
    """Return the CPUs to pin a job to: the first of those this process may use, one a thread.

    All of them where the framework chooses its threads. None for a job on a GPU: two runs on two
    cards would meet on the same first CPUs.
    """
    if job.device == Device.GPU:
        return None
    return sorted(os.sched_getaffinity(0))[: cpus_of(job.threads)]


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
