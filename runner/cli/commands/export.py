"""Writes the tables of runs for other programs, or logs them to MLflow."""

from pathlib import Path
from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.spec.choices import Format, Table

EXAMPLES = (
    "python -m runner export latest --output table.parquet",
    "python -m runner export latest --table summary --format latex",
)


def export_table(
    runs: options.Runs = options.LATEST,
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
    from runner.report.export import export_runs, log_runs

    if mlflow is not None:
        log_runs(runs, results_dir, mlflow, experiment)
    else:
        export_runs(runs, results_dir, table, written_as, columns, output)
