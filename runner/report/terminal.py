"""The tables of a run on a terminal."""

import os
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from runner.report.cells import limit_table, pivot_cells, short_detail_cells
from runner.report.console import err, out, print_json
from runner.report.contents import Report
from runner.report.markdown import write_summary
from runner.report.remedies import remedies_for
from runner.report.verdict import (
    caption_of,
    conditions_line,
    detail_title,
    of_reproduced,
    reason_lines,
    verdict_lines,
    warning_lines,
)
from runner.store.run_folder import RunStore
from runner.tables.against_published import order_verdicts
from runner.tables.load import load_runs

_LONGEST_LABEL = 40


def rich_table(frame: pd.DataFrame, title: str) -> Table:
    """Return a frame of text cells as a table for the terminal."""
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for position, column in enumerate(frame):
        longest = max(map(len, frame[column]), default=0)
        is_text = position == 0 or bool(frame[column].str.contains("[a-z]{4}$").all())
        name = str(column)
        table.add_column(
            name if is_text else name.replace(" ", "\n").replace("/", "/\n"),
            justify="left" if is_text else "right",
            no_wrap=longest <= _LONGEST_LABEL,
        )
    # Space between groups of rows, not between rows that are a group each.
    is_grouped = bool(frame.iloc[:, 0].duplicated().any())
    last = None
    for row in frame.itertuples(index=False):
        if is_grouped and last is not None and row[0] != last:
            table.add_section()
        last = row[0]
        table.add_row(*map(str, row))
    return table


def write_run_tables(folder: Path) -> Report:
    """Write a run's tables to its folder, and return what they hold.

    Where they cannot be written, it is said and no more: they can be derived again.
    """
    report = Report.of(load_runs(folder))
    try:
        RunStore(folder).write_table(report.table)
        write_summary(folder, report)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        said = f"{folder}: the tables were not written: {reason}"
        err.print(said, highlight=False, style="yellow")
    return report


def print_answer_line(folder: Path) -> None:
    """Write a run's tables, and print the answer as one line of JSON."""
    print_json({"event": "answer", "run": folder.name, **write_run_tables(folder).answer.fields()})


def show_run(folder: Path) -> None:
    """Write a run's tables, print them, and say where they are."""
    print_report(write_run_tables(folder))
    out.print(f"files: {folder}", highlight=False, soft_wrap=True)


def show_run_times(folder: Path) -> None:
    """Write a run's tables, and print the seconds per epoch and the answer."""
    _print_answer(write_run_tables(folder))


def _print_answer(report: Report) -> None:
    """Print the table of seconds, and below it which backend is fastest."""
    fastest = report.answer.fastest
    out.print(rich_table(pivot_cells(report.summary, fastest), "Seconds per epoch"))
    for line in report.answer.lines:
        out.print(line, highlight=False, style="bold")


def print_limits(report: Report) -> None:
    """Print how far each cell is from the arithmetic of its device, where that was measured."""
    reached = limit_table(report.table, report.summary)
    if reached.empty:
        out.print("the distance to the limit was not measured", highlight=False)
    else:
        out.print(rich_table(reached, "Distance to the limit"))


def print_report(report: Report) -> None:
    """Print a report: the answer, its figures, and what to know of them."""
    table, summary = report.table, report.summary
    _print_answer(report)
    out.print(rich_table(short_detail_cells(summary), detail_title(summary)))
    out.print(caption_of(summary), highlight=False)
    verdicts = verdict_lines(of_reproduced(order_verdicts(summary)))
    for style, lines in (
        ("", [conditions_line(table), *verdicts]),
        ("yellow", warning_lines(summary)),
        ("red", reason_lines(summary)),
        ("", remedies_for(summary["status"])),
    ):
        for line in lines:
            out.print(line, highlight=False, style=style)
