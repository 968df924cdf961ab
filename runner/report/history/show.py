"""What the command that follows cells over time does: it loads runs and tells their history."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeInt

from runner.errors import ExitCode, UsageError
from runner.report.console import out
from runner.report.fields import Fields, Number, print_fields
from runner.report.guard import GuardFields, failure_lines, tell_guard
from runner.report.history.page import write_history
from runner.report.history.words import (
    HISTORY_CAPTION,
    HISTORY_TITLE,
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
from runner.tables.history.series import Point, Series, SeriesStep, read_series
from runner.tables.load import load_runs
from runner.tables.statistics import Interval
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
    seconds: Number
    low: Number
    high: Number
    processes: NonNegativeInt

    @classmethod
    def of(cls, point: Point) -> Self:
        figure = point.figure or Interval(math.nan, math.nan, math.nan, 0)
        return cls(
            run=point.run, started=point.started, status=point.status, reason=point.reason,
            disturbance=point.disturbance, seconds=figure.seconds, low=figure.low,
            high=figure.high, processes=figure.repeats,
        )  # fmt: skip


class ChangeFields(Fields):
    """A column of which a step's two runs have other values."""

    column: str
    before: str
    after: str


class StepFields(Fields):
    """A step: the last run before it, the first after it, and its ratio of seconds."""

    before: str
    first: str
    earliest: str
    latest: str
    ratio: float
    ratio_low: float
    ratio_high: float
    changes: list[ChangeFields]
    text: str

    @classmethod
    def of(cls, step: SeriesStep) -> Self:
        ratio = step.step.ratio
        return cls(
            before=step.before, first=step.first, earliest=step.earliest, latest=step.latest,
            ratio=ratio.value, ratio_low=ratio.low, ratio_high=ratio.high,
            changes=[ChangeFields(column=c, before=a, after=b) for c, a, b in step.changes],
            text=step_text(step),
        )  # fmt: skip


class SeriesFields(Fields):
    """A cell over the runs; ``distinction`` tells it from other series of the same cell."""

    model: str
    configuration: str
    backend: str
    device: str
    settings: str
    distinction: str
    noise: Number
    sensitivity: Number
    runs: list[PointFields]
    steps: list[StepFields]

    @classmethod
    def of(cls, one: Series) -> Self:
        return cls(
            **one.cell, distinction=one.distinction, noise=one.noise, sensitivity=one.sensitivity,
            runs=list(map(PointFields.of, one.points)), steps=list(map(StepFields.of, one.steps)),
        )  # fmt: skip


class HistoryFields(Fields):
    """What ``history --json`` prints; docs/history.md describes it."""

    version: Literal[2] = Field(default=HISTORY_SCHEMA, alias="schema")
    series: list[SeriesFields]
    guard: GuardFields | None


def _write_json(shown: _Shown) -> None:
    series = list(map(SeriesFields.of, shown.series))
    print_fields(HistoryFields(series=series, guard=GuardFields.of(shown.guard)))


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
