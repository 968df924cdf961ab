"""The command line: the commands, each a short chain over the other modules."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
import psutil
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from runner import configurations as configs
from runner import data as datasets
from runner import html as html_report
from runner import identity, images, jobs, options, paths, preflight, repetition, report, results
from runner.configurations import Configuration, Device
from runner.engine import connect
from runner.errors import BenchmarkError, BuildError, ExitCode, choose
from runner.images import BuildOptions
from runner.launchers.base import Launcher
from runner.launchers.docker import DockerLauncher, Limits
from runner.launchers.local import LocalLauncher
from runner.occupancy import guard_for
from runner.progress import Lines
from runner.results import RunStore
from runner.run import Conditions
from runner.run import run as run_all
from runner.summary import summarize
from runner.workloads import DataSource, choose_workloads, require_source

NONE: list[str] = []
LATEST = ["latest"]

app = typer.Typer(
    name="python -m runner",
    help="Benchmark Keras backends: one image per configuration, one fresh container per job.",
    epilog="Without a command the options are those of 'run': python -m runner --config NAME",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Fetch, check and list the real data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

out = Console(soft_wrap=False)
err = Console(stderr=True, soft_wrap=True)


def _note(line: str) -> None:
    """Print a line of progress."""
    out.print(f"  {escape(line)}", highlight=False, soft_wrap=True, style="dim")


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


def _default_source(wanted: list[str]) -> DataSource:
    """Return real data where all its files are cached, else synthetic, said aloud."""
    there = {item.dataset for item, _, state in datasets.states(paths.cache()) if state == "ok"}
    if there.issuperset(wanted):
        return DataSource.REAL
    _note("data: synthetic, because the real files are not cached (python -m runner data fetch)")
    return DataSource.SYNTHETIC


def _show(folder: Path) -> None:
    """Write a run's tables, print them, and say where they are."""
    table = results.load(folder)
    summary = summarize(table)
    RunStore(folder).write_table(table)
    report.write(folder, table, summary)
    _print_report(table, summary)
    out.print(f"files: {folder}", highlight=False, soft_wrap=True)


def _print_report(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    out.print(report.rich_table(report.pivot(summary), "Seconds per epoch"))
    out.print(report.rich_table(report.short_details(summary), "Beside the published figures"))
    out.print(report.CAPTION, highlight=False)
    out.print(report.rich_table(report.limit_table(table, summary), "Distance to the limit"))
    out.print(escape(report.conditions(table)), highlight=False)
    for line in report.verdict_lines(summary, series="bhatia2017"):
        out.print(escape(line), highlight=False)
    for line in report.warnings(summary):
        out.print(f"[yellow]{escape(line)}[/]", highlight=False)
    for line in report.reasons(summary):
        out.print(f"[red]{escape(line)}[/]", highlight=False)


def _launcher(
    machine: preflight.Machine,
    run_name: str,
    limits: Limits,
    build: BuildOptions,
    data_dir: Path | None,
    python: Path | None,
) -> Launcher:
    """Return the launcher for what the machine has."""
    gpu_uuid = machine.gpu.uuid if machine.gpu else None
    if machine.engine is None:
        return LocalLauncher(
            machine.device,
            cache=paths.cache(),
            build=build,
            data_dir=data_dir,
            gpu_uuid=gpu_uuid,
            python=python,
            say=_note,
        )
    return DockerLauncher(
        machine.engine,
        machine.device,
        run=run_name,
        limits=limits,
        build=build,
        data_dir=data_dir,
        gpu_uuid=gpu_uuid,
        say=_note,
    )


def _finish(
    chosen: list[Configuration], ordered: Iterable[jobs.Job], conditions: Conditions
) -> int:
    """Run the jobs, print the tables of what there is then, and return the exit code."""
    try:
        all_ok = run_all(chosen, ordered, conditions)
        code = ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK
    except KeyboardInterrupt:
        err.print("interrupted; what was measured so far is kept", highlight=False)
        code = ExitCode.INTERRUPTED
    if any(conditions.store.folder.glob("jobs/*")):
        _show(conditions.store.folder)
    return code


@app.command()
def run(
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
    launcher: options.Launcher = preflight.LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    memory: options.Memory = None,
    timeout: options.Timeout = 12 * 3600,
    wait: options.Wait = 0,
    image_data_format: options.ImageDataFormat = None,
    recurrent_activation: options.RecurrentActivation = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
) -> None:
    """Train models in fresh processes and print the table (the default command)."""
    width = repetition.parse_width(until) if until is not None else None
    chosen = configs.load(config)
    choose(backend, jobs.known_backends(chosen), "backend")
    workloads = choose_workloads(model)
    if data is not None:
        require_source(workloads, data)
    if python is not None:
        launcher = preflight.LauncherChoice.LOCAL
    machine = preflight.check(chosen, device, gpu, launcher, engine, _note)
    wanted = sorted({workload.dataset for workload in workloads})
    asked = jobs.JobOptions(
        device=machine.device,
        data=data or _default_source(wanted),
        epochs=epochs,
        samples=samples,
        seed=seed,
        repeats=repeats,
        threads=threads or _cpus(),
        image_data_format=image_data_format,
        recurrent_activation=recurrent_activation,
    )
    planned = preflight.refuse_cards(
        jobs.plan(chosen, backend, workloads, asked), chosen, machine.gpu
    )
    chosen = [c for c in chosen if any(job.configuration == c.name for job in planned)]
    data_dir = datasets.prepare(asked.data, wanted, paths.cache(), progress=err.is_terminal)
    manifest = {
        "arguments": sys.argv[1:],
        "jobs": [job.id for job in planned],
        "identity": identity.describe(),
    }
    store = RunStore.create(results_dir, manifest)
    limits = Limits(
        memory_bytes=memory << 30 if memory else int(psutil.virtual_memory().total * 0.8),
        cpus=asked.threads,
    )
    build = BuildOptions(base_image, ca_bundle, package_index, wheels)
    started = _launcher(machine, store.name, limits, build, data_dir, python)
    conditions = Conditions(
        started, store, Lines(out), timeout, machine.gpu, guard_for(machine.gpu, wait)
    )
    ordered: Iterable[jobs.Job] = repetition.shuffled(planned, seed)
    if width is not None:
        table = partial(results.load, store.folder)
        ordered = repetition.until(planned, width, max_repeats, seed, table)
    raise typer.Exit(_finish(chosen, ordered, conditions))


@app.command("list")
def list_all() -> None:
    """List configurations, their backends, and the models."""
    table = Table(title="Configurations", title_justify="left")
    for column in ("configuration", "Keras", "Python", "backends", "title"):
        table.add_column(column)
    for configuration in configs.load([]):
        backends = ", ".join(f"{n} {b.version}" for n, b in configuration.backends.items())
        table.add_row(
            configuration.name, configuration.keras, configuration.python, backends,
            configuration.title,
        )  # fmt: skip
    out.print(table)
    table = Table(title="Models", title_justify="left")
    for column in ("model", "parameters", "batch", "epochs", "training samples", "data"):
        table.add_column(column)
    for workload in choose_workloads([]):
        table.add_row(
            workload.name, f"{workload.parameters:,}", str(workload.batch_size),
            str(workload.epochs), f"{workload.train:,}", ", ".join(workload.sources),
        )  # fmt: skip
    out.print(table)


@app.command()
def build(
    config: options.Configs = NONE,
    device: options.BuildDevice = Device.GPU,
    engine: options.Engine = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
) -> None:
    """Build images without running anything. GPU images build without a GPU."""
    chosen = configs.load(config)
    reached = connect(engine)
    asked = BuildOptions(base_image, ca_bundle, package_index, wheels)
    logs = paths.cache() / "build-logs"
    logs.mkdir(parents=True, exist_ok=True)
    failed = 0
    for configuration in chosen:
        log = logs / f"{configuration.name}-{device}.log"
        log.unlink(missing_ok=True)
        try:
            image = images.build(reached, configuration, device, asked, log, _note)
            out.print(f"{image.tag} {image.digest}", highlight=False, soft_wrap=True)
        except BuildError as error:
            failed += 1
            err.print(f"[red]{configuration.name}:[/] {escape(str(error))}", highlight=False)
    raise typer.Exit(ExitCode.JOBS_NOT_OK if failed else ExitCode.OK)


@app.command("published")
def show_published() -> None:
    """Print the figures published in 2017, as the article's five tables."""
    for title, frame in report.published_tables():
        out.print(report.rich_table(frame, title))
    out.print(
        "Notebook figures: whole-run time / epochs, from the author's own notebooks; -: none was "
        "found. image: the number stands only in a picture of the article. Sources, row by row: "
        f"{paths.PUBLISHED}",
        highlight=False,
        soft_wrap=True,
    )


@app.command("report")
def show_report(
    runs: Annotated[list[str], typer.Argument(help="Runs: names, folders, or latest.")] = LATEST,
    results_dir: options.Results = paths.RESULTS,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown instead of tables.")
    ] = False,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file instead.")
    ] = None,
) -> None:
    """Print the table of one or several runs again, from what is on disk."""
    folders = [results.find(results_dir, name) for name in runs]
    table = results.load(*folders)
    if html_file is not None:
        html_report.write(html_file, table, folders)
        out.print(f"report: {html_file}", highlight=False, soft_wrap=True)
        return
    summary = summarize(table)
    if as_markdown:
        sys.stdout.write(report.markdown(table, summary))
    else:
        _print_report(table, summary)


@data_app.command("fetch")
def data_fetch() -> None:
    """Download the real data sets into the cache and check them."""
    for item in datasets.DOWNLOADS.values():
        path = datasets.fetch(item, paths.cache(), progress=err.is_terminal)
        out.print(f"{item.dataset}: ok {path}", highlight=False, soft_wrap=True)


@data_app.command("verify")
def data_verify() -> None:
    """Check the hashes of the files in the cache. Exit 3 if one is missing or wrong."""
    found = list(datasets.states(paths.cache()))
    for item, path, state in found:
        out.print(f"{item.dataset}: {state} {path}", highlight=False, soft_wrap=True)
    raise typer.Exit(ExitCode.OK if all(state == "ok" for *_, state in found) else ExitCode.MACHINE)


@data_app.command("list")
def data_list() -> None:
    """List the data sets, their hashes and where they come from."""
    for item in datasets.DOWNLOADS.values():
        size = f"{item.size:,} bytes" if item.size else "size not published"
        out.print(f"{item.dataset}: {item.name}, {size}, sha256 {item.sha256}", highlight=False,
                  soft_wrap=True)  # fmt: skip
        for url in item.urls:
            out.print(f"  {url}", highlight=False, soft_wrap=True)


def normalize(arguments: Sequence[str]) -> list[str]:
    """Return arguments as the parser wants them.

    ``--config a b`` becomes ``--config a --config b``, and options without a command belong to
    ``run``.
    """
    expanded: list[str] = []
    several: str | None = None
    values = 0
    for argument in arguments:
        if argument.startswith("-"):
            several, values = (argument if argument in options.SEVERAL else None), 0
            expanded.append(argument)
        elif several is not None:
            expanded += [several] if values else []
            expanded.append(argument)
            values += 1
        else:
            expanded.append(argument)
    leads_with_option = bool(expanded) and expanded[0].startswith("-")
    if leads_with_option and expanded[0] not in ("--help", "--install-completion",
                                                 "--show-completion"):  # fmt: skip
        return ["run", *expanded]
    return expanded


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        app(normalize(sys.argv[1:] if arguments is None else arguments))
    except BenchmarkError as error:
        first, *rest = str(error).splitlines()
        err.print(f"[bold red]error:[/] {escape(first)}", highlight=False)
        for line in rest:
            err.print(escape(line), highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.USAGE
    return ExitCode.OK
