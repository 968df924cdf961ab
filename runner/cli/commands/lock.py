"""Makes the locks of a configuration anew."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations

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
    from runner.environments.lock_maker import make_lock
    from runner.environments.lockfile import read_pins
    from runner.report.console import print_line

    paths.need_checkout("lock")
    build = BuildOptions(None, ca_bundle, package_index, wheels, build_timeout)
    for configuration in load_configurations(name):
        for device in Device:
            made = make_lock(configuration, device, build)
            print_line(f"{made}: {len(read_pins(made))} packages")
