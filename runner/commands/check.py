"""Checks whether a configuration or a model is fit to run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from runner import check as checks
from runner import configurations as configs
from runner import naming, options, paths, preflight
from runner.check import Finding, Mark
from runner.commands.console import note, out
from runner.configurations import Configuration
from runner.errors import ConfigurationError, ExitCode, UsageError, choose, near_miss
from runner.forecast import Forecast
from runner.history import History
from runner.images import BuildOptions
from runner.launchers.choose import launcher_for
from runner.progress import Lines
from runner.results import RunStore
from runner.run import Conditions
from runner.workloads import WORKLOADS, Workload

app = typer.Typer(help="Check that a configuration or a model is fit to run.", no_args_is_help=True)
NONE: list[str] = []
EXAMPLES = (
    "python -m runner check configuration jax-k3 --device cpu",
    "python -m runner check model mnist_mlp --config jax-k3 --device cpu",
)
_COLOURS = {Mark.OK: "green", Mark.NOTE: "yellow", Mark.PROBLEM: "red", Mark.SKIPPED: "dim"}


class _Tally:
    """Prints findings as they come and counts what stands against."""

    def __init__(self) -> None:
        self.problems = 0
        self.skipped = 0

    def take(self, findings: Iterable[Finding]) -> bool:
        """Print findings; return whether none of these is a problem."""
        before = self.problems
        for found in findings:
            self.problems += found.mark is Mark.PROBLEM
            self.skipped += found.mark is Mark.SKIPPED
            mark = f"[{_COLOURS[found.mark]}]{found.mark:<8}[/]"
            text = f"{mark} {found.step:<12} {escape(found.text)}"
            out.print(text, highlight=False, soft_wrap=True)
            if found.remedy is not None:
                out.print(f"{'':<21} -> {escape(found.remedy)}", highlight=False, soft_wrap=True)
        return self.problems == before

    def end(self, name: str) -> typer.Exit:
        """Print the sum and return the exit to raise."""
        if not self.problems:
            said = "has no problem, but not all was tried" if self.skipped else "is fit to run"
            out.print(f"{name} {said}", highlight=False)
            return typer.Exit(ExitCode.OK)
        counted = f"{self.problems} problem{'s' if self.problems > 1 else ''}"
        out.print(f"{name}: {counted}", highlight=False)
        return typer.Exit(ExitCode.JOBS_NOT_OK)


def _trial(
    configuration: Configuration,
    workload: Workload,
    machine: preflight.Machine,
    build: BuildOptions,
    python: Path | None,
    tally: _Tally,
) -> None:
    """Run short jobs in a folder that stays where one of them is not well, for its logs."""
    threads = len(os.sched_getaffinity(0))
    scratch = Path(tempfile.mkdtemp(prefix="bench-check-"))
    is_well = True
    try:
        store = RunStore.create(scratch, {})
        launcher = launcher_for(
            machine,
            run=store.name,
            memory=None,
            cpus=threads,
            build=build,
            data_dir=None,
            python=python,
            say=note,
        )
        conditions = Conditions(
            launcher,
            store,
            Lines(out, Forecast(partial(History, store.folder.parent))),
            checks.CLOCKS,
            machine.gpu,
        )
        todo = checks.planned(configuration, workload, machine, threads)
        is_well = tally.take(checks.trial(configuration, todo, workload, conditions))
        if not is_well:
            out.print(f"logs: {store.folder}", highlight=False, soft_wrap=True)
    finally:
        if is_well:
            shutil.rmtree(scratch)


@app.command("configuration")
def check_configuration(
    name: Annotated[str, typer.Argument(help="Such as jax-k3.")],
    model: Annotated[
        str, typer.Option("--model", help="The model to try it with.")
    ] = checks.TRIED_WITH,
    device: options.RunDevice = preflight.DeviceChoice.AUTO,
    gpu: options.Gpu = None,
    launcher: options.Launcher = preflight.LauncherChoice.AUTO,
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
    folder = paths.CONFIGURATIONS / naming.configuration_name(name).text
    if not folder.is_dir():
        hint = near_miss(name, configs.names())
        raise UsageError(
            f"unknown configuration '{name}'{hint}\n"
            f"to make it: python -m runner new configuration {name}"
        )
    workload = WORKLOADS[choose([model], list(WORKLOADS), "model")[0]]
    build = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    tally = _Tally()
    if tally.take(checks.configuration(folder)):
        found = configs.read(folder)
        local = preflight.LauncherChoice.LOCAL if python else launcher
        machine = preflight.check([found], device, gpu, local, engine, note)
        if tally.take(checks.index(found, machine.device, build)):
            _trial(found, workload, machine, build, python, tally)
    raise tally.end(name)


@app.command("model")
def check_model(
    name: Annotated[str, typer.Argument(help="Such as mnist_mlp.")],
    config: Annotated[
        list[str], typer.Option("--config", help="One or several to try it on. [default: jax-k3]")
    ] = NONE,
    device: options.RunDevice = preflight.DeviceChoice.AUTO,
    gpu: options.Gpu = None,
    launcher: options.Launcher = preflight.LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
) -> None:
    """Check models/NAME.py: its entry, its file, its parameters, two short epochs."""
    naming.model_name(name)
    if not (paths.MODELS / f"{name}.py").exists():
        choose([name], _known(), "model")
    chosen = configs.load(config or [checks.TRIED_ON])
    build = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    tally = _Tally()
    if tally.take(checks.model(name)):
        local = preflight.LauncherChoice.LOCAL if python else launcher
        machine = preflight.check(chosen, device, gpu, local, engine, note)
        for configuration in chosen:
            _trial(configuration, WORKLOADS[name], machine, build, python, tally)
    raise tally.end(name)


def _known() -> list[str]:
    """Return the registered models; none where the registry is what must be mended."""
    try:
        return list(WORKLOADS)
    except ConfigurationError:
        return []
