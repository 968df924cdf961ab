"""Where the project's rooms and the user's cache are."""

from __future__ import annotations

from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATIONS = ROOT / "docker"
MODELS = ROOT / "models"
SUITE = "suite.json"
PUBLISHED = ROOT / "results" / "published"
MEASURED = ROOT / "results" / "measured"
RESULTS = ROOT / "results" / "runs"


def datasets(models: Path = MODELS) -> Path:
    """Return the file that states the data sets of a folder of models."""
    return models / "datasets" / "datasets.json"


def suites(models: Path = MODELS) -> Path:
    """Return the folder that holds a folder per suite, each with its ``SUITE``."""
    return models / "workloads"


def cache() -> Path:
    """Return this user's cache folder for data and environments."""
    return Path(platformdirs.user_cache_dir("keras-backend-benchmarks"))
