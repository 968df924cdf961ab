"""Locks are made from what is wanted, and held against what the package index says today."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner.environments.lockfile import read_pins
from runner.environments.venv import uv_command, uv_environment, uv_settings
from runner.errors import BuildError
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.store.atomic import whole_file
from runner.words import printable, version_numbers

_NO_ANSWER = re.compile("Failed to fetch|Request failed|error sending request")
# uv resolves from this version of Python on; older ones are written out whole.
_OLDEST_RESOLVED = (3, 6)
_RESOLVED_ALONE = (3, 8)


class UnreachableError(BuildError):
    """The package index did not answer."""


def _platform(configuration: Configuration) -> list[str]:
    """Return the Python and the system that packages are chosen for."""
    python = version_numbers(configuration.python)[:2]
    least = ".".join(str(part) for part in max(python, _OLDEST_RESOLVED))
    glibc = "manylinux_2_28" if _is_resolved(configuration) else "manylinux2014"
    return ["--python-version", least, "--python-platform", f"x86_64-{glibc}"]


def _is_resolved(configuration: Configuration) -> bool:
    """Return whether its dependencies are resolved, or written out because it is too old."""
    return version_numbers(configuration.python) >= _RESOLVED_ALONE


def _uv(arguments: Sequence[str | Path], settings: dict[str, str], seconds: float) -> None:
    """Run uv. Raises BuildError with the line that says why it failed.

    UnreachableError if it was not for what it was asked, but for whom.
    """
    try:
        ended = subprocess.run(
            uv_command(["--quiet", *arguments]),
            capture_output=True,
            env=uv_environment(settings),
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreachableError(
            f"the index took longer than {seconds:.0f} s (--build-timeout)"
        ) from None
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        because = next((line for line in lines if "Because" in line), None)
        is_silent = because is None and any(_NO_ANSWER.search(line) for line in lines)
        kind = UnreachableError if is_silent else BuildError
        why = because or f"{lines[0].removeprefix('error: ')}: {lines[-1].strip()}"
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
    plain = ["--no-header", "--no-annotate", "--generate-hashes", "--emit-build-options"]
    how: list[str | Path] = [*plain, *whole, *_platform(configuration)]
    for overrides in configuration.overrides(device):
        how += ["--override", overrides]
    _uv(
        ["pip", "compile", *how, wanted, "--output-file", to],
        _settings(options, wanted),
        options.build_seconds,
    )


def make_lock(configuration: Configuration, device: Device, options: BuildOptions) -> Path:
    """Make a lock anew from what is wanted; what an older lock pins beside it stays as it is.

    Raises BuildError if there is no such package or the index cannot be reached; the older lock
    is then as it was.
    """
    lock = configuration.lock(device)
    with whole_file(lock) as partial:
        if lock.exists():
            partial.write_bytes(lock.read_bytes())
        _compile(configuration, device, options, partial)
    return lock


def lock_differences(
    configuration: Configuration, device: Device, options: BuildOptions
) -> list[str]:
    """Return the pins in which a lock differs from one that is made now. Raises BuildError."""
    lock = configuration.lock(device)
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / lock.name
        again.write_bytes(lock.read_bytes())
        _compile(configuration, device, options, again)
        return sorted(
            {str(pin) for pin in read_pins(lock)} ^ {str(pin) for pin in read_pins(again)}
        )


def is_installable(configuration: Configuration, device: Device, options: BuildOptions) -> bool:
    """Ask the index for every package of a lock, installing nothing; False where it cannot tell.

    Packages that exist as sources only must be built to be looked at, as the oldest ones are.
    Raises BuildError if a package cannot be had.
    """
    if not _is_resolved(configuration):
        return False
    lock = configuration.lock(device)
    locked = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(lock)]
    with tempfile.TemporaryDirectory() as nowhere:
        into = ["--dry-run", "--target", nowhere, *_platform(configuration)]
        _uv(["pip", "install", *into, *locked], _settings(options, lock), options.build_seconds)
    return True
