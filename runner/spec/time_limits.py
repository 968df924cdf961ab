"""How long a job may take, and may be silent, before it is given up."""

from dataclasses import dataclass
from enum import StrEnum


class TimeLimit(StrEnum):
    """A limit of time that can end a job, named as its option is."""

    FIRST_OUTPUT = "first-output"
    SILENCE = "silence"
    WALL = "timeout"


@dataclass(frozen=True)
class TimeLimits:
    """The limits of a job, in seconds.

    ``first_output`` runs from the process's start to the first byte that it writes, to its log or
    of an event; ``silence`` from any byte to the next; ``wall`` over the whole job. A slow epoch
    is silent, and so is a compilation: a silence has to allow for the slowest of them.
    """

    first_output: float = 900.0
    silence: float = 2 * 3600.0
    wall: float = 12 * 3600.0

    def limit(self, which: TimeLimit) -> float:
        """Return a limit in seconds."""
        limits = {
            TimeLimit.FIRST_OUTPUT: self.first_output,
            TimeLimit.SILENCE: self.silence,
            TimeLimit.WALL: self.wall,
        }
        return limits[which]


# Who comes back from waiting later than this was kept from running, and has to read first for as
# long.
_LATE_SECONDS = 1.0


class Timer:
    """A job's clocks as they run; ``now`` is in seconds of a clock that nobody sets."""

    def __init__(self, limits: TimeLimits, now: float) -> None:
        self._limits = limits
        self._began = self._last = now
        self._waiting_for = TimeLimit.FIRST_OUTPUT

    def heard(self, now: float) -> None:
        """Note that the job wrote something."""
        self._last = now
        self._waiting_for = TimeLimit.SILENCE

    def unwatched(self, seconds: float) -> None:
        """Note that nobody looked for so long: what was written meanwhile may be on its way."""
        if seconds > _LATE_SECONDS:
            self._last += seconds + _LATE_SECONDS

    def _ends(self) -> dict[TimeLimit, float]:
        waiting = self._waiting_for
        return {
            TimeLimit.WALL: self._began + self._limits.wall,
            waiting: self._last + self._limits.limit(waiting),
        }

    def left(self, now: float) -> float:
        """Return the seconds until the first clock fires; 0 or less once one has."""
        return min(self._ends().values()) - now

    def fired(self, now: float) -> TimeLimit | None:
        """Return the clock that has run out, or None."""
        ends = self._ends()
        first = min(ends, key=lambda clock: ends[clock])
        return first if ends[first] <= now else None
