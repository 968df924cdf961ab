"""From the tidy table of many runs to a series of each cell on each machine, and its steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from runner.spec.facts import decisive_facts
from runner.spec.job import Status
from runner.tables.between_runs import cell_differences
from runner.tables.columns import ASKED, CELL
from runner.tables.comparable import classes, facts_by
from runner.tables.history.steps import MOST_RUNS, Drift, Step, find_steps
from runner.tables.per_cell import counted
from runner.tables.statistics import Interval, Seconds, cell_interval

# A run may hold several machines: what one machine did in a run is a piece of it.
_PIECE = ["run", "device_name", "cpu_model"]
_POINT_COLUMNS = (
    "run", "job", *CELL, "status", "reason", "started", "epoch", "seconds", "samples",
    "disturbance",
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """What one run says of a cell: its figure, or its status and the reason why it has none.

    ``disturbance`` says what disturbed its jobs: such a run is shown, and no step rests on it.
    """

    run: str
    started: str | None
    figure: Interval | None
    status: str
    reason: str | None
    disturbance: str | None

    @property
    def counts(self) -> bool:
        """Return whether a step may rest on the run."""
        return self.figure is not None and self.figure.seconds > 0 and self.disturbance is None


@dataclass(frozen=True)
class SeriesStep:
    """A step of a series: the last run before it, the first after it, and what changed then.

    It may as well have come with any run from ``earliest`` to ``latest``. ``step.first`` is a
    position among the runs that count. ``changes`` has (column, before, after), as texts.
    """

    step: Step
    before: str
    first: str
    earliest: str
    latest: str
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Series:
    """A cell on one machine over the runs, oldest first.

    ``cell`` has the columns of ``ASKED``; ``machine`` is its device, or its processor;
    ``distinction`` what tells the series from others of its cell, such as the processor; ``noise``,
    ``sensitivity`` and ``drift`` are those of ``Stepped``.
    """

    cell: dict[str, str]
    machine: str
    distinction: str
    points: tuple[Point, ...]
    steps: tuple[SeriesStep, ...]
    noise: float
    sensitivity: float
    drift: Drift | None = None

    @property
    def name(self) -> str:
        """Return the cell's name in words."""
        cell = self.cell
        labels = ", ".join(filter(None, (cell["device"], cell["settings"], self.distinction)))
        return f"{cell['model']} {cell['configuration']}/{cell['backend']} ({labels})"

    @property
    def counting(self) -> list[Point]:
        """Return the runs that a step may rest on."""
        return [point for point in self.points if point.counts][-MOST_RUNS:]

    @property
    def newest(self) -> Point:
        """Return the newest run with a time, or without one where none has it."""
        timed = [point for point in self.points if point.figure]
        return (timed or self.points)[-1]


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _figures(kept: pd.DataFrame) -> dict[str, Interval | None]:
    """Return the figure of each run that has one, from the rows that count for it."""
    later = kept[(kept["status"] == Status.OK) & (kept["epoch"] > 1)]
    medians = later.groupby(["run", "job"], sort=False)["seconds"].median().astype(float)
    of_run: dict[str, list[Seconds]] = {}
    for run, median in zip(medians.index.get_level_values("run"), medians, strict=True):
        of_run.setdefault(str(run), []).append(np.array([median]))
    return {run: cell_interval(repeats) for run, repeats in of_run.items()}


def _points(rows: pd.DataFrame) -> tuple[Point, ...]:
    """Return what each run says of a cell, in the order of the rows."""
    rows = rows[[*_POINT_COLUMNS]]
    # Each run is judged alone: a calm one leaves no process of another out.
    kept = counted(rows.assign(variant=rows["run"]))
    figures = _figures(kept)
    jobs = rows.drop_duplicates(["run", "job"])
    bad = jobs[jobs["status"] != Status.OK].drop_duplicates("run")
    ended = {run: (status, _text(reason)) for run, status, reason in
             zip(bad["run"], bad["status"], bad["reason"], strict=True)}  # fmt: skip
    is_disturbed = (kept["status"] == Status.OK) & kept["disturbance"].notna()
    by_run = kept[is_disturbed].groupby("run", sort=False)["disturbance"]
    disturbed = {str(run): "; ".join(reasons.unique()) for run, reasons in by_run}
    first = jobs.drop_duplicates("run")
    return tuple(
        Point(
            run,
            _text(began),
            figures.get(run),
            *ended.get(run, (str(Status.OK), None)),
            disturbed.get(run),
        )
        for run, began in zip(first["run"], first["started"], strict=True)
    )


def words_apart(rows: pd.DataFrame, groups: Sequence[pd.DataFrame]) -> Iterator[list[str]]:
    """Yield for each of the groups of some rows what tells it from the others, fact by fact."""
    facts = decisive_facts()
    differing = [name for name in facts if rows[name].map(facts[name].decisive).nunique() > 1]
    for group in groups:
        values = [(name, _text(group[name].max())) for name in differing]
        is_device = ("device_name", "cpu_model")
        words = [
            v if n in is_device else f"{facts[n].label} {v}" for n, v in values if v is not None
        ]
        yield list(dict.fromkeys(words)) if len(groups) > 1 else []


def _changes(before: pd.DataFrame, after: pd.DataFrame) -> tuple[tuple[str, str, str], ...]:
    found = cell_differences(before, after)
    return tuple((str(one["column"]), str(one["a"]), str(one["b"])) for one in found)


def machine_name(rows: pd.DataFrame) -> str:
    """Return the name of the card or processor that rows of one machine were measured on."""
    return _text(rows["device_name"].max()) or _text(rows["cpu_model"].max()) or "unknown"


def _series(cell: dict[str, str], distinction: str, rows: pd.DataFrame) -> Series:
    """Return the series of a cell's rows on one machine."""
    machine = machine_name(rows)
    bare = Series(cell, machine, distinction, _points(rows), (), 0.0, 0.0)
    runs = [point.run for point in bare.counting]
    found = find_steps([point.figure.seconds for point in bare.counting if point.figure])
    steps = tuple(
        SeriesStep(
            step,
            runs[step.first - 1],
            runs[step.first],
            runs[step.earliest],
            runs[step.latest],
            _changes(*(rows[rows["run"] == runs[n]] for n in (step.first - 1, step.first))),
        )
        for step in found.steps
    )
    return replace(
        bare, steps=steps, noise=found.noise, sensitivity=found.sensitivity, drift=found.drift
    )


def _of_cell(cell: dict[str, str], rows: pd.DataFrame) -> Iterator[Series]:
    """Yield a cell's series, one for each machine and work."""
    pieces = rows[_PIECE].fillna("").agg("\n".join, axis="columns")
    facts = facts_by(rows, pieces)
    groups = [rows[pieces.isin(alike)] for alike in classes(list(facts), facts.__getitem__)]
    for group, words in zip(groups, words_apart(rows, groups), strict=True):
        yield _series(cell, ", ".join(words), group)


def read_series(table: pd.DataFrame) -> list[Series]:
    """Return the series of a table of ``load_runs``, whose runs are in the order of time.

    One for each model, configuration, backend, device and settings, and for each machine (device
    and processor) and work (threads, data source, samples and so on) of it: all that makes times
    incomparable. What else changes, such as a version, an image, a driver or a kernel, is what a
    series is there to show.
    """
    return [
        series
        for key, rows in table.groupby(ASKED, sort=False)
        for series in _of_cell(dict(zip(ASKED, map(str, key), strict=True)), rows)
    ]
