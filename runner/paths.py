"""Where the project's rooms and the user's cache are."""

from __future__ import annotations

from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATIONS = ROOT / "docker"
MODELS = ROOT / "models"
WORKLOADS = MODELS / "workloads.json"
PUBLISHED = ROOT / "results" / "published"
MEASURED = ROOT / "results" / "measured"
RESULTS = ROOT / "results" / "runs"


def cache() -> Path:
    """Return this user's cache folder for data and environments."""
    return Path(platformdirs.user_cache_dir("keras-backend-benchmarks"))
