"""Makes the locks of a configuration anew."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import config_files as configs
from runner import options, paths
from runner.choices import BuildOptions

EXAMPLES = (
    "python -m runner lock jax-k3",
    "python -m runner lock tf-k3 jax-k3",
)


def lock(
    name: Annotated[list[str], typer.Argument(help="Configurations.")],
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
) -> None:
    """Make cpu.lock and gpu.lock from cpu.in and gpu.in. Other pins stay as they are."""
    from runner.commands.locking import lock_all

    paths.need_checkout("lock")
    build = BuildOptions(None, ca_bundle, package_index, wheels, build_timeout)
    lock_all(configs.load(name), build)
