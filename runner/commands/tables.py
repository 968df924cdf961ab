"""A run's tables, written to its folder and printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from rich.markup import escape

from runner import comparison, publications, report, results, studies
from runner.commands.console import err, out
from runner.html import page as html_page
from runner.store import RunStore
from runner.summaries import summarize


def write(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write a run's tables to its folder, and return the table and its summary.

    Where they cannot be written, it is said and no more: they can be derived again.
    """
    table = results.load(folder)
    summary = summarize(table)
    try:
        RunStore(folder).write_table(table)
        report.write(folder, table, summary)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        said = escape(f"{folder}: the tables were not written: {reason}")
        err.print(f"[yellow]{said}[/]", highlight=False)
    return table, summary


def show(folder: Path) -> None:
    """Write a run's tables, print them, and say where they are."""
    table, summary = write(folder)
    print_report(table, summary)
    out.print(f"files: {folder}", highlight=False, soft_wrap=True)


def show_times(folder: Path) -> None:
    """Write a run's tables, and print the one of seconds per epoch."""
    _, summary = write(folder)
    out.print(report.rich_table(report.pivot(summary), "Seconds per epoch"))


def print_report(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    out.print(report.rich_table(report.pivot(summary), "Seconds per epoch"))
    out.print(report.rich_table(report.short_details(summary), "Beside the published figures"))
    out.print(report.caption(summary), highlight=False)
    reached = report.limit_table(table, summary)
    if not reached.empty:
        out.print(report.rich_table(reached, "Distance to the limit"))
    out.print(escape(report.conditions(table)), highlight=False)
    for line in report.verdict_lines(report.of_reproduced(comparison.verdicts(summary))):
        out.print(escape(line), highlight=False)
    for line in report.warnings(summary):
        out.print(f"[yellow]{escape(line)}[/]", highlight=False)
    for line in report.reasons(summary):
        out.print(f"[red]{escape(line)}[/]", highlight=False)
    for line in report.advice(summary):
        out.print(escape(line), highlight=False)


# Writes a table; the folders are those of its runs.
Writer = Callable[[pd.DataFrame, list[Path]], None]


def write_terminal(table: pd.DataFrame, _folders: list[Path]) -> None:
    """Print the report of runs on a terminal."""
    print_report(table, summarize(table))


def write_markdown(table: pd.DataFrame, _folders: list[Path]) -> None:
    """Print the report of runs as Markdown."""
    sys.stdout.write(report.markdown(table, summarize(table)))


def write_html(path: Path, table: pd.DataFrame, folders: list[Path]) -> None:
    """Write the report of runs to one HTML file."""
    html_page.write(path, table, folders)
    out.print(f"report: {path}", highlight=False, soft_wrap=True)


def report_runs(names: list[str], results_dir: Path, write_to: Writer) -> None:
    """Load runs, and hand their table to what writes it. Raises StoreError for what is no run."""
    folders = [results.find(results_dir, name) for name in names]
    write_to(results.load(*folders), folders)


def print_study(name: str | None) -> None:
    """Print all figures of a study; without a name, the tables of the reproduced article.

    Raises UsageError for an unknown name.
    """
    study = studies.load(name or studies.DEFAULT)
    for line in report.study_lines(study) if name else []:
        out.print(escape(line), highlight=False, soft_wrap=True)
    for title, frame in (report.figure_tables if name else report.article_tables)(study):
        out.print(report.rich_table(frame, escape(title)))
    numbers = f"{study.numbers} " if study.numbers and not name else ""
    out.print(
        escape(
            f"{numbers}{publications.IN_A_PICTURE}: the number stands only in a picture of the "
            f"article. Sources, row by row: {study.folder}"
        ),
        highlight=False,
        soft_wrap=True,
    )
