"""The tables of runs in other programs' formats: CSV, Parquet, Markdown, LaTeX, JSON.

CSV, Parquet and JSON are for programs: every column, figures as measured. Markdown and LaTeX are
for people: a few columns, figures rounded.
"""

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from runner.errors import UsageError, choose_names
from runner.report.cells import detail_cells, text_cells
from runner.report.console import err, out
from runner.report.markdown import markdown_table
from runner.report.mlflow import log_to_mlflow
from runner.spec.choices import SUFFIXES, Format, Table
from runner.store.atomic import output_file
from runner.store.find import find_run
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.per_job import job_rows
from runner.tables.published import with_published
from runner.words import escaped_lines

EXPORT_SCHEMA = 1
FOR_PEOPLE = (Format.MARKDOWN, Format.LATEX)
_READ = {
    Table.EPOCHS: ["model", "configuration", "backend", "repeat", "epoch", "seconds", "samples",
                   "loss", "accuracy", "val_loss", "val_accuracy"],
    Table.JOBS: ["model", "configuration", "backend", "repeat", "status", "epochs",
                 "seconds_per_epoch", "first_epoch_seconds", "last_val_accuracy", "wall_seconds"],
}  # fmt: skip


def export_frame(table: pd.DataFrame, wanted: Table) -> pd.DataFrame:
    """Return the wanted table of ``runner.tables.load.load_runs``'s rows.

    epochs: the rows themselves. jobs: one row per job, its phases in seconds and its last epoch's
    figures. summary: one row per cell with the published figures beside it.
    """
    if wanted is Table.EPOCHS:
        return table
    if wanted is Table.JOBS:
        return job_rows(table)
    return with_published(summarize(table))


def _texts(table: pd.DataFrame, wanted: Table, columns: Sequence[str]) -> pd.DataFrame:
    """Return text cells as a person reads them; the summary's as a run's report has them."""
    if wanted is Table.SUMMARY and not columns:
        return detail_cells(summarize(table))
    whole = export_frame(table, wanted)
    texts = text_cells(whole[choose_names(columns or _READ[wanted], list(whole.columns), "column")])
    # What a job said may hold line ends, which end a row, and characters that hide or control.
    return texts.map(lambda text: " ".join(escaped_lines(text).split()))


def json_records(whole: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as JSON has them; what is missing or not finite as None."""
    is_finite = whole.notna() & ~whole.isin([math.inf, -math.inf])
    rows = whole.astype(object).where(is_finite, None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _kind(dtype: Any) -> str:
    """Return the JSON name of a column's type."""
    kinds = {"boolean": pd.api.types.is_bool_dtype, "integer": pd.api.types.is_integer_dtype,
             "number": pd.api.types.is_float_dtype}  # fmt: skip
    return next((name for name, fits in kinds.items() if fits(dtype)), "string")


def _json(whole: pd.DataFrame) -> bytes:
    content = {
        "schema": EXPORT_SCHEMA,
        "columns": [{"name": str(n), "type": _kind(whole[n].dtype)} for n in whole],
        "rows": json_records(whole),
    }
    return (json.dumps(content, allow_nan=False) + "\n").encode()


def _latex(texts: pd.DataFrame) -> bytes:
    """Return a plain tabular that needs no package; names are escaped."""
    styled = texts.style.hide(axis="index").format(escape="latex")
    styled = styled.format_index(escape="latex", axis="columns")
    rules: Any = [
        {"selector": f"{name}rule", "props": ":hline"} for name in ("top", "mid", "bottom")
    ]
    are_figures = texts.apply(lambda c: c.astype("string").str.fullmatch(r"[-+.\d%*]+").all())
    sides = "".join("r" if figures else "l" for figures in are_figures)
    return styled.set_table_styles(rules).to_latex(column_format=sides).encode()


_WRITERS: dict[Format, Callable[[pd.DataFrame], bytes]] = {
    Format.CSV: lambda whole: whole.to_csv(index=False, lineterminator="\n").encode(),
    Format.PARQUET: lambda whole: whole.to_parquet(index=False),
    Format.JSON: _json,
    Format.MARKDOWN: lambda texts: f"{markdown_table(texts)}\n".encode(),
    Format.LATEX: _latex,
}


def render_export(
    table: pd.DataFrame, wanted: Table, written_as: Format, columns: Sequence[str] = ()
) -> bytes:
    """Return the wanted table of ``runner.tables.load.load_runs``'s rows in a format.

    ``columns`` chooses some of its columns; without it CSV, Parquet and JSON have all. Raises
    UsageError for an unknown one.
    """
    if written_as in FOR_PEOPLE:
        return _WRITERS[written_as](_texts(table, wanted, columns))
    whole = export_frame(table, wanted)
    return _WRITERS[written_as](whole[choose_names(columns, list(whole.columns), "column")])


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
    with output_file(output) as partial:
        partial.write_bytes(content)
    # Beside the table, which may be what standard output holds (--output /dev/stdout).
    err.print(f"{table}: {output}", highlight=False)


def log_runs(runs: list[str], results_dir: Path, uri: str, experiment: str) -> None:
    """Log every job of runs to an MLflow store, and print how many were new."""
    folders = [find_run(results_dir, name) for name in runs]
    by_name = {RunStore(folder).manifest()["run"]: folder for folder in folders}
    new = log_to_mlflow(load_runs(*folders), by_name, uri, experiment)
    out.print(f"{new} jobs logged to {experiment}", highlight=False, soft_wrap=True)
