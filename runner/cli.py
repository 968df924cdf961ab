"""The command line: options, each declared once, and the commands that use them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import psutil
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from runner import configurations as configs
from runner import data as datasets
from runner import images, jobs, paths, preflight, report, results
from runner.configurations import Device
from runner.engine import connect
from runner.errors import BenchmarkError, BuildError, ExitCode
from runner.images import BuildOptions
from runner.launchers.docker import DockerLauncher, Limits
from runner.progress import Lines
from runner.results import RunStore
from runner.run import Conditions
from runner.run import run as run_all
from runner.summary import summarize
from runner.workloads import DataSource, choose_workloads, require_source

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

Configs = Annotated[
    list[str], typer.Option("--config", help="One or several configurations. [default: all]")
]
Models = Annotated[
    list[str], typer.Option("--model", help="One or several models. [default: all five]")
]
Backends = Annotated[
    list[str], typer.Option("--backend", help="One or several backends. [default: all]")
]
DeviceChoice = Annotated[Device, typer.Option("--device", help="What to train on.")]
GpuChoice = Annotated[
    str | None, typer.Option("--gpu", help="GPU by UUID or index. [default: the first]")
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Epochs. [default: each model's own]")
]
Samples = Annotated[
    int | None, typer.Option("--samples", min=1, help="Training samples. [default: all]")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the first repeat.")]
Repeats = Annotated[int, typer.Option("--repeats", min=1, help="Fresh processes per cell.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads. [default: all of them]")
]
Data = Annotated[
    DataSource | None,
    typer.Option("--data", help="Where samples come from. [default: real if cached, or synthetic]"),
]
Results = Annotated[Path, typer.Option("--results", help="Where runs are kept.")]
LauncherChoice = Annotated[
    Literal["auto", "docker"], typer.Option("--launcher", help="Where a job's process lives.")
]
EngineChoice = Annotated[
    str | None,
    typer.Option(
        "--engine", help="Docker engine: a socket's path or a URL. [default: DOCKER_HOST]"
    ),
]
Memory = Annotated[
    int | None,
    typer.Option("--memory", min=1, help="A job's memory in GiB. [default: 80 % of the machine's]"),
]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="A job's wall limit in seconds.")]
Format = Annotated[
    Literal["channels_first", "channels_last"] | None,
    typer.Option("--image-data-format", help="Image layout. [default: the configuration's]"),
]
BaseImage = Annotated[
    str | None, typer.Option("--base-image", help="Base image. [default: the configuration's]")
]
CaBundle = Annotated[
    Path | None, typer.Option("--ca-bundle", help="Extra CA certificates (PEM) for builds.")
]
PackageIndex = Annotated[
    str | None, typer.Option("--package-index", help="Python package index for builds.")
]
Wheels = Annotated[Path | None, typer.Option("--wheels", help="Folder of extra wheels for builds.")]


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


def _data_source(asked: DataSource | None, wanted: set[str]) -> DataSource:
    """Return the data source: the one asked for, or real where its files are cached."""
    if asked is not None:
        return asked
    there = {item.dataset for item, _, state in datasets.states(paths.cache()) if state == "ok"}
    if wanted <= there:
        return DataSource.REAL
    out.print(
        "data: synthetic, because the real files are not in the cache "
        "(python -m runner data fetch)",
        highlight=False,
    )
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
    out.print(report.rich_table(report.details(summary), "Beside the published figures"))
    out.print(report.CAPTION, highlight=False)
    out.print(escape(report.conditions(table)), highlight=False)
    for line in report.reasons(summary):
        out.print(f"[red]{escape(line)}[/]", highlight=False)


@app.command()
def run(
    config: Configs = [],  # noqa: B006
    model: Models = [],  # noqa: B006
    backend: Backends = [],  # noqa: B006
    device: DeviceChoice = Device.GPU,
    gpu: GpuChoice = None,
    epochs: Epochs = None,
    samples: Samples = None,
    seed: Seed = 2017,
    repeats: Repeats = 1,
    threads: Threads = None,
    data: Data = None,
    results_dir: Results = paths.RESULTS,
    launcher: LauncherChoice = "auto",  # noqa: ARG001
    engine: EngineChoice = None,
    memory: Memory = None,
    timeout: Timeout = 12 * 3600,
    image_data_format: Format = None,
    base_image: BaseImage = None,
    ca_bundle: CaBundle = None,
    package_index: PackageIndex = None,
    wheels: Wheels = None,
) -> None:
    """Train models in fresh containers and print the table (the default command)."""
    chosen = configs.load(config)
    workloads = choose_workloads(model)
    source = data
    if source is not None:
        require_source(workloads, source)
    jobs.plan(chosen, backend, workloads, jobs.JobOptions(device, DataSource.SYNTHETIC))
    machine = preflight.check(chosen, device, gpu, engine)
    source = _data_source(data, {workload.dataset for workload in workloads})
    options = jobs.JobOptions(
        device=device,
        data=source,
        epochs=epochs,
        samples=samples,
        seed=seed,
        repeats=repeats,
        threads=threads or _cpus(),
        image_data_format=image_data_format,
    )
    planned = preflight.refuse_cards(
        jobs.plan(chosen, backend, workloads, options), chosen, machine.gpu
    )
    wanted = sorted({workload.dataset for workload in workloads})
    data_dir = datasets.prepare(source, wanted, paths.cache(), progress=err.is_terminal)
    store = RunStore.create(
        results_dir, {"arguments": sys.argv[1:], "jobs": [job.id for job in planned]}
    )
    docker = DockerLauncher(
        machine.engine,
        device,
        run=store.name,
        limits=Limits(
            memory_bytes=memory << 30 if memory else int(psutil.virtual_memory().total * 0.8),
            cpus=options.threads,
        ),
        build=BuildOptions(base_image, ca_bundle, package_index, wheels),
        data_dir=data_dir,
        gpu_uuid=machine.gpu.uuid if machine.gpu else None,
        say=lambda line: out.print(f"  {escape(line)}", highlight=False, style="dim"),
    )
    conditions = Conditions(docker, store, Lines(out), timeout, machine.gpu)
    try:
        all_ok = run_all(chosen, planned, conditions)
    except KeyboardInterrupt:
        err.print("interrupted; what was measured so far is kept", highlight=False)
        _show(store.folder)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    _show(store.folder)
    raise typer.Exit(ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK)


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
    config: Configs = [],  # noqa: B006
    device: DeviceChoice = Device.GPU,
    engine: EngineChoice = None,
    base_image: BaseImage = None,
    ca_bundle: CaBundle = None,
    package_index: PackageIndex = None,
    wheels: Wheels = None,
) -> None:
    """Build images without running anything. GPU images build without a GPU."""
    chosen = configs.load(config)
    reached = connect(engine)
    options = BuildOptions(base_image, ca_bundle, package_index, wheels)
    logs = paths.cache() / "build-logs"
    logs.mkdir(parents=True, exist_ok=True)
    failed = 0
    for configuration in chosen:
        log = logs / f"{configuration.name}-{device}.log"
        log.unlink(missing_ok=True)
        try:
            image = images.build(
                reached, configuration, device, options, log,
                lambda line: out.print(f"  {escape(line)}", highlight=False, style="dim"),
            )  # fmt: skip
            out.print(f"{configuration.name}: {image.tag} {image.digest}", highlight=False)
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
    results_dir: Results = paths.RESULTS,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown instead of tables.")
    ] = False,
) -> None:
    """Print the table of one or several runs again, from what is on disk."""
    table = results.load(*[results.find(results_dir, name) for name in runs])
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


_SEVERAL = ("--config", "--model", "--backend")
_COMMANDS = ("run", "list", "build", "published", "report", "data")


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
            several, values = (argument if argument in _SEVERAL else None), 0
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
