"""Locks of configurations, made anew."""

from __future__ import annotations

from runner import locks
from runner.choices import BuildOptions
from runner.commands.console import out
from runner.config_files import Configuration, Device


def lock_all(chosen: list[Configuration], build: BuildOptions) -> None:
    """Make the locks of each configuration for both devices, and print how much each holds."""
    for configuration in chosen:
        for device in Device:
            made = locks.make(configuration, device, build)
            out.print(f"{made}: {len(locks.pins(made))} packages", highlight=False, soft_wrap=True)
