"""Files that are either the old one or the whole new one, whatever happens meanwhile."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.errors import StoreError

# As many as the kernel follows.
_MOST_LINKS = 40
# An open file that is no pipe may hold something already.
_AT_ITS_END = os.O_WRONLY | os.O_APPEND


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; what is there becomes ``path`` if the block succeeds.

    It is on the disk by then, not merely in the kernel's memory. If the block fails, nothing is
    left. What was there keeps its mode.
    """
    partial = path.with_name(path.name + ".part")
    try:
        yield partial
        if path.exists():
            shutil.copymode(path, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(target: Path, scratch_in: Path) -> Iterator[Path]:
    """Give a folder of a target's name to fill, which becomes ``target`` if the block succeeds.

    It lies in a hidden folder in ``scratch_in``, which is on the same disk. Otherwise nothing is
    left. Raises FileExistsError where the target is there by then.
    """
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=scratch_in))
    try:
        folder = scratch / target.name
        folder.mkdir()
        yield folder
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
        folder.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; what is there goes to ``path``, which a user named.

    A link stays one: what it leads to is written. A device, a pipe or an open file of this process
    (``/dev/stdout``, ``>(command)``) is written into, since it cannot be replaced. Raises
    StoreError where it cannot be written.
    """
    try:
        target = _replaceable(path)
        with whole_file(target) if target is not None else _written_into(path) as partial:
            yield partial
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _written_into(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder, "output")
        yield partial
        with partial.open("rb") as made, os.fdopen(os.open(path, _AT_ITS_END), "wb") as opened:
            shutil.copyfileobj(made, opened)


def _replaceable(path: Path) -> Path | None:
    """Return the regular file that a path leads to or would make, None where it is none."""
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return path if path.is_file() or not path.exists() else None
        parent = path.parent.resolve()
        if parent.is_relative_to("/proc"):
            return None
        path = parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
