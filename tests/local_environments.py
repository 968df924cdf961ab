"""Local environments for tests with real frameworks, made from the configurations' locks.

``BENCH_WHEELS`` names a folder with wheels that PyPI does not have, PyTorch's for the CPU. An
environment that cannot be made skips its tests with the reason; ``REQUIRE_ENGINE=1`` turns that
into a failure.
"""

import os
import tempfile
from functools import cache
from pathlib import Path

import pytest

from engine_fixtures import cannot
from runner import paths
from runner.environments.lock_maker import is_installable
from runner.environments.patience import Making
from runner.environments.venv import prepare_environment
from runner.errors import BuildError
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations


@cache
def _python(name: str) -> Path | BuildError:
    wheels = os.environ.get("BENCH_WHEELS")
    options = BuildOptions(wheels=Path(wheels) if wheels else None)
    log = Path(tempfile.mkdtemp(prefix="environment-")) / "log"
    chosen = load_configurations([name])[0]
    try:
        making = Making(log, print)
        return prepare_environment(chosen, Device.CPU, paths.cache(), options, making).python
    except BuildError as error:
        return error


def _usable(name: str) -> Path:
    wheels = Path(os.environ.get("BENCH_WHEELS", os.devnull))
    for own in load_configurations([name])[0].wheels:
        if own.device is Device.CPU and not (wheels / own.file).exists():
            pytest.skip(f"{own.file} is not on PyPI: BENCH_WHEELS names no folder with it")
    made = _python(name)
    if isinstance(made, Path):
        return made
    return cannot(f"no environment for {name}: {made}")


@pytest.fixture(scope="session")
def python_of():
    """Return a function that gives the interpreter of a configuration's environment."""
    return _usable


@pytest.fixture(scope="session")
def package_index():
    try:
        is_installable(load_configurations(["jax-k3"])[0], Device.CPU, BuildOptions())
    except BuildError as error:
        cannot(f"no package index: {error}")
