"""The tables of runs, written where they were asked for."""

from __future__ import annotations

import sys
from pathlib import Path

from runner.errors import UsageError
from runner.report.console import out
from runner.report.export import render_export, write_export
from runner.report.mlflow import log_to_mlflow
from runner.spec.choices import SUFFIXES, Format, Table
from runner.store.find import find_run
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs


def _format(asked: Format | None, output: Path | None) -> Format:
    """Return the format asked for, else the one that the file's name tells, else CSV."""
    if asked is not None or output is None:
        return asked or Format.CSV
    if output.suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise UsageError(f"--output {output}: name the format with --format, or end it in {known}")
    return SUFFIXES[output.suffix]


def export_runs(
    runs: list[str],
    results_dir: Path,
    table: Table,
    asked: Format | None,
    columns: str | None,
    output: Path | None,
) -> None:
    """Write a table of runs to a file, or to standard output without one.

    ``columns`` are names with commas between them. Raises UsageError for what does not go together.
    """
    rows = load_runs(*(find_run(results_dir, name) for name in runs))
    kind = _format(asked, output)
    if kind is Format.PARQUET and output is None:
        raise UsageError("parquet is no text: name a file with --output")
    chosen = [name.strip() for name in columns.split(",")] if columns else []
    content = render_export(rows, table, kind, chosen)
    if output is None:
        sys.stdout.write(content.decode())
        return
    write_export(output, content)
    out.print(f"{table}: {output}", highlight=False, soft_wrap=True)


def log_runs(runs: list[str], results_dir: Path, uri: str, experiment: str) -> None:
    """Log every job of runs to an MLflow store, and print how many were new."""
    folders = [find_run(results_dir, name) for name in runs]
    by_name = {RunStore(folder).manifest()["run"]: folder for folder in folders}
    new = log_to_mlflow(load_runs(*folders), by_name, uri, experiment)
    out.print(f"{new} jobs logged to {experiment}", highlight=False, soft_wrap=True)
