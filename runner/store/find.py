"""Finding runs: by a name, a folder, or as the latest."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from runner import paths
from runner.errors import StoreError, UsageError, near_miss
from runner.spec.naming import LATEST, checked_run_name
from runner.store.pack import PACK_SUFFIX, is_pack, unpacked_run
from runner.store.record import read_json_object


def _began(folder: Path) -> tuple[float, str]:
    """Return when a run began, in seconds since 1970, and its name for two of one moment.

    Where the manifest does not say, it is when something was last put into the folder.
    """
    with suppress(StoreError, TypeError, KeyError, ValueError, OverflowError):
        started = read_json_object(folder / "manifest.json")["started"]
        return datetime.fromisoformat(started).timestamp(), folder.name
    return folder.stat().st_mtime, folder.name


def oldest_first(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of runs in the order in which those began."""
    return sorted(set(folders), key=_began)


def list_runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that have begun a job, oldest first."""
    return oldest_first(path.parents[2] for path in root.glob("[!.]*/jobs/*/job.json"))


def folder_of_run(path: Path) -> Path:
    """Return a run's folder: a pack's is unpacked to the cache. Raises StoreError for no pack."""
    return unpacked_run(path) if is_pack(path) else path


def runs_under(place: Path) -> list[Path]:
    """Return the runs at a place: itself, if it is a run or a pack, or those that it holds.

    Raises StoreError for a place without any.
    """
    if is_pack(place) or (place / "manifest.json").exists():
        return [place]
    found = [*list_runs(place), *sorted(place.glob(f"[!.]*{PACK_SUFFIX}"))]
    if not found:
        raise StoreError(no_runs_yet(place))
    return found


def list_resumable_runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that were begun at all, oldest first."""
    return oldest_first(path.parent for path in root.glob("[!.]*/manifest.json"))


def no_runs_yet(root: Path) -> str:
    """Return what is said of a folder without runs: how to make one."""
    return f"no runs yet in {root}: {'make bench' if paths.CHECKOUT else 'keras-bench run --help'}"


def new_run_name(root: Path, name: str) -> str:
    """Return ``name`` if a new run under ``root`` can have it. Raises UsageError if not."""
    if os.path.lexists(root / checked_run_name(name)):
        raise UsageError(
            f"a run '{name}' is there already in {root}: choose another --name, "
            f"or go on with it: --resume {name}"
        )
    return name


def find_run(root: Path, name: str, candidates: Callable[[Path], list[Path]] = list_runs) -> Path:
    """Return the folder of a run given as a path, as a name under ``root``, or ``latest``.

    A pack is unpacked to the cache. ``latest`` is the one that began last. Raises StoreError where
    there is no such run.
    """
    runs = [path.name for path in candidates(root)]
    if name == LATEST:
        if not runs:
            raise StoreError(no_runs_yet(root))
        return root / runs[-1]
    if name in runs:
        return root / name
    if is_pack(Path(name)):
        return folder_of_run(Path(name))
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    shown = name if re.fullmatch(r"[\w.-]+", name) else repr(name)
    raise StoreError(f"no run '{shown}' in {root}{near_miss(name, runs)}")
