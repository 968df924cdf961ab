"""One thing that the runner made and keeps, whatever kind it is of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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
