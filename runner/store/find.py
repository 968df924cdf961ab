"""Finding runs: by a name, a folder, or as the latest."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from runner.errors import StoreError, near_miss


def list_runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that have begun a job, oldest first."""
    return sorted({path.parents[2] for path in root.glob("[!.]*/jobs/*/job.json")})


def list_resumable_runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that were begun at all, oldest first."""
    return sorted(path.parent for path in root.glob("[!.]*/manifest.json"))


def find_run(root: Path, name: str, candidates: Callable[[Path], list[Path]] = list_runs) -> Path:
    """Return the folder of a run given as a path, as a name under ``root``, or ``latest``."""
    runs = [path.name for path in candidates(root)]
    if name == "latest" and runs:
        return root / runs[-1]
    if name in runs:
        return root / name
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    shown = name if re.fullmatch(r"[\w.-]+", name) else repr(name)
    raise StoreError(f"no run '{shown}' in {root}{near_miss(name, runs)}")
