"""A run's tables, written to its folder and printed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.markup import escape

from runner import report, results
from runner.commands.console import out
from runner.results import RunStore
from runner.summary import summarize


def show(folder: Path) -> None:
    """Write a run's tables, print them, and say where they are."""
    table = results.load(folder)
    summary = summarize(table)
    RunStore(folder).write_table(table)
    report.write(folder, table, summary)
    print_report(table, summary)
    out.print(f"files: {folder}", highlight=False, soft_wrap=True)


def print_report(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    out.print(report.rich_table(report.pivot(summary), "Seconds per epoch"))
    out.print(report.rich_table(report.short_details(summary), "Beside the published figures"))
    out.print(report.CAPTION, highlight=False)
    reached = report.limit_table(table, summary)
    if not reached.empty:
        out.print(report.rich_table(reached, "Distance to the limit"))
    out.print(escape(report.conditions(table)), highlight=False)
    for line in report.verdict_lines(summary, series="bhatia2017"):
        out.print(escape(line), highlight=False)
    for line in report.warnings(summary):
        out.print(f"[yellow]{escape(line)}[/]", highlight=False)
    for line in report.reasons(summary):
        out.print(f"[red]{escape(line)}[/]", highlight=False)
