"""The default command: jobs in fresh processes, and the table of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from runner import options, paths, preflight, results, resuming
from runner.clocks import Clocks
from runner.commands import previewing, watching
from runner.commands.console import err
from runner.commands.tables import show, show_times, write
from runner.errors import ExitCode, UsageError
from runner.images import BuildOptions
from runner.preview import preview
from runner.progress import Style, safe
from runner.request import Request
from runner.session import Ended, Session, execute, resumed_request

NONE: list[str] = []
_SHOWN: dict[Style, Callable[[Path], object]] = {Style.JSON: write, Style.QUIET: show_times}


def _given(context: typer.Context) -> set[str]:
    """Return the options of a request that the command line names."""
    sources = {name: context.get_parameter_source(name) for name in Request.model_fields}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _tell(ended: Ended, style: Style) -> None:
    """Print the tables of what there is, whatever ended the run, and then what did."""
    if ended.has_rows:
        _SHOWN.get(style, show)(ended.folder)
    if ended.error is not None:
        raise ended.error
    if ended.code is ExitCode.INTERRUPTED:
        err.print(
            f"interrupted; what was measured is kept: go on with --resume {ended.folder.name}",
            highlight=False,
        )


def _aside(line: str) -> None:
    err.print(safe(line), highlight=False, style="dim")


def run(
    context: typer.Context,
    config: options.Configs = NONE,
    model: options.Models = NONE,
    backend: options.Backends = NONE,
    device: options.RunDevice = preflight.DeviceChoice.GPU,
    gpu: options.Gpu = None,
    epochs: options.Epochs = None,
    samples: options.Samples = None,
    seed: options.Seed = 2017,
    repeats: options.Repeats = 1,
    until: options.Until = None,
    max_repeats: options.MaxRepeats = 20,
    threads: options.Threads = None,
    data: options.Data = None,
    results_dir: options.Results = paths.RESULTS,
    resume: options.Resume = None,
    retry: options.Retry = None,
    launcher: options.Launcher = preflight.LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    memory: options.Memory = None,
    timeout: options.Timeout = Clocks.wall,
    first_output: options.FirstOutput = Clocks.first_output,
    silence: options.Silence = Clocks.silence,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
    wait: options.Wait = 0,
    image_data_format: options.ImageDataFormat = None,
    recurrent_activation: options.RecurrentActivation = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    dry_run: options.DryRun = False,
) -> None:
    """Train models in fresh processes and print the table (the default command)."""
    style = watching.style(quiet, as_json)
    if retry is not None and resume is None:
        raise UsageError("--retry needs --resume RUN: a new run has nothing to run again")
    asked = {name: value for name, value in context.params.items() if name in Request.model_fields}
    request = Request.model_validate(asked)
    resumed = results.find(results_dir, resume, results.resumable) if resume else None
    if resumed is not None:
        request = resumed_request(resumed, request, _given(context))
    session = Session(
        arguments=sys.argv[1:],
        root=results_dir,
        resumed=resumed,
        again=resuming.statuses_to_retry(retry),
        clocks=Clocks(first_output=first_output, silence=silence, wall=timeout),
        build_seconds=build_timeout,
        pull_seconds=pull_timeout,
        wait=wait,
        progress=err.is_terminal and style in (Style.LIVE, Style.LINES),
    )
    if dry_run:
        previewing.show(preview(request, session, _aside), style is Style.JSON)
        return
    ended = execute(request, session, watching.observer(style, results_dir))
    _tell(ended, style)
    raise typer.Exit(ended.code)


def plan(context: typer.Context, **given: Any) -> None:
    """Say what a run would build, fetch, run and skip, for how long, and do nothing of it."""
    run(context, **given, dry_run=True)


# The options of ``run``, declared there: all but those that make no difference here.
_OF_RUN = inspect.signature(run, eval_str=True).parameters.values()
plan.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [each for each in _OF_RUN if each.name not in ("dry_run", "quiet")]
)
plan.__annotations__ = {each.name: each.annotation for each in _OF_RUN}
