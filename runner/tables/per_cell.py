"""From the tidy table to one row per cell: seconds per epoch after the first."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from runner.spec.job import Status
from runner.tables.columns import CELL, SUMMARY_COLUMNS
from runner.tables.statistics import Interval, Seconds, cell_interval, steadiness_warnings
from runner.tables.variants import Codes, distinguished_jobs, jobs_of

# Of a job, what a figure rests on.
_FIGURE_COLUMNS = (
    "run", "job", *CELL, "status", "reason", "samples", "phase", "size", "data_source",
    "device_name", "keras_version", "disturbance", "unobserved",
)  # fmt: skip


def _is_short(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are of processes that trained on fewer samples than others of their cell.

    The first process of a cell in a run with a budget may have been too short to be timed.
    """
    by = [name for name in ("run", *CELL) if name in rows]
    most = rows.groupby(by, sort=False, dropna=False, observed=True)["samples"].transform("max")
    return (rows["samples"] < most).fillna(False).astype(bool)


def _is_spoilt(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are of disturbed processes, of cells that have two without them."""
    by = [name for name in CELL if name in rows]
    is_ok = rows["status"] == Status.OK
    disturbed = is_ok & rows["disturbance"].notna()
    calm = (rows["run"].astype(str) + "/" + rows["job"].astype(str)).where(
        is_ok & ~disturbed & (rows["epoch"] > 1).fillna(False)
    )
    keys = [rows[name].astype(str) for name in by]
    return disturbed & (calm.groupby(keys, sort=False).transform("nunique") >= 2)


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the processes that a cell's figure is made of.

    Left out are those that trained on fewer samples than others of their cell, and disturbed ones
    where two others of their cell were not.
    """
    rows = rows[~_is_short(rows)]
    return rows[~_is_spoilt(rows)]


# The columns of a summary that hold a cell's figure.
FIGURE_COLUMNS = ("seconds_per_epoch", "seconds_low", "seconds_high", "repeats")


def figure_of(
    cell: Mapping[Hashable, Any] | pd.Series, columns: Sequence[str] = FIGURE_COLUMNS
) -> Interval | None:
    """Return the figure that a row of ``summarize`` holds, None where it has no time."""
    seconds, low, high, repeats = (cell[name] for name in columns)
    if pd.isna(seconds):
        return None
    low, high = (math.nan if pd.isna(end) else float(end) for end in (low, high))
    return Interval(float(seconds), low, high, int(repeats))


def repeats_of(rows: pd.DataFrame) -> list[Seconds]:
    """Return the seconds of the epochs after the first, one array per ok job."""
    later = rows[(rows["status"] == Status.OK) & (rows["epoch"] > 1)]
    return [
        group["seconds"].to_numpy(dtype=float, na_value=np.nan)
        for _, group in later.groupby(["run", "job"], sort=False)
    ]


def _joined(values: pd.Series) -> str:
    return "/".join(sorted(values.dropna().astype(str).unique()))


def _in_jobs(jobs: pd.DataFrame, column: str = "disturbance") -> str | None:
    """Return in words what disturbed jobs, or what else a column says of them, or None."""
    reasons = jobs[column].dropna().str.split("; ").explode()
    counts = reasons.value_counts(sort=False)
    return (
        "; ".join(f"{text} (in {count} of {len(jobs)} jobs)" for text, count in counts.items())
        or None
    )


def _left_out(timed: pd.DataFrame) -> str | None:
    """Return of which jobs the epochs do not count because they were disturbed, in words."""
    disturbed = _in_jobs(timed[timed["samples"] == timed["samples"].max()])
    return f"left out: {disturbed}" if disturbed else None


def _first(values: pd.Series, places: Codes, count: int) -> Seconds:
    """Return the first of some rows' values for each job, NaN where it has none."""
    found = np.full(count, np.nan)
    found[places[::-1]] = values.to_numpy(dtype=float, na_value=np.nan)[::-1]
    return found


def _later(table: pd.DataFrame, places: Codes, count: int) -> list[Seconds]:
    """Return the seconds of the epochs after the first of each job."""
    is_later = (table["epoch"] > 1).fillna(False).to_numpy(dtype=bool)
    of_job = places[is_later]
    seconds = table["seconds"].to_numpy(dtype=float, na_value=np.nan)[is_later]
    order = np.argsort(of_job, kind="stable")
    counts = np.bincount(of_job, minlength=count)
    ends = np.cumsum(counts)
    return [seconds[order[end - n : end]] for end, n in zip(ends, counts, strict=True)]


def job_figures(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return a row per job: ``columns``, with its machine and variant told apart, and figures.

    ``epoch`` is the number of the last, ``later`` the seconds of the epochs after the first,
    ``first_seconds`` those of the first, ``last_val_accuracy`` the last epoch's.
    """
    jobs, places = jobs_of(table)
    jobs = jobs.assign(**distinguished_jobs(jobs))[list(columns)]
    last = table["epoch"].groupby(places).max().to_numpy(dtype=float, na_value=np.nan)
    epoch = table["epoch"].to_numpy(dtype=float, na_value=np.nan)
    is_first, is_last = epoch == 1, epoch == last[places]
    count = len(jobs)
    return jobs.assign(
        epoch=last,
        first_seconds=_first(table["seconds"][is_first], places[is_first], count),
        last_val_accuracy=_first(table["val_accuracy"][is_last], places[is_last], count),
        later=pd.Series(_later(table, places, count), index=jobs.index, dtype=object),
    )


def _cell(everything: pd.DataFrame, jobs: pd.DataFrame) -> dict[str, object]:
    """Return the figures of one cell: its ok jobs that count, or why it has none."""
    ok = jobs[(jobs["status"] == Status.OK) & jobs["epoch"].notna()]
    timed = (everything["status"] == Status.OK) & everything["epoch"].notna()
    bad = jobs[jobs["status"] != Status.OK]
    repeats = [seconds for seconds in ok["later"] if len(seconds)]
    found = cell_interval(repeats)
    disturbed, unobserved = _in_jobs(ok), _in_jobs(ok, "unobserved")
    warning = disturbed or _left_out(everything[timed])
    warnings = [*([warning] if warning else []), *steadiness_warnings(repeats, found)]
    return {
        "seconds_per_epoch": found.seconds if found else np.nan,
        "seconds_low": found.low if found else np.nan,
        "seconds_high": found.high if found else np.nan,
        "first_epoch_seconds": ok["first_seconds"].median(),
        "repeats": len(repeats),
        "epochs": sum(map(len, repeats)),
        "val_accuracy": ok["last_val_accuracy"].median(),
        "samples": ok["samples"].max(),
        "phase": _joined(jobs["phase"]),
        "size": _joined(jobs["size"]),
        "data_source": _joined(ok["data_source"]),
        "device_name": _joined(ok["device_name"]),
        "keras_version": _joined(ok["keras_version"]),
        "disturbance": disturbed,
        "unobserved": unobserved,
        "warnings": "; ".join(warnings),
        "status": str(Status.OK) if bad.empty else "/".join(sorted(bad["status"].unique())),
        "reason": None if bad.empty else bad["reason"].iloc[0],
    }


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model, configuration, backend, device and variant, in the table's order.

    ``seconds_per_epoch`` is the geometric mean over the ok jobs of each one's median over its
    epochs after the first, in seconds, ``seconds_low`` to ``seconds_high`` its 95 % interval over
    ``repeats`` processes and their ``epochs``, missing for one process; ``first_epoch_seconds``
    the median of the first epochs, which hold one-time work such as compilation. ``variant`` tells
    apart what several runs measured of other work or on other machines. ``disturbance`` says what
    held the jobs up, and ``warnings`` that and all else that is unsteady. A cell without an ok job
    has no time, but a ``status`` and a ``reason``.
    """
    table = job_figures(table, _FIGURE_COLUMNS)
    kept = dict(list(counted(table).groupby(CELL, sort=False)))
    order = {key: list(dict.fromkeys(table[key])) for key in ("model", "configuration", "backend")}
    cells = [
        {**dict(zip(CELL, key, strict=True)), **_cell(rows, kept[key])}
        for key, rows in table.groupby(CELL, sort=False)
    ]
    summary = pd.DataFrame(cells, columns=list(SUMMARY_COLUMNS))
    for key, values in order.items():
        summary[key] = pd.Categorical(summary[key], categories=values, ordered=True)
    return summary.sort_values(list(order)).reset_index(drop=True)
