"""What a guard finds, over two measurements or over a history: as data, for ``runner.report``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class GuardReason(StrEnum):
    """Why a cell must not pass, or cannot be judged."""

    SLOWER = "slower"
    MISSING = "missing in B"
    NOT_OK = "not ok"
    NO_INTERVAL = "no interval to judge by"
    REACHES_OVER = "interval reaches over"
    STEP = "step"
    IN_ALL = "in all"
    FEW_RUNS = "too few runs"
    STEP_UNSEEN = "step not seen for sure"


@dataclass(frozen=True)
class Objection:
    """A cell's name, and what speaks against it.

    ``values`` are what the reason rests on: ``ratio`` (of seconds) from ``low`` to ``high``, the
    runs of a step, or from and to which run of several, the statuses and the ``detail`` of a job
    that is not ok.
    """

    cell: str
    reason: GuardReason
    values: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Guard:
    """Whether what is new may replace what was.

    ``threshold`` 0.05 allows 5 % more seconds. ``failures`` say why it must not pass, ``undecided``
    which cells could not be judged for sure. ``judged`` of ``cells`` had something to judge by.
    """

    threshold: float
    failures: list[Objection]
    undecided: list[Objection]
    judged: int
    cells: int

    @property
    def passed(self) -> bool:
        """Return whether nothing speaks against it."""
        return not self.failures
