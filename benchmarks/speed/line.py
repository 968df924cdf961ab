"""A line of the table: what was measured, what it may be, and what was measured beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """A figure in ``unit``, the most that it may be, and a ``reference`` from the same run.

    ``ratio`` is the figure over the reference: it carries over from one machine to another, so it
    is what is kept and compared.
    """

    name: str
    figure: float
    unit: str
    goal: float
    reference: float
    beside: str

    @property
    def ratio(self) -> float:
        """Return the figure over what was measured beside it."""
        return self.figure / self.reference

    @property
    def holds(self) -> bool:
        """Return whether the figure is within its goal."""
        return self.figure <= self.goal


@dataclass(frozen=True)
class Size:
    """How much is measured: ``rounds`` of each command, and runs of so many jobs and epochs.

    ``builds`` is how often images are built from nothing, ``pairs`` how many epochs the clock
    measures; 0 leaves that out.
    """

    rounds: int
    jobs: int
    epochs: int
    planned_jobs: int
    page_jobs: int
    builds: int
    pairs: int


FULL = Size(rounds=15, jobs=1000, epochs=1000, planned_jobs=10_000, page_jobs=10_000,
            builds=3, pairs=300)  # fmt: skip
SMALL = Size(rounds=5, jobs=100, epochs=100, planned_jobs=1_000, page_jobs=500,
             builds=0, pairs=0)  # fmt: skip

Group = Callable[[Size, Path], Iterable[Line]]
