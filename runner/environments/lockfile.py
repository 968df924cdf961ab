"""Requirements files and the wheels they name: what they pin, and by which hash."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.environments.datasets import file_sha256
from runner.words import printable

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[A-Za-z0-9,._-]+\])?==([A-Za-z0-9.+!_-]+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# A package that exists as source only; pip and uv read it too.
_FROM_SOURCE = re.compile(r"--no-binary[ =]+[A-Za-z0-9][A-Za-z0-9._-]*")
_DEVICE_BUILD = re.compile(r"-(?:cpu|gpu|cu[0-9]+)$")


@dataclass(frozen=True)
class Pin:
    """One line of a requirements file: a package, its exact version, the hashes of its files."""

    package: str
    version: str
    hashes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return what the package is, whichever device its build is for."""
        return _DEVICE_BUILD.sub("", self.package)

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class Unpinned:
    """A line that is no pin."""

    text: str


def normalized_name(package: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def parse_requirement(line: str) -> Pin | Unpinned | None:
    """Return what a line of a requirements file pins; None for one without a requirement."""
    requirement = line.partition(" #")[0].strip()
    first, *rest = requirement.split() or ["#"]
    if first.startswith("#") or _FROM_SOURCE.fullmatch(requirement):
        return None
    match = _PIN.fullmatch(first)
    if match is None or not all(_HASH.fullmatch(word) for word in rest):
        return Unpinned(printable(line.encode(), limit=80))
    return Pin(normalized_name(match[1]), match[2], tuple(rest))


def read_requirements(path: Path) -> list[Pin | Unpinned]:
    """Return the lines of a requirements file, continued ones joined, comments left out.

    Raises OSError or UnicodeDecodeError for a file that cannot be read.
    """
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [found for line in text.splitlines() if (found := parse_requirement(line)) is not None]


def read_pins(path: Path) -> list[Pin]:
    """Return the pins of a requirements file."""
    return [found for found in read_requirements(path) if isinstance(found, Pin)]


def lock_problems(wanted: Path, lock: Path) -> Iterator[str]:
    """Yield what keeps ``lock`` from being the lock of ``wanted``, as far as the files tell."""
    asked, locked = read_requirements(wanted), read_requirements(lock)
    for found in asked:
        if isinstance(found, Unpinned):
            yield f"{wanted.name}: '{found.text}' pins no version; write NAME==VERSION"
    held = {(pin.package, pin.version) for pin in locked if isinstance(pin, Pin)}
    for pin in asked:
        if isinstance(pin, Pin) and (pin.package, pin.version) not in held:
            yield f"{lock.name} does not hold the {pin} of {wanted.name}"
    for found in locked:
        if isinstance(found, Unpinned):
            yield f"{lock.name}: '{found.text}' is no pinned package with hashes"
        elif not found.hashes:
            yield f"{lock.name}: {found} has no hash"


ENDINGS = (".whl", ".tar.gz", ".tar.bz2", ".zip")
_PIN_LINE = re.compile(rb"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)
_ANY_HASH = re.compile(rb"--hash=sha256:([0-9a-f]{64})")


def locked_hashes(lock: bytes) -> set[str]:
    """Return the hashes that a lock names, of any package."""
    return {found.decode() for found in _ANY_HASH.findall(lock)}


def wheels_of(folders: Iterable[Path], lock: bytes) -> dict[Path, str]:
    """Return the files of ``folders`` that ``lock`` names, with their hash, and no others."""
    named = locked_hashes(lock)
    found_files = (path for folder in folders for path in sorted(folder.iterdir()))
    files = (path for path in found_files if path.name.endswith(ENDINGS))
    found = {path: file_sha256(path) for path in files if path.is_file()}
    return {path: digest for path, digest in found.items() if digest in named}


def uncovered(lock: bytes, present: Iterable[str]) -> list[str]:
    """Return the packages of a lock of which no file is among the hashes ``present``.

    Where there is none, a folder is enough and no index needs to be asked.
    """
    there = set(present)
    _, *parts = _PIN_LINE.split(lock)
    pins = zip(parts[::2], parts[1::2], strict=True)
    return [package.decode() for package, rest in pins if not locked_hashes(rest) & there]
