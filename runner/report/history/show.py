"""What the command that follows cells over time does: it loads runs and tells their history."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from runner.errors import ExitCode, UsageError, choose_names
from runner.report.console import err, out, print_labelled
from runner.report.history.page import write_history
from runner.report.history.words import (
    HISTORY_CAPTION,
    HISTORY_TITLE,
    gap_lines,
    history_table,
    run_table,
    spark_line,
    step_lines,
)
from runner.report.markdown import markdown_section, markdown_table
from runner.report.runs import read_places
from runner.report.terminal import print_table
from runner.report.verdict import grouped_lines
from runner.tables.history.judge import StepGuard, judge_history
from runner.tables.history.series import Point, Series, SeriesStep, read_series
from runner.tables.load import load_runs
from runner.words import parse_percentage

HISTORY_SCHEMA = 1


class HistoryForm(StrEnum):
    """How a history is printed."""

    TABLES = "tables"
    EACH_RUN = "each run"
    MARKDOWN = "markdown"
    JSON = "json"


@dataclass(frozen=True)
class _Told:
    """What is told: the series, and a guard's judgement with its threshold as a share."""

    series: Sequence[Series]
    allowed: float | None
    guard: StepGuard | None


def _tell(told: _Told) -> None:
    """Print a row for each series, and each step with what changed."""
    frame = history_table(told.series)
    if out.encoding.lower().startswith("utf"):
        frame["newest runs"] = [spark_line(one.points) for one in told.series]
    print_table(frame, HISTORY_TITLE)
    out.print(HISTORY_CAPTION, highlight=False)
    found = step_lines(told.series)
    out.print("\nSteps:" if found else "\nNo step was found.", highlight=False)
    for line, changes in found:
        out.print(f"  {line}", highlight=False)
        for change in changes:
            out.print(f"    {change}", highlight=False, style="dim")
    for line in gap_lines(told.series):
        out.print(line, highlight=False, style="yellow")


def _tell_each_run(told: _Told) -> None:
    for one in told.series:
        print_table(run_table(one), one.name)
    _tell(told)


def _tell_in_markdown(told: _Told) -> None:
    guard = told.guard
    steps = [f"{line}; {'; '.join(changes)}" for line, changes in step_lines(told.series)] or [
        "No step was found."
    ]
    failures = [f"{cell}: {why}" for cell, why in guard.failures] if guard else []
    parts = [
        f"# {HISTORY_TITLE}",
        markdown_table(history_table(told.series)),
        HISTORY_CAPTION,
        *markdown_section("The guard found", failures),
        *markdown_section("Steps", steps),
        *markdown_section("Runs that do not count", gap_lines(told.series)),
    ]
    sys.stdout.write("\n\n".join(parts) + "\n")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _point_fields(point: Point) -> dict[str, Any]:
    figure = point.figure
    return {
        "run": point.run,
        "started": point.started,
        "status": point.status,
        "reason": point.reason,
        "disturbance": point.disturbance,
        "seconds": figure.seconds if figure else None,
        "low": _number(figure.low) if figure else None,
        "high": _number(figure.high) if figure else None,
        "processes": figure.repeats if figure else 0,
    }


def _step_fields(step: SeriesStep) -> dict[str, Any]:
    ratio = step.step.ratio
    return {
        "before": step.before,
        "first": step.first,
        "earliest": step.earliest,
        "latest": step.latest,
        "ratio": ratio.value,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "changes": [{"column": c, "before": a, "after": b} for c, a, b in step.changes],
    }


def _series_fields(one: Series) -> dict[str, Any]:
    return {
        **one.cell,
        "told": one.told,
        "noise": _number(one.noise),
        "sensitivity": _number(one.sensitivity),
        "runs": [_point_fields(point) for point in one.points],
        "steps": [_step_fields(step) for step in one.steps],
    }


def _tell_in_json(told: _Told) -> None:
    """Print the same as one JSON value; docs/history.md describes it."""
    content: dict[str, Any] = {
        "schema": HISTORY_SCHEMA,
        "series": [_series_fields(one) for one in told.series],
    }
    if (guard := told.guard) is not None:
        content["guard"] = {
            "threshold": told.allowed,
            "passed": guard.passed,
            "judged": guard.judged,
            "failures": [{"cell": cell, "why": why} for cell, why in guard.failures],
            "unseen": [{"cell": cell, "why": why} for cell, why in guard.unseen],
        }
    sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


_TOLD: dict[HistoryForm, Callable[[_Told], None]] = {
    HistoryForm.TABLES: _tell,
    HistoryForm.EACH_RUN: _tell_each_run,
    HistoryForm.MARKDOWN: _tell_in_markdown,
    HistoryForm.JSON: _tell_in_json,
}


def _say(guard: StepGuard, allowed: str) -> None:
    """Say on standard error what the guard found, so that a log of CI holds it in any form."""
    for line in grouped_lines(guard.unseen, 0):
        print_labelled(err, "not seen for sure:", line, "yellow")
    for cell, why in guard.failures:
        print_labelled(err, "guard:", f"{cell}: {why}", "red")
    word, style = ("passed", "green") if guard.passed else ("failed", "red")
    told = f"guard at {allowed}: {word}; {guard.judged} of {guard.series} cells have runs enough"
    err.print(told, highlight=False, style=style)


def _chosen(table: pd.DataFrame, wanted: dict[str, list[str]]) -> pd.DataFrame:
    """Return the rows of the wanted configurations, models and backends."""
    for column, names in wanted.items():
        some = choose_names(names, list(dict.fromkeys(table[column])), column)
        table = table[table[column].isin(some)]
    if table.empty:
        raise UsageError("no job of the chosen configurations, models and backends")
    return table


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
    series = read_series(_chosen(table, wanted))
    guard = None if allowed is None else judge_history(series, runs, allowed, since)
    if html_file is None:
        _TOLD[form](_Told(series, allowed, guard))
    else:
        write_history(html_file, series)
        out.print(f"history: {html_file}", highlight=False, soft_wrap=True)
    if guard is None:
        return ExitCode.OK
    _say(guard, f"{threshold}")
    return ExitCode.OK if guard.passed else ExitCode.JOBS_NOT_OK
