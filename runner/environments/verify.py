"""Whether a cached environment holds what its lock installs, and nothing else.

What lies there is imported by every job: a ``sitecustomize`` module or a ``.pth`` file that was
put into it runs before the framework does. The names in the folder of packages are held against
the records that installers write (``RECORD``, PEP 376 and the wheel's specification), so another
file inside of a package, or changed content, is not seen.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.environments.lockfile import Pin, normalized_name, read_requirements
from runner.errors import BuildError
from runner.words import foreign

# What uv itself puts into an environment, and what Python writes.
_MADE_BY_TOOLS = frozenset({"__pycache__", "_virtualenv.py", "_virtualenv.pth"})
_MOST_SHOWN = 3


def _tops(record: Path) -> Iterator[str]:
    """Yield the names in the folder of packages that a distribution's record holds."""
    with record.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            yield row[0].partition("/")[0]


def _locked(folder: Path, pins: Sequence[Pin]) -> Iterator[Path]:
    """Yield the folders of the distributions of a lock that are installed."""
    wanted = {(pin.package, pin.version) for pin in pins}
    for path in folder.glob("*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        if (normalized_name(name), version) in wanted:
            yield path


def _runs(path: Path) -> bool:
    """Return whether Python would import something of this name, or run it when it starts."""
    if path.suffix in (".pth", ".egg-link"):
        return True
    is_module = path.is_dir() or path.suffix in (".py", ".pyc", ".so")
    name = path.name if path.is_dir() else path.name.partition(".")[0]
    return is_module and name.isidentifier()


def strangers_in(environment: Path, pins: Sequence[Pin]) -> list[str]:
    """Return what Python would run of an environment beside the packages of its lock."""
    found = []
    for folder in (environment / "lib").glob("python*/site-packages"):
        installed = list(_locked(folder, pins))
        known = {path.name for path in installed} | _MADE_BY_TOOLS
        for path in installed:
            known.update(_tops(path / "RECORD"))
        found += [one.name for one in folder.iterdir() if one.name not in known and _runs(one)]
    return sorted(found)


def require_unchanged(environment: Path, locks: Sequence[Path]) -> None:
    """Raise BuildError, with the remedy, for an environment that is not what its locks install."""
    again = f"; take it out, or remove {environment}, and it is made anew"
    with foreign(f"{environment.name}: the records of its packages cannot be read", BuildError):
        pins = [pin for lock in locks for pin in read_requirements(lock) if isinstance(pin, Pin)]
        found = strangers_in(environment, pins)
        settings = (environment / "pyvenv.cfg").read_text(encoding="utf-8").lower().split()
    if found:
        more = f" and {len(found) - _MOST_SHOWN} more" * (len(found) > _MOST_SHOWN)
        raise BuildError(
            f"{environment.name} holds what its lock does not install, and jobs would import: "
            f"{', '.join(found[:_MOST_SHOWN])}{more}{again}"
        )
    if "include-system-site-packages=true" in "".join(settings):
        raise BuildError(f"{environment.name} takes packages of the system's Python too{again}")
