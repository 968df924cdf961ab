"""What the command that compares does: it loads two measurements and prints how they differ."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from runner.errors import ExitCode, UsageError
from runner.report.cells import FIGURE_CAPTION, figure_text
from runner.report.console import out
from runner.report.export import json_records
from runner.report.fields import Fields, Stated, print_fields, rows_schema
from runner.report.guard import GuardFields, failure_lines, statuses_text, tell_guard
from runner.report.html.comparison import ComparisonText, write_comparison
from runner.report.markdown import comparison_markdown
from runner.report.runs import chosen_rows
from runner.report.terminal import print_table
from runner.report.verdict import conditions_line, grouped_lines
from runner.spec.facts import FactDifference, declared_facts, obstacles_text
from runner.spec.job import Status
from runner.store.find import find_run
from runner.tables.between_runs import (
    COMPARED_COLUMNS,
    DIFFERENCE_COLUMNS,
    AccuracyFall,
    CellReason,
    CellVerdict,
    SideBySide,
    accuracy_falls,
    cell_name,
    compare_tables,
    judge_cells,
    statuses_of,
)
from runner.tables.columns import SAME_ASKED
from runner.tables.guard import Guard
from runner.tables.load import load_runs
from runner.tables.per_cell import figure_of
from runner.words import parse_percentage, short_hashes

COMPARE_SCHEMA: Literal[2] = 2


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
    lines = [
        (
            f"{row['model']} {row['backend']}",
            short_hashes(f"{row['column'].replace('_', ' ')}: {row['a']} -> {row['b']}"),
        )
        for _, row in rows.iterrows()
    ]
    return grouped_lines(lines, int(both.sum()))


def _obstacle_text(rows: pd.DataFrame) -> str:
    """Return what makes a cell's times incomparable; a CPU that is also the device once."""
    facts = declared_facts()
    found = (
        FactDifference(name, *((facts[name].decisive(value),) for value in values))
        for name, *values in rows[["column", "a", "b"]].itertuples(index=False)
    )
    return obstacles_text(found, "A", "B")


def reason_text(cell: pd.Series, differences: pd.DataFrame) -> str:
    """Return why a cell has no verdict on its ratio."""
    match cell["reason"]:
        case CellReason.STATUS:
            return statuses_text(**statuses_of(cell))
        case CellReason.WORK:
            is_here = (differences[SAME_ASKED] == cell[SAME_ASKED]).all(axis="columns")
            return _obstacle_text(differences[is_here & differences["is_obstacle"].astype(bool)])
        case CellReason.DISTURBED:
            sides = {side.upper(): cell[f"{side}_disturbance"] for side in "ab"}
            return "; ".join(f"in {s}: {text}" for s, text in sides.items() if pd.notna(text))
        case CellReason.NO_EPOCH:
            side = next(side for side in "ab" if cell[f"{side}_epochs"] == 0)
            return f"no epoch after the first in {side.upper()}"
        case CellReason.ONE_PROCESS:
            return "one process on a side: how far the next would be off is not known"
        case _:
            return "too few epochs for an interval"


def _reason_lines(found: SideBySide, guard: Guard | None) -> list[str]:
    """Return why cells have no ratio, but for what the guard says itself."""
    against = {one.cell for one in guard.failures} if guard else set()
    open_ = found.cells[found.cells["reason"].notna()]
    reasons = [
        (name, f"{cell['verdict']}: {reason_text(cell, found.differences)}")
        for _, cell in open_.iterrows()
        if (name := cell_name(cell)) not in against
    ]
    return grouped_lines(reasons, len(found.cells))


def _accuracy_text(fall: AccuracyFall) -> str:
    return f"{fall.cell}: validation accuracy {fall.a:.3f} in A, {fall.b:.3f} in B"


def _lines(lines: Sequence[str], style: str = "") -> None:
    for line in lines:
        out.print(line, highlight=False, style=style)


@dataclass(frozen=True)
class _Compared:
    """Two sides and what was found: their tables and names, and a guard's judgement."""

    found: SideBySide
    tables: Sequence[pd.DataFrame]
    names: Sequence[str]
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
    sections = [
        ("The guard found", failure_lines(guard)),
        ("What differs between the set-ups, A -> B", differing),
        ("Without a ratio", _reason_lines(found, guard)),
        ("Less accurate", list(map(_accuracy_text, accuracy_falls(found)))),
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
    _lines(_reason_lines(found, compared.guard), "yellow")
    _lines([f"less accurate: {_accuracy_text(fall)}" for fall in accuracy_falls(found)], "yellow")


class AccuracyFields(Stated):
    """A cell whose validation accuracy fell from ``a`` to ``b``."""

    sentence = _accuracy_text
    cell: str
    a: float
    b: float


class CompareFields(Fields):
    """What ``compare --json`` prints; docs/compare.md describes it."""

    version: Literal[2] = Field(default=COMPARE_SCHEMA, alias="schema")
    a: list[str]
    b: list[str]
    cells: Annotated[list[dict[str, Any]], rows_schema(COMPARED_COLUMNS)]
    differences: Annotated[list[dict[str, Any]], rows_schema(DIFFERENCE_COLUMNS)]
    less_accurate: list[AccuracyFields]
    guard: GuardFields | None


def _tell_in_json(compared: _Compared) -> None:
    found = compared.found
    fields = CompareFields(
        a=compared.names[0].split(", "),
        b=compared.names[1].split(", "),
        cells=json_records(found.cells),
        differences=json_records(found.differences),
        less_accurate=list(map(AccuracyFields.of, accuracy_falls(found))),
        guard=GuardFields.of(compared.guard) if compared.guard else None,
    )
    print_fields(fields)


_WRITERS: dict[CompareForm, Callable[[_Compared], None]] = {
    CompareForm.TABLES: _tell,
    CompareForm.JSON: _tell_in_json,
    CompareForm.MARKDOWN: _tell_in_markdown,
}


def _tally(guard: Guard) -> str:
    """Return of how many cells it was decided whether they pass."""
    counts = {
        "decided": guard.judged - len(guard.undecided),
        "not decided": len(guard.undecided),
        "without an interval": guard.cells - guard.judged,
    }
    return f"of {guard.cells} cells " + ", ".join(f"{n} {how}" for how, n in counts.items() if n)


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
    tables = chosen_rows(loaded, wanted, ("A", "B"))
    found = compare_tables(*tables)
    guard = None if allowed is None else judge_cells(found.cells, allowed)
    compared = _Compared(found, tables, names, guard)
    if html_file is None:
        _WRITERS[form](compared)
    else:
        write_comparison(html_file, _text_of(compared), found.cells)
        out.print(f"comparison: {html_file}", highlight=False, soft_wrap=True)
    return tell_guard(guard, f"{threshold}", _tally(guard)) if guard else ExitCode.OK
