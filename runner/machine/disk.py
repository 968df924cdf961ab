"""What room there is on this machine's disks for what will be needed."""

import errno
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.words import GIB, size_text

# The errors of a disk, or of a user's share of it, that holds no more.
FULL = (errno.ENOSPC, errno.EDQUOT)
# What a disk must have left beyond what is known to be needed: jobs' temporary files, the page
# cache's delayed writes, what others do meanwhile.
RESERVE = 256 << 20
# Less than this left is worth a word.
MARGIN = 2 * GIB


@dataclass(frozen=True)
class Need:
    """Bytes that something will take in a folder, which need not exist yet; None: not known."""

    folder: Path
    bytes: int | None
    what: str


def existing_folder(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def unwritable(folder: Path) -> str | None:
    """Return why a folder cannot be written to, which need not exist yet; None where it can be.

    Found out by writing.
    """
    try:
        with tempfile.TemporaryFile(dir=existing_folder(folder)):
            return None
    except OSError as error:
        return f"{folder.absolute()} cannot be written to: {error.strerror or error}"


@dataclass(frozen=True)
class Room:
    """What is needed on one disk, and what is free there, in bytes.

    ``folder`` is the one that takes the most of it.
    """

    folder: Path
    needs: tuple[Need, ...]
    free: int

    @property
    def known(self) -> int:
        """Return how much is known to be needed."""
        return sum(need.bytes or 0 for need in self.needs)

    @property
    def is_enough(self) -> bool:
        """Return whether there is room for what is known, with the reserve."""
        return self.free >= self.known + RESERVE

    @property
    def is_tight(self) -> bool:
        """Return whether little will be left of what is free."""
        return self.free - self.known < MARGIN


def rooms_on_disks(needs: Iterable[Need]) -> list[Room]:
    """Return what is needed and free on each disk."""
    disks: dict[int, list[Need]] = {}
    for need in needs:
        disks.setdefault(existing_folder(need.folder).stat().st_dev, []).append(need)
    return [_room(of_disk) for of_disk in disks.values()]


def _room(needs: Sequence[Need]) -> Room:
    place = max(needs, key=lambda need: need.bytes or 0).folder
    return Room(place, tuple(needs), shutil.disk_usage(existing_folder(place)).free)


def named_needs(needs: Sequence[Need]) -> str:
    """Return what is needed in words, the largest first; what is not known is left out."""
    largest_first = sorted(needs, key=lambda need: need.bytes or 0, reverse=True)
    return ", ".join(f"{n.what} {size_text(n.bytes)}" for n in largest_first if n.bytes)
