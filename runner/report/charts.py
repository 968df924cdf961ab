"""The two charts that people ask of a table: seconds per epoch, and curves over the epochs.

pandas draws them with matplotlib, which is an extra: ``pip install '.[plot]'``.
"""

from typing import Any

import numpy as np
import pandas as pd

from runner.errors import UsageError, choose_names
from runner.spec.job import Status
from runner.tables.per_cell import figure_of

CURVES = ("seconds", "loss", "accuracy", "val_loss", "val_accuracy")


def _labels(frame: pd.DataFrame) -> "pd.Series[str]":
    """Return what tells the cells of a model apart: the backend, or what else is needed."""
    backend, configuration = frame["backend"].astype(str), frame["configuration"].astype(str)
    is_enough = configuration.groupby(backend).nunique().max() == 1
    named = backend if is_enough else configuration + "/" + backend
    for name in ("machine", "variant"):
        label = frame[name].fillna("").astype(str)
        named = named + (" " + label).where(label != "", "")
    return named


def relative_seconds(summary: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Return each cell's seconds per epoch over the fastest's of its model, and error bars.

    The frame has a row per model and a column per backend. The error bars, of the shape (columns,
    2, rows), reach down and up to the ends of the 95 % intervals; 0 where there is none that tells
    anything.
    """
    timed = summary[summary["seconds_per_epoch"].notna()].copy()
    timed["label"] = _labels(timed)
    figures = ["seconds_per_epoch", "seconds_low", "seconds_high"]
    has_figure = [not one.tells_nothing for _, cell in timed.iterrows() if (one := figure_of(cell))]
    timed[figures] = timed[figures].astype(float)
    timed[figures[1:]] = timed[figures[1:]].where(pd.Series(has_figure, timed.index), axis="index")
    fastest = timed.groupby("model", observed=True)["seconds_per_epoch"].transform("min")
    timed[figures] = timed[figures].div(fastest, axis="index")
    order = [timed["model"].astype(str).unique(), timed["label"].unique()]
    value, low, high = (
        timed.astype({"model": str})
        .pivot_table(index="model", columns="label", values=name, dropna=False)
        .reindex(index=order[0], columns=order[1])
        for name in figures
    )
    down, up = (value - low).fillna(0), (high - value).fillna(0)
    bars = np.stack([down.to_numpy().T, up.to_numpy().T], axis=1)
    return value.rename_axis(columns=None), bars


def epoch_curves(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a row per epoch and a column per cell: the mean of ``column`` over the ok jobs.

    Raises UsageError for a column that has no value per epoch.
    """
    [column] = choose_names([column], CURVES, "curve")
    rows = table[(table["status"] == Status.OK) & table["epoch"].notna()].copy()
    rows["label"] = rows["model"].astype(str) + " " + _labels(rows)
    rows[column] = rows[column].astype(float)
    curves = rows.pivot_table(index="epoch", columns="label", values=column, sort=False)
    return curves.sort_index().rename_axis(columns=None)


def _drawn(frame: pd.DataFrame, **how: Any) -> Any:
    if frame.empty:
        raise UsageError("there is nothing to draw: no job of this table is ok")
    try:
        return frame.plot(**how)
    except ImportError as error:
        raise UsageError(
            "charts need matplotlib: install the extra with pip install '.[plot]'"
        ) from error


def draw_seconds(summary: pd.DataFrame) -> Any:
    """Draw a bar per cell of a summary, and return matplotlib's ``Axes``."""
    values, bars = relative_seconds(summary)
    return _drawn(
        values,
        kind="bar",
        yerr=bars,
        capsize=3,
        rot=0,
        xlabel="",
        ylabel="seconds per epoch, fastest = 1",
        title="Time per epoch relative to the fastest of each model, with 95 % intervals",
    )


def draw_epochs(table: pd.DataFrame, column: str) -> Any:
    """Draw a curve per cell of a table, and return matplotlib's ``Axes``."""
    curves = epoch_curves(table, column)
    label = column.replace("_", " ")
    return _drawn(curves, kind="line", marker=".", ylabel=label, title=f"{label} by epoch")
