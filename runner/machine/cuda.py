"""What is known of CUDA versions, drivers and cards: ``cuda.toml``, read and asked."""

import tomllib
from functools import cache
from pathlib import Path

from runner.spec.documents import Strict
from runner.words import version_numbers

FACTS = Path(__file__).with_name("cuda.toml")


class Toolkit(Strict):
    """A CUDA version and the oldest driver that serves it; "12" stands for every 12.x."""

    source: str
    cuda: str
    min_driver: str

    def covers(self, cuda: str) -> bool:
        """Return whether ``cuda`` is this version, told as exactly as both tell it."""
        mine, other = version_numbers(self.cuda), version_numbers(cuda)
        shared = min(len(mine), len(other))
        return mine[:shared] == other[:shared]


class Architecture(Strict):
    """Cards of one make. None is what still goes on."""

    source: str
    name: str
    min_compute_capability: str
    max_compute_capability: str
    first_cuda: str
    last_cuda: str | None = None
    last_driver_branch: int | None = None

    def holds(self, compute_capability: tuple[int, ...]) -> bool:
        """Return whether a card of ``compute_capability`` is one of these."""
        lowest = version_numbers(self.min_compute_capability)
        return lowest <= compute_capability <= version_numbers(self.max_compute_capability)


class Facts(Strict):
    """Both tables, oldest rows first."""

    toolkits: tuple[Toolkit, ...]
    architectures: tuple[Architecture, ...]


@cache
def cuda_facts() -> Facts:
    """Return what the documents say."""
    return Facts.model_validate(tomllib.loads(FACTS.read_text(encoding="utf-8")))


def min_driver(cuda: str) -> str | None:
    """Return the oldest driver that serves a CUDA version, or None if no row covers it."""
    known = [row.min_driver for row in cuda_facts().toolkits if row.covers(cuda)]
    return max(known, key=version_numbers, default=None)


def newest_served(driver: str) -> str | None:
    """Return the newest CUDA version of the table that a driver serves, "11.x", or None."""
    served = [
        row.cuda
        for row in cuda_facts().toolkits
        if version_numbers(row.min_driver) <= version_numbers(driver)
    ]
    if not served:
        return None
    return served[-1] if "." in served[-1] else f"{served[-1]}.x"


def architecture_of(compute_capability: tuple[int, ...]) -> Architecture | None:
    """Return the architecture of a compute capability, or None if no row holds it."""
    return next((row for row in cuda_facts().architectures if row.holds(compute_capability)), None)


def last_branch(compute_capability: tuple[int, ...]) -> int | None:
    """Return the last driver branch for such cards, 470 for R470; None if they go on."""
    found = architecture_of(compute_capability)
    return found.last_driver_branch if found else None
