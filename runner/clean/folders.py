"""What lies on this machine's disk: environments, caches, data, runs."""

import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from runner import paths
from runner.clean.items import Item, Kind, RemovalError
from runner.environments.venv import MARKER, lock_of_environment
from runner.errors import MachineError, UsageError
from runner.locks import last_use, sole_use

# What a removal that was cut off leaves: never taken for the whole thing.
_TRASH = ".removing-"


@dataclass(frozen=True)
class Extent:
    """What a folder takes: bytes that come free with it, bytes that do not, its last change.

    A file that has a second name outside frees nothing: uv links packages from a cache of its own.
    """

    bytes: int
    linked: int
    changed: datetime


def measure_extent(path: Path) -> Extent:
    """Return the extent of a folder or a file; no symbolic link is followed."""
    found = list(_walk(path))
    names = Counter((one.st_dev, one.st_ino) for one in found)
    taken = linked = 0
    for one in {(one.st_dev, one.st_ino): one for one in found}.values():
        # A folder has no second name; its count of links is that of the folders in it.
        is_whole = stat.S_ISDIR(one.st_mode) or names[one.st_dev, one.st_ino] >= one.st_nlink
        taken += one.st_blocks * 512 * is_whole
        linked += one.st_blocks * 512 * (not is_whole)
    newest = max((one.st_mtime for one in found), default=0.0)
    return Extent(taken, linked, datetime.fromtimestamp(newest, UTC))


def _walk(path: Path) -> Iterator[os.stat_result]:
    """Yield what is known of a path and all below it; what vanishes meanwhile is left out."""
    try:
        found = path.lstat()
        below = list(os.scandir(path)) if stat.S_ISDIR(found.st_mode) else []
    except OSError:
        return
    yield found
    for entry in below:
        yield from _walk(Path(entry.path))


def _children(folder: Path) -> list[Path]:
    """Return what lies in a folder, without links: they lead out of it."""
    try:
        if folder.is_symlink():
            return []
        return sorted(path for path in folder.iterdir() if not path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise MachineError(f"{folder}: {error.strerror}") from error


def _is_trash(path: Path) -> bool:
    return path.name.startswith(_TRASH)


def _discard(path: Path) -> None:
    """Remove a folder or a file so that half of it is never found under its name."""
    if path.is_symlink():
        raise RemovalError(f"{path}: it became a link meanwhile")
    try:
        trash = path
        if not _is_trash(path):
            trash = path.rename(path.with_name(f"{_TRASH}{os.getpid()}-{path.name}"))
        if trash.is_dir():
            shutil.rmtree(trash)
        else:
            trash.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise RemovalError(f"{error.filename or path}: {error.strerror or error}") from error


def _process_in(folder: Path) -> str | None:
    """Return which process runs from a folder or was told of it, if there is one."""
    inside = re.compile(re.escape(str(folder)) + r"(?![\w.-])")
    for process in psutil.process_iter(["pid", "name", "cmdline", "exe", "cwd"]):
        seen = process.info
        texts = [*(seen["cmdline"] or []), seen["exe"] or "", seen["cwd"] or ""]
        if seen["pid"] != os.getpid() and any(inside.search(text) for text in texts):
            return f"{seen['name']} ({seen['pid']}) uses it"
    return None


@contextmanager
def _taken(kind: Kind, path: Path) -> Iterator[str | None]:
    """Keep a path to this process, and give why that cannot be, if it cannot.

    An environment is made under a lock of its own; processes use it, and what jobs compiled,
    without a lock.
    """
    with ExitStack() as held:
        reason = None
        try:
            if kind is Kind.ENVIRONMENTS and not held.enter_context(
                sole_use(lock_of_environment(path))
            ):
                reason = "it is being made"
            elif not held.enter_context(sole_use(path)):
                reason = "a run uses it"
        except OSError as error:
            reason = str(error.strerror or error)
        if reason is None and kind in (Kind.ENVIRONMENTS, Kind.CACHES):
            reason = _process_in(path)
        yield reason


def _remove(kind: Kind, path: Path) -> None:
    with _taken(kind, path) as reason:
        if reason is not None:
            raise RemovalError(f"{path}: {reason}")
        _discard(path)


def _item(
    kind: Kind,
    path: Path,
    why: str,
    *,
    used: datetime | None = None,
    name: str | None = None,
    is_waste: bool = False,
) -> Item:
    """Return the item of a path, as it stands now; it is removed only while nobody uses it."""
    extent = measure_extent(path)
    with _taken(kind, path) as reason:
        return Item(
            kind,
            name or path.name,
            extent.bytes,
            used or extent.changed,
            path.parent,
            reason or why,
            None if reason else partial(_remove, kind, path),
            is_waste,
            extent.linked,
        )


def _left(kind: Kind, path: Path) -> Item:
    """Return the item of what a removal that was cut off has left."""
    return _item(kind, path, "half removed", name=path.name.split("-", 2)[2], is_waste=True)


def _environment(folder: Path) -> Item:
    """Return the item of a local environment; one without its marker was never finished."""
    used = last_use(folder / MARKER)
    why = "not in use" if used else "half made"
    return _item(Kind.ENVIRONMENTS, folder, why, used=used, is_waste=used is None)


# The folders of a cache whose entries go one by one, folders or files.
_BY_ENTRY = {
    "environments": (Kind.ENVIRONMENTS, Path.is_dir, ""),
    "compiled": (Kind.CACHES, Path.is_dir, "compiled code"),
    "downloads": (Kind.DATA, Path.is_file, "can be downloaded again"),
    "wheels": (Kind.DATA, Path.is_file, "can be downloaded again"),
}
# Those that go whole.
_WHOLE = {
    "build-logs": (Kind.CACHES, "logs of builds"),
    "packs": (Kind.CACHES, "runs unpacked from what others shared"),
    "real": (Kind.DATA, "can be made again"),
    "digits": (Kind.DATA, "can be made again"),
}


def cache_items(cache: Path, kinds: Collection[Kind]) -> Iterator[Item]:
    """Yield what of some kinds lies in a user's cache folder."""
    for name, (kind, is_ours, why) in _BY_ENTRY.items():
        for path in _children(cache / name) if kind in kinds else []:
            if _is_trash(path):
                yield _left(kind, path)
            elif is_ours(path) and kind is Kind.ENVIRONMENTS:
                yield _environment(path)
            elif is_ours(path):
                yield _item(kind, path, why, name=f"{name}/{path.name}")
    for path in _children(cache):
        if path.is_dir() and path.name in _WHOLE and _WHOLE[path.name][0] in kinds:
            yield _item(_WHOLE[path.name][0], path, _WHOLE[path.name][1])


def run_items(results: Path) -> Iterator[Item]:
    """Yield the runs of a results folder; what has no manifest is no run and stays.

    Raises UsageError for a folder whose runs are kept for good, MachineError for one that cannot
    be read.
    """
    root = results.resolve()
    for kept in (paths.MEASURED, paths.PUBLISHED):
        if root.is_relative_to(kept.resolve()):
            raise UsageError(f"{results}: what lies there is kept for good; nothing is removed")
    for folder in _children(root):
        if _is_trash(folder):
            yield _left(Kind.RUNS, folder)
        elif (folder / "manifest.json").is_file():
            jobs = len(_children(folder / "jobs"))
            yield _item(Kind.RUNS, folder, f"{jobs} job{'s' * (jobs != 1)}")
