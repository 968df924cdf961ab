"""Wheels that package indexes lack, which a configuration names itself: fetched once, then kept."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from runner.environments.datasets import file_sha256
from runner.environments.fetch import fetch_file, partial_of
from runner.environments.lockfile import locked_hashes, wheels_of
from runner.environments.patience import Making
from runner.errors import BuildError, UnobtainableError
from runner.locks import alone
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device, OwnWheel

# A wheel of a framework for a CPU is under 200 MiB, for a GPU under 1 GiB.
_MOST_BYTES = 2 << 30


def _fetch(wheel: OwnWheel, path: Path, named: Iterable[str], making: Making) -> None:
    """Put a wheel at ``path``. Raises BuildError if it cannot be had or is not the locked one."""
    with partial_of(path) as partial:
        try:
            fetch_file(wheel.url, partial, _MOST_BYTES, check=making.check)
        except (OSError, ValueError) as error:
            # What to do comes first: a reason that is too long for its place is cut at its end.
            raise UnobtainableError(
                f"{wheel.file} is on no package index: fetch {wheel.url} where that can be "
                f"reached, and name its folder with --wheels (from here: {error})"
            ) from error
        if (found := file_sha256(partial)) not in named:
            raise BuildError(f"{wheel.url}: SHA-256 is {found}, which the lock does not name")
        partial.replace(path)


def with_own_wheels(
    configuration: Configuration, device: Device, options: BuildOptions, cache: Path, making: Making
) -> BuildOptions:
    """Return the options with a folder of the wheels that the configuration fetches itself.

    Nothing is fetched that a folder of the user's holds, or where the user names an index. Raises
    UnobtainableError if a wheel cannot be fetched, BuildError if it is not the one that is locked.
    """
    wanted = [wheel for wheel in configuration.wheels if wheel.device is device]
    if not wanted or options.package_index is not None:
        return options
    lock = configuration.lock(device).read_bytes()
    folder = cache / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with alone(cache / "locks" / "wheels", making.check):
        held = {path.name for path in wheels_of([*options.wheel_folders, folder], lock)}
        for wheel in wanted:
            if wheel.file not in held:
                making.say(f"fetching {wheel.file} from {urlsplit(wheel.url).hostname}")
                _fetch(wheel, folder / wheel.file, locked_hashes(lock), making)
    return replace(options, fetched=folder)
