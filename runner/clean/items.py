"""The things that the runner made and keeps, and which of them go: least recently used first."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from runner.errors import BenchmarkError


class Kind(StrEnum):
    """The kinds of things that can be removed."""

    IMAGES = "images"
    ENVIRONMENTS = "environments"
    CACHES = "caches"
    CONTAINERS = "containers"
    RUNS = "runs"
    DATA = "data"


class RemovalError(BenchmarkError):
    """A thing that stays where it is; the text says which and why."""


@dataclass(frozen=True)
class Item:
    """A thing that the runner made.

    ``bytes`` is what its removal alone frees, None if that is not known, and ``linked`` what it
    holds besides under a second name elsewhere, which stays; ``used`` is when it was
    last used, as far as can be seen from here; ``place`` is a folder of the disk that it fills,
    None if that is no disk of this machine. ``is_waste``: nothing can use it any more, however
    new it is. ``remove`` raises RemovalError, and does nothing if the thing has gone; it is None
    for a thing that has to stay. ``why`` says why it may go or has to stay.
    """

    kind: Kind
    name: str
    bytes: int | None
    used: datetime
    place: Path | None
    why: str
    remove: Callable[[], None] | None
    is_waste: bool = False
    linked: int = 0


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


def _bound(items: Iterable[Item], bounds: Bounds, now: datetime) -> list[Item]:
    """Return the items, those outside the bounds marked as staying; newest first.

    What others rest on comes before them where both were used last at one time.
    """
    decided, seen = [], dict.fromkeys(Kind, 0)
    for item in sorted(items, key=lambda item: item.used, reverse=True):
        rank = seen[item.kind]
        seen[item.kind] += not item.is_waste
        if item.remove is not None and not item.is_waste:
            if rank < bounds.keep:
                item = _stay(item, f"one of the newest {bounds.keep}")
            elif now - item.used < bounds.unused_for:
                item = _stay(item, "used lately")
        decided.append(item)
    return decided


def select_removals(
    items: Iterable[Item], bounds: Bounds, now: datetime, free: Callable[[Path], int]
) -> Removals:
    """Return what goes and what stays. Waste goes first, then what was used longest ago.

    ``free`` tells the bytes that are free on the disk of a folder. A disk that cannot be seen
    from here always has enough: what cannot be measured is not removed for it.
    """
    decided = _bound(items, bounds, now)
    staying = [item for item in decided if item.remove is None]
    movable = [item for item in reversed(decided) if item.remove is not None]
    going, gained = [], defaultdict[int, int](int)
    for item in sorted(movable, key=lambda item: (not item.is_waste, item.used)):
        if bounds.until_free is None:
            going.append(item)
        elif item.place is None:
            staying.append(_stay(item, "its disk is not seen from here"))
        elif free(item.place) + gained[disk := item.place.stat().st_dev] >= bounds.until_free:
            staying.append(_stay(item, "enough is free"))
        else:
            going.append(item)
            gained[disk] += item.bytes or 0
    return Removals(going, sorted(staying, key=lambda item: item.used))
