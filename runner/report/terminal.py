"""The tables of a run on a terminal."""

import os
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.measure import Measurement
from rich.table import Table

from runner.report.answer import answer_lines
from runner.report.cells import (
    detail_cells,
    limit_table,
    pivot_cells,
    short_detail_cells,
    throughput_table,
)
from runner.report.console import err, out
from runner.report.contents import Report
from runner.report.markdown import write_summary
from runner.report.remedies import remedies_for
from runner.report.verdict import (
    asked_lines,
    caption_of,
    conditions_line,
    detail_title,
    of_reproduced,
    reason_lines,
    verdict_lines,
    warning_lines,
)
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs

_LONGEST_LABEL = 40
# What is no wider than figures are anyway is not broken.
_SHORT_TITLE = 7
# Of a column whose cells are longer than a label: they are wrapped.
_LEAST_TEXT_WIDTH = 24
# More than any table takes, so that its own width is found.
_UNBOUNDED = 10_000


def _is_text(column: pd.Series) -> bool:
    return bool(column.str.contains("[a-z]{4}$").all())


def _in_two_lines(title: str) -> str:
    """Return a title broken once, at the space or slash nearest to its middle."""
    places = [found.end() for found in re.finditer("[ /]", title)]
    if not places or len(title) <= _SHORT_TITLE:
        return title
    at = min(places, key=lambda place: abs(2 * place - len(title)))
    return f"{title[:at].rstrip(' ')}\n{title[at:]}"


def _table(frame: pd.DataFrame, title: str, header: Callable[[str], str]) -> Table:
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for position, column in enumerate(frame):
        name = header(str(column))
        longest = max(map(len, frame[column]), default=0)
        is_label = longest <= _LONGEST_LABEL
        table.add_column(
            name,
            justify="left" if not (position and is_label) or _is_text(frame[column]) else "right",
            no_wrap=is_label,
            min_width=max(longest if is_label else _LEAST_TEXT_WIDTH, *map(len, name.split("\n"))),
        )
    # Space between groups of rows, not between rows that are a group each, or take turns.
    first = frame.iloc[:, 0]
    groups = sum(1 for _ in groupby(first))
    is_grouped = groups == first.nunique() < len(first)
    last = None
    for row in frame.itertuples(index=False):
        if is_grouped and last is not None and row[0] != last:
            table.add_section()
        last = row[0]
        table.add_row(*map(str, row))
    return table


def _fits(table: Table, width: int) -> bool:
    options = out.options.update(max_width=_UNBOUNDED)
    return Measurement.get(out, options, table).minimum <= width


def rich_table(frame: pd.DataFrame, title: str, width: int | None = None) -> Table:
    """Return a frame of text cells as a table for a terminal of ``width`` characters.

    Titles of columns stand in one line where that fits, and in two where not.
    """
    table = _table(frame, title, str)
    return table if _fits(table, width or out.width) else _table(frame, title, _in_two_lines)


def _named(frame: pd.DataFrame, width: int) -> tuple[pd.DataFrame, int]:
    """Return a frame, and how many of its first columns name its rows before each part of it.

    They are as many as tell all rows apart, if those leave half of the width to the figures; else
    the rows are numbered.
    """
    columns = list(frame.columns)
    shortest = 2 if len(columns) > 1 and _is_text(frame[columns[1]]) else 1
    for count in range(shortest, len(columns)):
        if not frame[columns[:count]].duplicated().any():
            if _fits(rich_table(frame[columns[:count]], "", width), width // 2):
                return frame, count
            break
    numbered = frame.copy()
    numbered.insert(shortest, "row", [str(number + 1) for number in range(len(frame))])
    return numbered.astype("string"), shortest + 1


def _parts(frame: pd.DataFrame, width: int) -> list[pd.DataFrame]:
    """Return a frame's columns in parts that each fit; each begins with what names its rows."""
    if _fits(rich_table(frame, "", width), width):
        return [frame]
    frame, count = _named(frame, width)
    named = list(frame.columns[:count])
    parts = [named]
    for column in frame.columns[count:]:
        grown = [*parts[-1], column]
        if len(grown) > count + 1 and not _fits(rich_table(frame[grown], "", width), width):
            parts.append([*named, column])
        else:
            parts[-1] = grown
    return [frame[part] for part in parts]


def print_table(frame: pd.DataFrame, title: str, notes: Sequence[str] = ()) -> None:
    """Print a frame of text cells, in several parts where the terminal is too narrow for one.

    ``notes`` are lines between the title and the table.
    """
    if notes:
        out.print(title, style="italic", highlight=False)
        _print_lines(list(notes))
    for number, part in enumerate(_parts(frame, out.width)):
        first = "" if notes else title
        out.print(rich_table(part, f"{title}, continued" if number else first))


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
        message = f"{folder}: the tables were not written: {reason}"
        err.print(message, highlight=False, style="yellow")
    return report


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
    print_table(pivot_cells(report.summary, fastest), "Seconds per epoch")
    _print_lines(answer_lines(report.answer), "bold")


def print_limits(report: Report) -> None:
    """Print how far each cell is from the arithmetic of its device, where that was measured."""
    reached = limit_table(report.table, report.summary)
    if reached.empty:
        out.print("the distance to the limit was not measured", highlight=False)
    else:
        print_table(reached, "Distance to the limit")


def _print_lines(lines: list[str], style: str = "") -> None:
    for line in lines:
        out.print(line, highlight=False, style=style)


def _details(report: Report) -> pd.DataFrame:
    """Return the cells with as much of them as the terminal is wide enough for."""
    speeds = throughput_table(report.table, report.summary)
    wide = detail_cells(report.summary).join(speeds)
    short = short_detail_cells(report.summary)
    for frame in (wide, short.join(speeds)):
        if _fits(rich_table(frame, "", out.width), out.width):
            return frame
    return short


def print_report(report: Report) -> None:
    """Print a report: the answer, its figures, and what to know of them."""
    table, summary = report.table, report.summary
    _print_answer(report)
    if summary["seconds_per_epoch"].notna().any():
        print_table(_details(report), detail_title(summary))
        out.print(caption_of(summary), highlight=False)
        conditions = [conditions_line(table)]
    else:
        conditions = ["No job has a time. What was asked for:", *asked_lines(table)]
    verdicts = verdict_lines(of_reproduced(report.orders))
    for style, lines in (
        ("", [*conditions, *verdicts]),
        ("yellow", warning_lines(summary)),
        ("red", reason_lines(summary)),
        ("", remedies_for(summary["status"])),
    ):
        _print_lines(lines, style)
