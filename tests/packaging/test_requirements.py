"""The runner's own requirements are locked with hashes, for users and for developers."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = PROJECT["build-system"]["requires"]
USED = PROJECT["project"]["dependencies"]
DEVELOPED = PROJECT["project"]["optional-dependencies"]["dev"]


def pins(lock: str) -> dict[str, list[tuple[str, int]]]:
    """Map each package of a lock to its versions and the number of hashes of each."""
    found: dict[str, list[tuple[str, int]]] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text()):
        name, version = re.match(r"([\w.-]+)==(\S+)", entry).groups()
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", entry)
        found.setdefault(canonicalize_name(name), []).append((version, len(hashes)))
    return found


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("requirements.lock", USED + BUILD), ("requirements-dev.lock", USED + BUILD + DEVELOPED)],
)
def test_every_requirement_is_locked_at_a_version_that_fits(lock, wanted):
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        versions = locked[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version, _ in versions)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_has_a_hash(lock):
    assert [name for name, found in pins(lock).items() if not all(n for _, n in found)] == []


def is_here(name: str, found: list[tuple[str, int]]) -> bool:
    """Return whether a package is installed as it is locked, or is for other machines only."""
    try:
        return distribution(name).version in {version for version, _ in found}
    except PackageNotFoundError:
        return True


def needed(requirement: Requirement, seen: set[str]) -> None:
    """Add to `seen` the packages that a requirement draws in here, as each says of itself."""
    seen.add(canonicalize_name(requirement.name))
    environments = [{"extra": extra} for extra in ("", *requirement.extras)]
    for further in map(Requirement, distribution(requirement.name).requires or []):
        marker, name = further.marker, canonicalize_name(further.name)
        here = marker is None or any(marker.evaluate(environment) for environment in environments)
        if here and name not in seen:
            needed(further, seen)


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("requirements.lock", USED + BUILD), ("requirements-dev.lock", USED + BUILD + DEVELOPED)],
)
def test_a_lock_is_complete_as_nothing_is_looked_up_beside_it(lock, wanted):
    locked = pins(lock)
    others = [name for name, found in locked.items() if not is_here(name, found)]
    if others:
        pytest.skip(f"of these packages other versions are installed: {', '.join(others)}")
    seen: set[str] = set()
    for requirement in map(Requirement, wanted):
        needed(requirement, seen)
    assert seen - set(locked) == set()
