"""How many bytes the removal of images frees, told from the histories that they share."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

# The steps that made an image, the base's first: when, by what, and how many bytes it added.
Step = tuple[int, str, int]
History = tuple[Step, ...]


def history_of(entries: Iterable[Mapping[str, Any]]) -> History:
    """Return an image's history from what an engine tells of it, the newest step first."""
    told = [(int(e["Created"]), str(e["CreatedBy"]), int(e["Size"])) for e in entries]
    return tuple(reversed(told))


def _beginnings(history: History) -> Iterator[History]:
    """Yield a history up to each of its steps: images with the same one share those layers."""
    return accumulate(((step,) for step in history), lambda before, step: before + step)


def freed_bytes(going: Mapping[str, History], staying: Collection[History]) -> dict[str, int]:
    """Return how many bytes go with each image when all are removed in the order given.

    A layer goes with the last image that has it, and never where one that stays has it. Engines
    count such layers differently, or once for each image (Docker with containerd's store).
    """
    held = {beginning for history in staying for beginning in _beginnings(history)}
    freed = {}
    for name, history in reversed(list(going.items())):
        own = set(_beginnings(history)) - held
        freed[name] = sum(beginning[-1][2] for beginning in own)
        held |= own
    return freed
