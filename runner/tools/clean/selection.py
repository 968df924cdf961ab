"""Which of the things that may go shall go: least recently used first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from runner.tools.clean.items import Item, Kind

# Bytes that are free on the disk of a folder.
Free = Callable[[Path], int]


@dataclass(frozen=True)
class Bounds:
    """How far to go.

    ``keep`` is the number of things of each kind that stay, the most recently used; ``unused_for``
    is how long a thing must have lain; ``until_free`` is the bytes free at which to stop.
    """

    keep: int = 0
    unused_for: timedelta = timedelta()
    until_free: int | None = None


@dataclass(frozen=True)
class Removals:
    """What goes, in that order, and what stays."""

    going: list[Item]
    staying: list[Item]


def _stay(item: Item, why: str) -> Item:
    return replace(item, remove=None, why=why)


def _bound(items: list[Item], bounds: Bounds, now: datetime) -> list[Item]:
    """Return the items, those outside the bounds marked as staying; newest first.

    What others rest on comes before them where both were used last at one time.
    """
    newest_first = sorted(items, key=lambda item: item.used, reverse=True)
    seen: dict[Kind, int] = {}
    decided = []
    for item in newest_first:
        rank = seen.get(item.kind, 0)
        if not item.is_waste:
            seen[item.kind] = rank + 1
        if item.remove is None or item.is_waste:
            decided.append(item)
        elif rank < bounds.keep:
            decided.append(_stay(item, f"one of the newest {bounds.keep}"))
        elif now - item.used < bounds.unused_for:
            decided.append(_stay(item, "used lately"))
        else:
            decided.append(item)
    return decided


class Goal:
    """Whether the disk that a thing fills has room enough; never, where no goal is set."""

    def __init__(self, until_free: int | None, free: Free) -> None:
        self._until_free = until_free
        self._free = free
        self._gained: dict[int, int] = {}

    def is_reached(self, item: Item) -> bool:
        """Return whether enough is free without removing ``item``.

        A disk that cannot be seen from here always has enough: what cannot be measured is not
        removed for it.
        """
        if self._until_free is None:
            return False
        if item.place is None:
            return True
        gained = self._gained.get(item.place.stat().st_dev, 0)
        return self._free(item.place) + gained >= self._until_free

    def count(self, item: Item) -> None:
        """Reckon with the removal of ``item``, which has not happened yet."""
        if item.place is not None:
            disk = item.place.stat().st_dev
            self._gained[disk] = self._gained.get(disk, 0) + (item.bytes or 0)


def select_removals(items: Iterable[Item], bounds: Bounds, now: datetime, free: Free) -> Removals:
    """Return what goes and what stays. Waste goes first, then what was used longest ago."""
    decided = _bound(list(items), bounds, now)
    staying = [item for item in decided if item.remove is None]
    oldest_first = sorted(
        (item for item in reversed(decided) if item.remove is not None),
        key=lambda item: (not item.is_waste, item.used),
    )
    goal = Goal(bounds.until_free, free)
    going = []
    for item in oldest_first:
        if goal.is_reached(item):
            seen = "enough is free" if item.place is not None else "its disk is not seen from here"
            staying.append(_stay(item, seen))
        else:
            goal.count(item)
            going.append(item)
    return Removals(going, sorted(staying, key=lambda item: item.used))
