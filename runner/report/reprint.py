"""Runs that are kept, and published studies, shown as they were asked for."""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from rich.markup import escape

from runner.report.cells import (
    article_tables,
    figure_tables,
    study_lines,
)
from runner.report.console import out
from runner.report.html.page import write_page
from runner.report.markdown import markdown_report
from runner.report.terminal import print_report, rich_table
from runner.spec.study import DEFAULT_STUDY, load_study
from runner.store.find import find_run
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.published import IN_A_PICTURE, study_figures

# Writes a table; the folders are those of its runs.
Writer = Callable[[pd.DataFrame, list[Path]], None]


def write_terminal(table: pd.DataFrame, _folders: list[Path]) -> None:
    """Print the report of runs on a terminal."""
    print_report(table, summarize(table))


def write_markdown(table: pd.DataFrame, _folders: list[Path]) -> None:
    """Print the report of runs as Markdown."""
    sys.stdout.write(markdown_report(table, summarize(table)))


def write_html(path: Path, table: pd.DataFrame, folders: list[Path]) -> None:
    """Write the report of runs to one HTML file."""
    write_page(path, table, folders)
    out.print(f"report: {path}", highlight=False, soft_wrap=True)


def report_runs(names: list[str], results_dir: Path, write_to: Writer) -> None:
    """Load runs, and hand their table to what writes it. Raises StoreError for what is no run."""
    folders = [find_run(results_dir, name) for name in names]
    write_to(load_runs(*folders), folders)


def print_study(name: str | None) -> None:
    """Print all figures of a study; without a name, the tables of the reproduced article.

    Raises UsageError for an unknown name.
    """
    study = load_study(name or DEFAULT_STUDY)
    for line in study_lines(study) if name else []:
        out.print(escape(line), highlight=False, soft_wrap=True)
    for title, frame in (figure_tables if name else article_tables)(study):
        out.print(rich_table(frame, escape(title)))
    shown = study_figures(study)["left_out"].eq(IN_A_PICTURE).any()
    notes = [
        study.numbers if not name else None,
        f"{IN_A_PICTURE}: the number was published as a drawing." if shown else None,
        f"Sources, row by row: {study.folder}",
    ]
    text = " ".join(note for note in notes if note)
    out.print(escape(text), highlight=False, soft_wrap=True)
