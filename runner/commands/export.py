"""Writes the tables of runs for other programs, or logs them to MLflow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runner import options, paths
from runner.choices import SUFFIXES, Format, Table
from runner.commands.console import out
from runner.errors import UsageError

LATEST = ["latest"]
EXAMPLES = (
    "python -m runner export latest --output table.parquet",
    "python -m runner export latest --table summary --format latex",
)


def _format(asked: Format | None, output: Path | None) -> Format:
    """Return the format asked for, else the one that the file's name tells, else CSV."""
    if asked is not None or output is None:
        return asked or Format.CSV
    if output.suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise UsageError(f"--output {output}: name the format with --format, or end it in {known}")
    return SUFFIXES[output.suffix]


def export_table(
    runs: Annotated[list[str], typer.Argument(help="Runs: names, folders, or latest.")] = LATEST,
    table: Annotated[
        Table, typer.Option("--table", help="What a row is: an epoch, a job, a cell.")
    ] = Table.EPOCHS,
    written_as: Annotated[
        Format | None,
        typer.Option("--format", help="The format. [default: that of --output's name, else csv]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="The file. [default: standard output]")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Some columns: one,two. [default: see docs]")
    ] = None,
    mlflow: Annotated[
        str | None,
        typer.Option("--mlflow", metavar="URI", help="Log each job to this MLflow store instead."),
    ] = None,
    experiment: Annotated[
        str, typer.Option("--experiment", help="With --mlflow, the experiment's name.")
    ] = "keras-backend-benchmarks",
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Write a table of one or several runs as CSV, Parquet, Markdown, LaTeX or JSON."""
    from runner import export, results, tracking
    from runner.store import RunStore

    folders = [results.find(results_dir, name) for name in runs]
    rows = results.load(*folders)
    if mlflow is not None:
        by_name = {RunStore(folder).manifest()["run"]: folder for folder in folders}
        new = tracking.log(rows, by_name, mlflow, experiment)
        out.print(f"{new} jobs logged to {experiment}", highlight=False, soft_wrap=True)
        return
    kind = _format(written_as, output)
    if kind is Format.PARQUET and output is None:
        raise UsageError("parquet is no text: name a file with --output")
    chosen = [name.strip() for name in columns.split(",")] if columns else []
    content = export.render(rows, table, kind, chosen)
    if output is None:
        sys.stdout.write(content.decode())
        return
    export.write(output, content)
    out.print(f"{table}: {output}", highlight=False, soft_wrap=True)
