"""Use of what is kept between runs: when it was last, and whether some runner uses it now.

A use is a lock of the kernel on a folder or a file, shared among users. It leaves nothing behind
and goes when its holder ends, however it ends. The time of the last use is a marker's own time.
"""

import fcntl
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

# Between two tries to have a thing alone.
_POLL_SECONDS = 0.1


class Use:
    """A thing in use until this object is closed, or is no longer referred to."""

    def __init__(self, path: Path) -> None:
        """Take the use of ``path``, which must be there. Waits while it is being removed."""
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.close = weakref.finalize(self, os.close, opened)
        fcntl.flock(opened, fcntl.LOCK_SH)


@contextmanager
def sole_use(path: Path) -> Iterator[bool]:
    """Try to keep everyone else from using ``path``, and give whether that worked.

    A path that is not there is used by nobody.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield True
        return
    try:
        yield locks(opened)
    finally:
        os.close(opened)


def is_held(path: Path) -> bool:
    """Return whether someone has ``path`` to himself. Those who only ask do not see each other."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return not locks(opened, fcntl.LOCK_SH)
    finally:
        os.close(opened)


def locks(opened: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to lock an opened file, and return whether that worked."""
    try:
        fcntl.flock(opened, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def alone(path: Path, check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keep everyone else from what the file ``path`` stands for; waits for whoever has it.

    The file is made if need be, and stays. ``check`` is called now and then while this waits; what
    it raises ends the waiting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not locks(opened):
            check()
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(opened)


def note_use(marker: Path) -> None:
    """Set a marker's time to now, making it if need be.

    On a full or foreign disk it does nothing: then the last use is merely not known.
    """
    with suppress(OSError):
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()


def hold_use(marker: Path) -> Use | None:
    """Note a use and take it; None where no marker can be made, so that nobody can know of it."""
    note_use(marker)
    try:
        return Use(marker)
    except OSError:
        return None


def last_use(marker: Path) -> datetime | None:
    """Return when ``note`` was last called for a marker; None if never."""
    try:
        return datetime.fromtimestamp(marker.lstat().st_mtime, UTC)
    except OSError:
        return None


def image_marker(cache: Path, digest: str) -> Path:
    """Return the marker of an image, given its id: an engine does not tell when one was used."""
    return cache / "images" / digest.removeprefix("sha256:")[:64]
