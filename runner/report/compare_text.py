"""What the command that compares does: it loads two measurements and prints how they differ."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from runner.errors import ExitCode, UsageError, choose_names
from runner.report.cells import FIGURE_CAPTION, figure_text
from runner.report.console import err, out, print_labelled
from runner.report.export import json_records
from runner.report.html.comparison import ComparisonText, write_comparison
from runner.report.markdown import comparison_markdown
from runner.report.terminal import print_table
from runner.report.verdict import conditions_line, grouped_lines
from runner.spec.job import Status
from runner.store.find import find_run
from runner.tables.between_runs import (
    CellVerdict,
    Guard,
    SideBySide,
    accuracy_lines,
    cell_name,
    compare_tables,
    judge_cells,
)
from runner.tables.load import load_runs
from runner.tables.per_cell import figure_of
from runner.words import parse_percentage, short_hashes

COMPARE_SCHEMA = 1


class CompareForm(StrEnum):
    """How a comparison is printed."""

    TABLES = "tables"
    MARKDOWN = "markdown"
    JSON = "json"


COMPARE_CAPTION = (
    f"A, B: {FIGURE_CAPTION}. B/A: B's seconds over A's, with its 95 % interval over fresh "
    "processes; same: it holds 1."
)
# As the widest word of its column it would push the table over 80 columns.
_NARROW = {str(CellVerdict.NOT_COMPARABLE): "not\ncomparable"}


def side_folders(text: str, root: Path) -> list[Path]:
    """Return the folders of one side: a run, or several with commas between them."""
    names = [text] if Path(text).exists() else text.split(",")
    folders = [find_run(root, name) for name in names if name]
    if len({folder.resolve().name for folder in folders}) < len(folders) or not folders:
        raise UsageError(f"'{text}' must name one run or several different ones, as run1,run2")
    return folders


def chosen_rows(tables: Sequence[pd.DataFrame], wanted: dict[str, list[str]]) -> list[pd.DataFrame]:
    """Return the tables with the wanted configurations, models and backends only."""
    kept = list(tables)
    for column, names in wanted.items():
        known = list(dict.fromkeys(name for table in tables for name in table[column]))
        some = choose_names(names, known, column)
        kept = [table[table[column].isin(some)] for table in kept]
    for side, table in zip("AB", kept, strict=True):
        if table.empty:
            raise UsageError(f"{side} has no job of the chosen configurations, models and backends")
    return kept


def _time(cell: pd.Series, side: str) -> str:
    """Return a side's seconds and half their interval, or its status where it has none."""
    status = cell[f"{side}_status"]
    figure = figure_of(cell, [f"{side}_{name}" for name in ("seconds", "low", "high", "repeats")])
    if figure is None and pd.notna(status) and status != Status.OK:
        return str(status)
    return figure_text(figure)


def _ratio(cell: pd.Series) -> dict[str, str]:
    ratio, low, high = cell["ratio"], cell["ratio_low"], cell["ratio_high"]
    ends = "-" if pd.isna(ratio) or pd.isna(low) else f"{low:.3f}-{high:.3f}"
    return {"B/A": "-" if pd.isna(ratio) else f"{ratio:.3f}", "95 %": ends}


def _shown(cells: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per cell."""
    by = cells.groupby("backend")
    kept = ["model", "backend"]
    kept += [n for n in ("configuration", "device") if by[n].nunique().max() > 1]
    rows = [
        {
            **{name: str(cell[name]) for name in kept},
            "A": _time(cell, "a"),
            "B": _time(cell, "b"),
            **_ratio(cell),
            "verdict": _NARROW.get(cell["verdict"], cell["verdict"]),
        }
        for _, cell in cells.iterrows()
    ]
    return pd.DataFrame(rows).astype("string")


def _difference_lines(found: SideBySide) -> list[str]:
    """Return "column: A's -> B's: cells", a line for each pair of values."""
    rows = found.differences
    both = ~found.cells["verdict"].isin([CellVerdict.ONLY_A, CellVerdict.ONLY_B])
    said = [
        (
            f"{row['model']} {row['backend']}",
            short_hashes(f"{row['column'].replace('_', ' ')}: {row['a']} -> {row['b']}"),
        )
        for _, row in rows.iterrows()
    ]
    return grouped_lines(said, int(both.sum()))


def _reason_lines(cells: pd.DataFrame, guard: Guard | None) -> list[str]:
    """Return why cells have no ratio, but for what the guard says itself."""
    told = cells[cells["why"] != ""]
    said = [(cell_name(c), f"{c['verdict']}: {c['why']}") for _, c in told.iterrows()]
    against = {name for name, _ in guard.failures} if guard else set()
    said = [(name, why) for name, why in said if name not in against]
    return grouped_lines(said, len(cells))


def _lines(lines: Sequence[str], style: str = "") -> None:
    for line in lines:
        out.print(line, highlight=False, style=style)


@dataclass(frozen=True)
class _Compared:
    """Two sides and what was found: their tables and names, and a guard's judgement.

    ``allowed`` is the threshold as a share, None without a guard.
    """

    found: SideBySide
    tables: Sequence[pd.DataFrame]
    names: Sequence[str]
    allowed: float | None
    guard: Guard | None


def _text_of(compared: _Compared) -> ComparisonText:
    """Return a comparison in words, for a page or as Markdown."""
    found, guard = compared.found, compared.guard
    sides = [
        f"{side}: {name}; {conditions_line(table)}"
        for side, name, table in zip("AB", compared.names, compared.tables, strict=True)
    ]
    rows = _shown(found.cells).replace("\n", " ", regex=True)
    differing = _difference_lines(found) or ["No recorded difference."]
    judged = [f"{cell}: {why}" for cell, why in guard.failures] if guard else []
    sections = [
        ("The guard found", judged),
        ("What differs between the set-ups, A -> B", differing),
        ("Without a ratio", _reason_lines(found.cells, guard)),
        ("Less accurate", accuracy_lines(found)),
    ]
    return ComparisonText(sides, rows, COMPARE_CAPTION, sections)


def _tell_in_markdown(compared: _Compared) -> None:
    sys.stdout.write(comparison_markdown(_text_of(compared)))


def _tell(compared: _Compared) -> None:
    """Print two measurements, each named and with its conditions, and how they differ."""
    found = compared.found
    for side, name, table in zip("AB", compared.names, compared.tables, strict=True):
        _lines([f"{side}: {name}; {conditions_line(table)}"])
    print_table(_shown(found.cells), "Seconds per epoch, A and B")
    _lines([COMPARE_CAPTION])
    differing = _difference_lines(found)
    _lines(["", "What differs between the set-ups, A -> B:" if differing
            else "No recorded difference between the set-ups."])  # fmt: skip
    _lines([f"  {line}" for line in differing])
    _lines(_reason_lines(found.cells, compared.guard), "yellow")
    _lines([f"less accurate: {line}" for line in accuracy_lines(found)], "yellow")


def _tell_in_json(compared: _Compared) -> None:
    """Print the same as one JSON value; docs/compare.md describes it."""
    found, guard = compared.found, compared.guard
    content: dict[str, Any] = {
        "schema": COMPARE_SCHEMA,
        "a": compared.names[0].split(", "),
        "b": compared.names[1].split(", "),
        "cells": json_records(found.cells),
        "differences": json_records(found.differences),
        "less_accurate": accuracy_lines(found),
    }
    if guard is not None:
        content["guard"] = {
            "threshold": compared.allowed,
            "passed": guard.passed,
            "judged": guard.judged,
            "failures": [{"cell": cell, "why": why} for cell, why in guard.failures],
            "wide": [{"cell": cell, "why": why} for cell, why in guard.wide],
        }
    sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


_TOLD: dict[CompareForm, Callable[[_Compared], None]] = {
    CompareForm.TABLES: _tell,
    CompareForm.JSON: _tell_in_json,
    CompareForm.MARKDOWN: _tell_in_markdown,
}


def _say(guard: Guard, allowed: str) -> None:
    """Say on standard error what the guard found, so that a log of CI holds it in any format."""
    for line in grouped_lines(guard.wide, 0):
        print_labelled(err, "not decided:", line, "yellow")
    for cell, why in guard.failures:
        print_labelled(err, "guard:", f"{cell}: {why}", "red")
    word, style = ("passed", "green") if guard.passed else ("failed", "red")
    counts = {
        "decided": guard.judged - len(guard.wide),
        "not decided": len(guard.wide),
        "without an interval": guard.cells - guard.judged,
    }
    told = ", ".join(f"{count} {how}" for how, count in counts.items() if count)
    told = f"guard at {allowed}: {word}; of {guard.cells} cells {told}"
    err.print(told, highlight=False, style=style)


def compare_and_tell(
    sides: tuple[str, str],
    results_dir: Path,
    wanted: dict[str, list[str]],
    threshold: str | None,
    form: CompareForm,
    html_file: Path | None,
) -> ExitCode:
    """Set two measurements side by side and tell what was found; with a threshold, judge B.

    It is printed in ``form``, or written to ``html_file`` as a page.

    ``wanted`` names the configurations, models and backends to look at, all if it names none. The
    guard's judgement goes to standard error. Raises UsageError where the sides are not two.
    """
    allowed = parse_percentage(threshold, "--threshold") if threshold else None
    folders = [side_folders(text, results_dir) for text in sides]
    if {path.resolve() for path in folders[0]} & {path.resolve() for path in folders[1]}:
        raise UsageError("A and B hold the same run; name two different ones")
    loaded = [load_runs(*of_side) for of_side in folders]
    names = [", ".join(dict.fromkeys(table["run"])) for table in loaded]
    tables = chosen_rows(loaded, wanted)
    found = compare_tables(*tables)
    guard = None if allowed is None else judge_cells(found.cells, allowed)
    compared = _Compared(found, tables, names, allowed, guard)
    if html_file is None:
        _TOLD[form](compared)
    else:
        write_comparison(html_file, _text_of(compared), found.cells)
        out.print(f"comparison: {html_file}", highlight=False, soft_wrap=True)
    if guard is None:
        return ExitCode.OK
    _say(guard, f"{threshold}")
    return ExitCode.OK if guard.passed else ExitCode.JOBS_NOT_OK
