"""Checks whether a configuration or a model is fit to run."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import config_files as configs
from runner import naming, options, paths
from runner.choices import BuildOptions, DeviceChoice, LauncherChoice
from runner.commands.console import note
from runner.errors import ConfigurationError, UsageError, choose, near_miss
from runner.workloads import WORKLOADS

app = typer.Typer(help="Check that a configuration or a model is fit to run.", no_args_is_help=True)
NONE: list[str] = []
EXAMPLES = (
    "python -m runner check configuration jax-k3 --device cpu",
    "python -m runner check model mnist_mlp --config jax-k3 --device cpu",
)
# What is tried with the one that is checked.
TRIED_WITH = "mnist_mlp"
TRIED_ON = "jax-k3"


@app.command("configuration")
def check_configuration(
    name: Annotated[str, typer.Argument(help="Such as jax-k3.")],
    model: Annotated[str, typer.Option("--model", help="The model to try it with.")] = TRIED_WITH,
    device: options.RunDevice = DeviceChoice.AUTO,
    gpu: options.Gpu = None,
    launcher: options.Launcher = LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
) -> None:
    """Check docker/NAME: its files, its locks, its imports, two short epochs."""
    from runner import check as checks
    from runner import preflight
    from runner.commands import checking

    paths.need_checkout("check configuration")
    folder = paths.CONFIGURATIONS / naming.configuration_name(name).text
    if not folder.is_dir():
        hint = near_miss(name, configs.names())
        raise UsageError(
            f"unknown configuration '{name}'{hint}\n"
            f"to make it: python -m runner new configuration {name}"
        )
    workload = WORKLOADS[choose([model], list(WORKLOADS), "model")[0]]
    build = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    tally = checking.Tally()
    if tally.take(checks.configuration(folder)):
        found = configs.read(folder)
        local = LauncherChoice.LOCAL if python else launcher
        machine = preflight.check([found], device, gpu, local, engine, note)
        if tally.take(checks.index(found, machine.device, build)):
            checking.trial(found, workload, machine, build, python, tally)
    raise tally.end(name)


@app.command("model")
def check_model(
    name: Annotated[str, typer.Argument(help="Such as mnist_mlp.")],
    config: Annotated[
        list[str], typer.Option("--config", help="One or several to try it on. [default: jax-k3]")
    ] = NONE,
    device: options.RunDevice = DeviceChoice.AUTO,
    gpu: options.Gpu = None,
    launcher: options.Launcher = LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
) -> None:
    """Check a model: its suite's entry, its file, its parameters, two short epochs."""
    from runner import check as checks
    from runner import preflight
    from runner.commands import checking

    paths.need_checkout("check model")
    naming.model_name(name)
    if not checks.model_files(name):
        choose([name], _known(), "model")
    chosen = configs.load(config or [TRIED_ON])
    build = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    tally = checking.Tally()
    if tally.take(checks.model(name)):
        local = LauncherChoice.LOCAL if python else launcher
        machine = preflight.check(chosen, device, gpu, local, engine, note)
        for configuration in chosen:
            checking.trial(configuration, WORKLOADS[name], machine, build, python, tally)
    raise tally.end(name)


def _known() -> list[str]:
    """Return the registered models; none where the registry is what must be mended."""
    try:
        return list(WORKLOADS)
    except ConfigurationError:
        return []
