"""Locks of configurations, made anew."""

from runner.environments.lock_maker import make_lock
from runner.environments.lockfile import read_pins
from runner.report.console import out
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device


def lock_all(chosen: list[Configuration], build: BuildOptions) -> None:
    """Make the locks of each configuration for both devices, and print how much each holds."""
    for configuration in chosen:
        for device in Device:
            made = make_lock(configuration, device, build)
            out.print(f"{made}: {len(read_pins(made))} packages", highlight=False, soft_wrap=True)
