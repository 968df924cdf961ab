"""Where the project's rooms and the user's cache are."""

import os
from pathlib import Path

from runner.errors import MachineError, UsageError

_PACKAGE = Path(__file__).resolve().parent
# setup.py puts the rooms there in a wheel. What lies beside an installed package tells nothing:
# site-packages may well hold a docker/ and a models/ of others.
_CARRIED = _PACKAGE / "_project"
# The folder that holds runner/ beside docker/ and models/; None where the package is installed.
CHECKOUT = None if _CARRIED.is_dir() else _PACKAGE.parent
ROOT = CHECKOUT or _CARRIED
CONFIGURATIONS = ROOT / "docker"
MODELS = ROOT / "models"
SUITE = "suite.json"
PUBLISHED = ROOT / "results" / "published"
MEASURED = ROOT / "results" / "measured"
# Of a checkout, wherever it is called from; else of the folder that the program is called in.
RESULTS = (CHECKOUT or Path()) / "results" / "runs"


def datasets(models: Path = MODELS) -> Path:
    """Return the file that states the data sets of a folder of models."""
    return models / "datasets" / "datasets.json"


def axes(models: Path = MODELS) -> Path:
    """Return the file that declares the axes of a folder of models."""
    return models / "job" / "axes.json"


def suites(models: Path = MODELS) -> Path:
    """Return the folder that holds a folder per suite, each with its ``SUITE``."""
    return models / "workloads"


def cache() -> Path:
    """Return this user's cache folder for data and environments.

    Raises MachineError for a user without a home, as in a container of any number.
    """
    kept = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    try:
        found = Path(kept).expanduser() / "keras-backend-benchmarks"
    except RuntimeError:
        found = None
    if found is None or not found.is_absolute():
        raise MachineError(
            "no home folder is known for this user, so nothing can be kept between runs\n"
            "set HOME, or XDG_CACHE_HOME, to a folder that this user may write to"
        )
    return found


def home() -> Path | None:
    """Return this user's home folder; None for a user who has none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def version() -> str:
    """Return the project's version: a checkout's own, whatever else is installed."""
    about = ROOT / "pyproject.toml"
    if about.is_file():
        import tomllib

        return str(tomllib.loads(about.read_text(encoding="utf-8"))["project"]["version"])
    from importlib import metadata

    return metadata.version("keras-backend-benchmarks")


def need_checkout(command: str) -> None:
    """Raise UsageError if the package is installed: its files are not the user's to change."""
    if CHECKOUT is None:
        raise UsageError(
            f"{command} works on docker/ and models/ of a checkout, and {_PACKAGE} is an installed "
            f"package: git clone the project and run python -m runner {command} there"
        )
