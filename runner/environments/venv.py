"""Environments on this machine: one per configuration and lock, made once, with uv."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.environments.lockfile import uncovered, wheels_of
from runner.environments.patience import Making
from runner.environments.recipe import sha256_of
from runner.environments.verify import require_unchanged
from runner.environments.wheels import with_own_wheels
from runner.errors import BuildError
from runner.locks import Use, alone, note_use
from runner.machine.interpreters import find_interpreter
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.words import printable, version_numbers

MARKER = ".complete"
_PACKAGE_VARIABLES = re.compile(
    r"UV_(CONSTRAINT|BUILD_CONSTRAINT|OVERRIDE|EXCLUDE\w*|PRERELEASE|RESOLUTION|FORK_STRATEGY|"
    r"TORCH_BACKEND|NO_BINARY\w*|NO_BUILD\w*|NO_SOURCES\w*|NO_VERIFY_HASHES)"
)
# How long a program goes on that nobody wants any more.
_POLL_SECONDS = 0.2
# uv can download interpreters from this version on.
_OLDEST_FETCHED = (3, 8)


@dataclass(frozen=True)
class LocalEnvironment:
    """An interpreter with a configuration's packages, and the hash of what it was made from.

    While ``use`` is referred to, nobody removes it.
    """

    python: Path
    lock_sha256: str
    use: Use


def uv_settings(options: BuildOptions) -> dict[str, str]:
    """Return uv's settings for where packages come from."""
    asked = {
        "SSL_CERT_FILE": options.ca_bundle,
        "UV_DEFAULT_INDEX": options.package_index,
    }
    return {name: str(value) for name, value in asked.items() if value is not None}


def uv_command(arguments: Sequence[str | Path]) -> list[str | Path]:
    """Return the command that calls uv, without what configures it on this machine."""
    # Only here, so that a machine whose jobs run in a given interpreter can do without.
    import uv

    return [uv.find_uv_bin(), "--no-config", *arguments]


def uv_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return uv's variables: the user's on where packages come from; a lock says which."""
    of_user = {name: v for name, v in os.environ.items() if not _PACKAGE_VARIABLES.fullmatch(name)}
    return {**of_user, **settings}


def _followed(
    command: Sequence[str | Path], environment: dict[str, str], seconds: float, making: Making
) -> int:
    """Run a program to its end, its output in the log, and return its exit code.

    Raises BuildError after so many seconds, and UnwantedError once nobody wants it any more.
    """
    deadline = time.monotonic() + seconds
    with (
        making.log.open("ab") as file,
        subprocess.Popen(command, stdout=file, stderr=file, env=environment) as program,
    ):
        try:
            while program.poll() is None and (left := deadline - time.monotonic()) > 0:
                making.check()
                with suppress(subprocess.TimeoutExpired):
                    program.wait(min(left, _POLL_SECONDS))
        finally:
            has_ended = program.poll() is not None
            program.kill()
    if not has_ended:
        raise BuildError(f"it took longer than {seconds:.0f} s (--build-timeout); see {making.log}")
    return program.returncode


def _run(
    arguments: Sequence[str | Path], settings: dict[str, str], seconds: float, making: Making
) -> None:
    """Run uv with its output in the log. Raises BuildError with its last line."""
    if _followed(uv_command(arguments), uv_environment(settings), seconds, making):
        lines = making.log.read_bytes().strip().splitlines()
        last = printable(lines[-1].strip()) if lines else "no output"
        raise BuildError(f"{last}; see {making.log}")


def python_for(configuration: Configuration) -> str:
    """Return the interpreter to use: one of this machine, else a version that uv can fetch.

    Raises BuildError where there is neither.
    """
    wanted = configuration.local_pythons
    found = find_interpreter(wanted)
    if found is not None:
        return str(found)
    if version_numbers(wanted[0]) >= _OLDEST_FETCHED:
        return wanted[0]
    raise BuildError(
        f"{configuration.name} needs Python {' or '.join(wanted)} on this machine; "
        "install one (pyenv install), or use --launcher docker"
    )


def _compile(folder: Path, seconds: float, making: Making) -> None:
    """Compile all modules to bytecode. A job writes none, and would compile them anew each time.

    uv can do so for Python 3.7 and newer only. What is meant for another version of Python does
    not compile, and is never imported.
    """
    python = folder / "bin" / "python"
    command: list[str | Path] = [python, "-I", "-m", "compileall", "-qq", "-j", "0", folder / "lib"]
    _followed(command, dict(os.environ), seconds, making)


def _make(
    folder: Path, python: str, locks: list[Path], options: BuildOptions, making: Making
) -> None:
    """Make an environment from nothing; one that was left half made is removed first."""
    shutil.rmtree(folder, ignore_errors=True)
    settings, seconds = uv_settings(options), options.build_seconds
    _run(["venv", "--quiet", "--python", python, folder], settings, seconds, making)
    inside: list[str | Path] = ["--python", folder / "bin" / "python"]
    # Without isolation, what builds a package is what a lock named, not an index's latest.
    locked: list[str | Path] = ["--require-hashes", "--no-deps", "--no-build-isolation"]
    lock = b"".join(path.read_bytes() for path in locks)
    fitting = wheels_of(options.wheel_folders, lock)
    sources: list[str | Path] = [] if uncovered(lock, fitting.values()) else ["--no-index"]
    with tempfile.TemporaryDirectory() as wheels:
        # Only what the lock names: uv would prefer any other build of a version that lies there.
        for path in fitting:
            (Path(wheels) / path.name).symlink_to(path.resolve())
        settings["UV_FIND_LINKS"] = wheels
        install: list[str | Path] = ["pip", "install", *inside, *locked, *sources]
        for path in locks:
            _run([*install, "--requirement", path], settings, seconds, making)
    _compile(folder, seconds, making)
    (folder / MARKER).touch()


def lock_of_environment(folder: Path) -> Path:
    """Return the file that is locked while an environment is made or removed."""
    return folder.with_name(folder.name + ".lock")


def environment_folder(configuration: Configuration, device: Device, cache: Path) -> Path:
    """Return where the configuration's environment is, or would be; named after its lock.

    Raises BuildError if there is no lock.
    """
    lock = configuration.lock(device)
    try:
        digest = sha256_of(lock.read_bytes())
    except OSError as error:
        raise BuildError(
            f"{lock}: {error.strerror}; make it: python -m runner lock {configuration.name}"
        ) from error
    return cache / "environments" / f"{configuration.name}-{device}-{digest[:16]}"


def is_environment_made(folder: Path) -> bool:
    """Return whether an environment is there as a whole."""
    return (folder / MARKER).exists()


def prepare_environment(
    configuration: Configuration,
    device: Device,
    cache: Path,
    options: BuildOptions,
    making: Making,
) -> LocalEnvironment:
    """Return the configuration's environment, made if its lock has none yet.

    Safe when two runs make it at once: the second waits and finds it. Raises BuildError if no
    fitting Python is on this machine, a package cannot be had, or the one that is there holds what
    its lock does not install, and UnwantedError once nobody wants it any more.
    """
    lock = configuration.lock(device)
    folder = environment_folder(configuration, device, cache)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # What packages are built with comes first, if there is a lock of it.
    locks = [path for path in (configuration.build_lock, lock) if path.exists()]
    with alone(lock_of_environment(folder), making.check):
        if is_environment_made(folder):
            require_unchanged(folder, locks)
        else:
            python = python_for(configuration)
            making.say(f"making the environment {folder.name} with Python {python}")
            reached = with_own_wheels(configuration, device, options, cache, making)
            _make(folder, python, locks, reached, making)
        note_use(folder / MARKER)
        use = Use(folder)
    return LocalEnvironment(folder / "bin" / "python", sha256_of(lock.read_bytes()), use)
