"""Checks whether a configuration or a model is fit to run."""

from contextlib import suppress
from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.errors import ConfigurationError, UsageError, choose_names, near_miss
from runner.report.console import print_note
from runner.spec.choices import BuildOptions, DeviceChoice, LauncherChoice
from runner.spec.configuration import configuration_names, load_configurations, read_configuration
from runner.spec.naming import checked_model_name, parse_configuration_name
from runner.spec.request import Request
from runner.spec.workload import WORKLOADS

app = typer.Typer(help="Check that a configuration or a model is fit to run.", no_args_is_help=True)
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
    from runner.author.check import configuration_findings, index_findings
    from runner.author.try_out import Tally, run_trial
    from runner.plan.preflight import Preflight

    paths.need_checkout("check configuration")
    folder = paths.CONFIGURATIONS / parse_configuration_name(name).text
    if not folder.is_dir():
        hint = near_miss(name, configuration_names())
        raise UsageError(
            f"unknown configuration '{name}'{hint}\n"
            f"to make it: python -m runner new configuration {name}"
        )
    workload = WORKLOADS[choose_names([model], list(WORKLOADS), "model")[0]]
    build = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    tally = Tally()
    if tally.take(configuration_findings(folder)):
        found = read_configuration(folder)
        local = LauncherChoice.LOCAL if python else launcher
        asked = Request(device=device, gpu=gpu, launcher=local, engine=engine)
        machine = Preflight(asked, [found]).take_fitting_machine(print_note)
        if tally.take(index_findings(found, machine.device, build)):
            run_trial(found, workload, machine, build, python, tally)
    raise tally.end(name)


@app.command("model")
def check_model(
    name: Annotated[str, typer.Argument(help="Such as mnist_mlp.")],
    config: Annotated[
        list[str], typer.Option("--config", help="One or several to try it on. [default: jax-k3]")
    ] = options.NONE,
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
    from runner.author.check import model_files, model_findings
    from runner.author.try_out import Tally, run_trial
    from runner.plan.preflight import Preflight

    paths.need_checkout("check model")
    checked_model_name(name)
    if not model_files(name):
        known: list[str] = []
        with suppress(ConfigurationError):  # none where the registry itself is broken
            known += WORKLOADS
        choose_names([name], known, "model")
    chosen = load_configurations(config or [TRIED_ON])
    build = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    tally = Tally()
    if tally.take(model_findings(name)):
        local = LauncherChoice.LOCAL if python else launcher
        asked = Request(device=device, gpu=gpu, launcher=local, engine=engine)
        machine = Preflight(asked, chosen).take_fitting_machine(print_note)
        for configuration in chosen:
            run_trial(configuration, WORKLOADS[name], machine, build, python, tally)
    raise tally.end(name)
