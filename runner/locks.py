"""Locked requirements: what they pin, whether they are what was wanted, and how they are made."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uv

from runner.config_files import Configuration, Device
from runner.environments import uv_settings
from runner.errors import BuildError
from runner.events import printable
from runner.images import BuildOptions
from runner.interpreters import as_numbers

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[A-Za-z0-9,._-]+\])?==([A-Za-z0-9.+!_-]+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_DEVICE_BUILD = re.compile(r"-(?:cpu|gpu|cu[0-9]+)$")
_NO_ANSWER = re.compile("Failed to fetch|Request failed|error sending request")
# uv resolves from this version of Python on; older ones are written out whole.
_OLDEST_RESOLVED = (3, 6)
_RESOLVED_ALONE = (3, 8)


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


class UnreachableError(BuildError):
    """The package index did not answer."""


def normalized(package: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def parse(line: str) -> Pin | Unpinned | None:
    """Return what a line of a requirements file pins; None for one without a requirement."""
    first, *rest = line.partition(" #")[0].split() or ["#"]
    if first.startswith("#"):
        return None
    match = _PIN.fullmatch(first)
    if match is None or not all(_HASH.fullmatch(word) for word in rest):
        return Unpinned(printable(line.encode(), limit=80))
    return Pin(normalized(match[1]), match[2], tuple(rest))


def read(path: Path) -> list[Pin | Unpinned]:
    """Return the lines of a requirements file, continued ones joined, comments left out.

    Raises OSError or UnicodeDecodeError for a file that cannot be read.
    """
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return [found for line in text.splitlines() if (found := parse(line)) is not None]


def pins(path: Path) -> list[Pin]:
    """Return the pins of a requirements file."""
    return [found for found in read(path) if isinstance(found, Pin)]


def problems(wanted: Path, lock: Path) -> Iterator[str]:
    """Yield what keeps ``lock`` from being the lock of ``wanted``, as far as the files tell."""
    asked, locked = read(wanted), read(lock)
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


def _platform(configuration: Configuration) -> list[str]:
    """Return the Python and the system that packages are chosen for."""
    python = as_numbers(configuration.python)[:2]
    least = ".".join(str(part) for part in max(python, _OLDEST_RESOLVED))
    glibc = "manylinux_2_28" if _is_resolved(configuration) else "manylinux2014"
    return ["--python-version", least, "--python-platform", f"x86_64-{glibc}"]


def _is_resolved(configuration: Configuration) -> bool:
    """Return whether its dependencies are resolved, or written out because it is too old."""
    return as_numbers(configuration.python) >= _RESOLVED_ALONE


def _uv(arguments: Sequence[str | Path], settings: dict[str, str], seconds: float) -> None:
    """Run uv. Raises BuildError with the line that says why it failed.

    UnreachableError if it was not for what it was asked, but for whom.
    """
    try:
        ended = subprocess.run(
            [uv.find_uv_bin(), "--quiet", "--no-config", *arguments],
            capture_output=True,
            env={**os.environ, **settings},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(
            f"the index took longer than {seconds:.0f} s (--build-timeout)"
        ) from None
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        because = next((line for line in said if "Because" in line), None)
        is_silent = because is None and any(_NO_ANSWER.search(line) for line in said)
        kind = UnreachableError if is_silent else BuildError
        why = because or f"{said[0].removeprefix('error: ')}: {said[-1].strip()}"
        raise kind(printable(why.replace("cause: ", "").strip().encode()))


def _settings(options: BuildOptions, requirements: Path) -> dict[str, str]:
    """Return uv's settings; extra wheels serve only where a build of another index is asked for.

    uv would prefer them to the same version of the usual index, for the other device too.
    """
    settings = uv_settings(options)
    if options.wheels is not None and "+" in requirements.read_text(encoding="utf-8"):
        settings["UV_FIND_LINKS"] = str(options.wheels.resolve())
    return settings


def _compile(configuration: Configuration, device: Device, options: BuildOptions, to: Path) -> None:
    wanted = configuration.wanted(device)
    whole = [] if _is_resolved(configuration) else ["--no-deps"]
    plain = ["--no-header", "--no-annotate", "--generate-hashes"]
    _uv(
        ["pip", "compile", *plain, *whole, *_platform(configuration), wanted, "--output-file", to],
        _settings(options, wanted),
        options.build_seconds,
    )


def make(configuration: Configuration, device: Device, options: BuildOptions) -> Path:
    """Make a lock anew from what is wanted; what an older lock pins beside it stays as it is.

    Raises BuildError if there is no such package or the index cannot be reached; the older lock
    is then as it was.
    """
    lock = configuration.lock(device)
    partial = lock.with_name(lock.name + ".part")
    try:
        if lock.exists():
            partial.write_bytes(lock.read_bytes())
        _compile(configuration, device, options, partial)
        partial.replace(lock)
    finally:
        partial.unlink(missing_ok=True)
    return lock


def differences(configuration: Configuration, device: Device, options: BuildOptions) -> list[str]:
    """Return the pins in which a lock differs from one that is made now. Raises BuildError."""
    lock = configuration.lock(device)
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / lock.name
        again.write_bytes(lock.read_bytes())
        _compile(configuration, device, options, again)
        return sorted({str(pin) for pin in pins(lock)} ^ {str(pin) for pin in pins(again)})


def try_install(configuration: Configuration, device: Device, options: BuildOptions) -> bool:
    """Ask the index for every package of a lock, installing nothing; False where it cannot tell.

    Packages that exist as sources only must be built to be looked at, as the oldest ones are.
    Raises BuildError if a package cannot be had.
    """
    if not _is_resolved(configuration):
        return False
    lock = configuration.lock(device)
    locked: list[str | Path] = [
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--requirement",
        lock,
    ]
    with tempfile.TemporaryDirectory() as nowhere:
        into = ["--dry-run", "--target", nowhere, *_platform(configuration)]
        _uv(["pip", "install", *into, *locked], _settings(options, lock), options.build_seconds)
    return True
