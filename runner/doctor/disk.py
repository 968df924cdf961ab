"""Where a run writes: whether it may, and whether there is room."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path

from runner.doctor.asked import Asked, Seen
from runner.doctor.findings import Finding, Reporter

_GIB = 1 << 30
# Below this nothing that a run does can be relied on.
LEAST_BYTES = 1 * _GIB
# What data sets and environments, or an image and its layers while it is built, can take.
ROOM_BYTES = {"cache": 5 * _GIB, "engine": 10 * _GIB}

_say = Reporter("disk")


def _existing(folder: Path) -> Path:
    """Return the nearest folder that is there already, where the others would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _room(subject: str, folder: Path, wanted: int) -> Finding:
    """Say how much is free, against what is wanted and what is needed at the least."""
    there = shutil.disk_usage(_existing(folder)).free
    text = f"{folder}: {there / _GIB:.1f} GiB free"
    remedy = "make room (docker system df, du -sh)"
    if there < LEAST_BYTES:
        return _say.problem(subject, f"{text}, at least {LEAST_BYTES / _GIB:.0f} needed", remedy)
    if there < wanted:
        return _say.warning(subject, f"{text}, less than the {wanted / _GIB:.0f} GiB that builds "
                            "and downloads can take", remedy)  # fmt: skip
    return _say.ok(subject, text)


def _obstacle(folder: Path) -> str | None:
    """Return why nothing can be written there, found out by writing; None if it can."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _written(subject: str, folder: Path, wanted: int, remedy: str) -> Finding:
    obstacle = _obstacle(folder.absolute())
    if obstacle is not None:
        return _say.problem(subject, f"{folder} cannot be written to: {obstacle}", remedy)
    return _room(subject, folder.absolute(), wanted)


def results(asked: Asked, _seen: Seen) -> list[Finding]:
    """Say whether results can be kept."""
    return [_written("results", asked.results, LEAST_BYTES, "name another folder: --results")]


def cache(asked: Asked, _seen: Seen) -> list[Finding]:
    """Say whether data sets and environments can be kept."""
    remedy = "make it yours, or set XDG_CACHE_HOME to a folder that is"
    return [_written("cache", asked.cache, ROOM_BYTES["cache"], remedy)]


def engine(_asked: Asked, seen: Seen) -> list[Finding]:
    """Say whether the engine has room for images, where its disk is this machine's."""
    found = seen.engine.value
    root = found.info.get("DockerRootDir") if found is not None else None
    if found is None or not root:
        return []
    same_kernel = found.info.get("KernelVersion") == platform.release()
    if not (found.is_local and same_kernel and Path(root).exists()):
        return [_say.ok("engine's data", f"{root}: not to be seen from this machine")]
    return [_room("engine's data", Path(root), ROOM_BYTES["engine"])]
