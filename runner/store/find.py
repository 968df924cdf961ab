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


def _oldest_first(folders: Iterable[Path]) -> list[Path]:
    return sorted(set(folders), key=_began)


def list_runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that have begun a job, oldest first."""
    return _oldest_first(path.parents[2] for path in root.glob("[!.]*/jobs/*/job.json"))


def _runs_at(place: Path) -> list[Path]:
    """Return the runs at one place: a run's folder, a pack, or a folder of runs and packs."""
    if is_pack(place):
        return [unpacked_run(place)]
    if (place / "manifest.json").exists():
        return [place]
    packs = sorted(place.glob(f"[!.]*{PACK_SUFFIX}"))
    return [*list_runs(place), *map(unpacked_run, packs)]


def runs_under(places: Iterable[Path]) -> list[Path]:
    """Return the runs at some places, oldest first.

    A place is a run's folder, a pack, or a folder that holds runs and packs. Raises StoreError for
    a place without a run, and for a pack that is none.
    """
    found: list[Path] = []
    for place in places:
        runs = _runs_at(place)
        if not runs:
            raise StoreError(no_runs_yet(place))
        found += runs
    return _oldest_first(found)


def list_resumable_runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that were begun at all, oldest first."""
    return _oldest_first(path.parent for path in root.glob("[!.]*/manifest.json"))


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
        return unpacked_run(Path(name))
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    shown = name if re.fullmatch(r"[\w.-]+", name) else repr(name)
    raise StoreError(f"no run '{shown}' in {root}{near_miss(name, runs)}")
