"""What the command that follows cells over time does: it loads runs and tells their history."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from runner.errors import ExitCode, UsageError
from runner.report.console import out
from runner.report.fields import Fields, Number, Stated, at, named, print_fields
from runner.report.guard import GuardFields, failure_lines, tell_guard
from runner.report.history.page import write_history
from runner.report.history.words import (
    HISTORY_CAPTION,
    HISTORY_TITLE,
    drift_lines,
    gap_lines,
    history_table,
    run_table,
    spark_line,
    step_lines,
    step_text,
)
from runner.report.markdown import markdown_section, markdown_table
from runner.report.runs import chosen_rows, read_places
from runner.report.terminal import print_table
from runner.tables.guard import Guard
from runner.tables.history.judge import judge_history
from runner.tables.history.series import Series, read_series
from runner.tables.load import load_runs
from runner.words import parse_percentage

HISTORY_SCHEMA: Literal[2] = 2


class HistoryForm(StrEnum):
    """How a history is printed."""

    TABLES = "tables"
    EACH_RUN = "each run"
    MARKDOWN = "markdown"
    JSON = "json"


@dataclass(frozen=True)
class _Shown:
    """What is told: the series, and a guard's judgement."""

    series: Sequence[Series]
    guard: Guard | None


def _write_text(shown: _Shown) -> None:
    """Print a row for each series, and each step with what changed."""
    frame = history_table(shown.series)
    if out.encoding.lower().startswith("utf"):
        frame["newest runs"] = [spark_line(one.points) for one in shown.series]
    print_table(frame, HISTORY_TITLE)
    out.print(HISTORY_CAPTION, highlight=False)
    found = step_lines(shown.series)
    out.print("\nSteps:" if found else "\nNo step was found.", highlight=False)
    for line, changes in found:
        out.print(f"  {line}", highlight=False)
        for change in changes:
            out.print(f"    {change}", highlight=False, style="dim")
    for line in drift_lines(shown.series):
        out.print(line, highlight=False)
    for line in gap_lines(shown.series):
        out.print(line, highlight=False, style="yellow")


def _write_each_run(shown: _Shown) -> None:
    for one in shown.series:
        print_table(run_table(one), one.name)
    _write_text(shown)


def _write_markdown(shown: _Shown) -> None:
    steps = [f"{line}; {'; '.join(changes)}" for line, changes in step_lines(shown.series)] or [
        "No step was found."
    ]
    parts = [
        f"# {HISTORY_TITLE}",
        markdown_table(history_table(shown.series)),
        HISTORY_CAPTION,
        *markdown_section("The guard found", failure_lines(shown.guard)),
        *markdown_section("Steps", steps),
        *markdown_section("Drifts", drift_lines(shown.series)),
        *markdown_section("Runs that do not count", gap_lines(shown.series)),
    ]
    sys.stdout.write("\n\n".join(parts) + "\n")


class PointFields(Fields):
    """What a run says of a cell: its figure in seconds, or how it ended."""

    run: str
    started: str | None
    status: str
    reason: str | None
    disturbance: str | None
    seconds: Annotated[Number, at("figure", "seconds")] = None
    low: Annotated[Number, at("figure", "low")] = None
    high: Annotated[Number, at("figure", "high")] = None
    processes: Annotated[NonNegativeInt, at("figure", "repeats")] = 0


class ChangeFields(Fields):
    """A column of which a step's two runs have other values."""

    column: str
    before: str
    after: str


class StepFields(Stated):
    """A step: the last run before it, the first after it, and its ratio of seconds."""

    sentence = step_text
    before: str
    first: str
    earliest: str
    latest: str
    ratio: Annotated[float, at("step", "ratio", "value")]
    ratio_low: Annotated[float, at("step", "ratio", "low")]
    ratio_high: Annotated[float, at("step", "ratio", "high")]
    changes: list[Annotated[ChangeFields, named("column", "before", "after")]]


class DriftFields(Fields):
    """A drift: the ratio of seconds of the newest of its runs over the first."""

    runs: NonNegativeInt
    ratio: Annotated[float, at("ratio", "value")]
    ratio_low: Annotated[float, at("ratio", "low")]
    ratio_high: Annotated[float, at("ratio", "high")]


class SeriesFields(Fields):
    """A cell over the runs; ``distinction`` tells it from other series of the same cell."""

    model: Annotated[str, at("cell", "model")]
    configuration: Annotated[str, at("cell", "configuration")]
    backend: Annotated[str, at("cell", "backend")]
    device: Annotated[str, at("cell", "device")]
    settings: Annotated[str, at("cell", "settings")]
    distinction: str
    noise: Number
    sensitivity: Number
    runs: Annotated[list[PointFields], at("points")]
    steps: list[StepFields]
    drift: DriftFields | None = None


class HistoryFields(Fields):
    """What ``history --json`` prints; docs/history.md describes it."""

    version: Literal[2] = Field(default=HISTORY_SCHEMA, alias="schema")
    series: list[SeriesFields]
    guard: GuardFields | None


def _write_json(shown: _Shown) -> None:
    print_fields(HistoryFields.of(shown))


_WRITERS: dict[HistoryForm, Callable[[_Shown], None]] = {
    HistoryForm.TABLES: _write_text,
    HistoryForm.EACH_RUN: _write_each_run,
    HistoryForm.MARKDOWN: _write_markdown,
    HistoryForm.JSON: _write_json,
}


def tell_history(
    places: Sequence[Path],
    wanted: dict[str, list[str]],
    form: HistoryForm,
    html_file: Path | None,
    threshold: str | None,
    since: str | None,
) -> ExitCode:
    """Tell how the cells of all runs at ``places`` did over time; with a threshold, judge them.

    A place is a run, a pack, or a folder that holds such. Raises StoreError where there is none.
    """
    allowed = parse_percentage(threshold, "--fail-on-step") if threshold else None
    if since and allowed is None:
        raise UsageError("--since says which steps fail: name a share with --fail-on-step too")
    table = load_runs(*read_places(places))
    runs = list(dict.fromkeys(table["run"]))
    [chosen] = chosen_rows([table], wanted, ["the history"])
    series = read_series(chosen)
    guard = None if allowed is None else judge_history(series, runs, allowed, since)
    if html_file is None:
        _WRITERS[form](_Shown(series, guard))
    else:
        write_history(html_file, series)
        out.print(f"history: {html_file}", highlight=False, soft_wrap=True)
    if guard is None:
        return ExitCode.OK
    tally = f"{guard.judged} of {guard.cells} cells have runs enough"
    return tell_guard(guard, f"{threshold}", tally)
