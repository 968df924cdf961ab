"""From the tidy table to one row per cell: seconds per epoch after the first."""

import numpy as np
import pandas as pd

from runner.spec.job import Status
from runner.tables.columns import CELL, SUMMARY_COLUMNS
from runner.tables.statistics import Seconds, cell_interval, steadiness_warnings
from runner.tables.variants import with_variants

# What a figure rests on; each selection of rows copies every column that is there.
_OF_FIGURE = (
    "run", "job", *CELL, "status", "reason", "epoch", "seconds", "samples", "val_accuracy",
    "phase", "size", "data_source", "device_name", "keras_version", "disturbance",
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


def repeats_of(rows: pd.DataFrame) -> list[Seconds]:
    """Return the seconds of the epochs after the first, one array per ok job."""
    later = rows[(rows["status"] == Status.OK) & (rows["epoch"] > 1)]
    return [
        group["seconds"].to_numpy(dtype=float, na_value=np.nan)
        for _, group in later.groupby(["run", "job"], sort=False)
    ]


def _joined(values: pd.Series) -> str:
    return "/".join(sorted(values.dropna().astype(str).unique()))


def _disturbed(jobs: pd.DataFrame) -> str | None:
    """Return what disturbed jobs, in words, or None."""
    said = jobs["disturbance"].dropna().str.split("; ").explode()
    counts = said.value_counts(sort=False)
    return (
        "; ".join(f"{text} (in {count} of {len(jobs)} jobs)" for text, count in counts.items())
        or None
    )


def _left_out(rows: pd.DataFrame) -> str | None:
    """Return of which jobs the epochs do not count because they were disturbed, in words."""
    is_timed = (rows["status"] == Status.OK) & rows["epoch"].notna()
    jobs = rows[is_timed & (rows["samples"] == rows["samples"].max())]
    disturbed = _disturbed(jobs.drop_duplicates(["run", "job"]))
    return f"left out: {disturbed}" if disturbed else None


def _cell(everything: pd.DataFrame, rows: pd.DataFrame) -> dict[str, object]:
    """Return the figures of one cell: its ok jobs' epochs that count, or why it has none."""
    ok = rows[(rows["status"] == Status.OK) & rows["epoch"].notna()]
    last = ok[ok["epoch"] == ok.groupby(["run", "job"])["epoch"].transform("max")]
    bad = rows[rows["status"] != Status.OK].drop_duplicates(["run", "job"])
    repeats = repeats_of(rows)
    found = cell_interval(repeats)
    disturbed = _disturbed(ok.drop_duplicates(["run", "job"]))
    told = disturbed or _left_out(everything)
    warnings = [*([told] if told else []), *steadiness_warnings(repeats, found)]
    return {
        "seconds_per_epoch": found.seconds if found else np.nan,
        "seconds_low": found.low if found else np.nan,
        "seconds_high": found.high if found else np.nan,
        "first_epoch_seconds": ok.loc[ok["epoch"] == 1, "seconds"].dropna().median(),
        "repeats": len(repeats),
        "epochs": sum(map(len, repeats)),
        "val_accuracy": last["val_accuracy"].dropna().median(),
        "samples": ok["samples"].max(),
        "phase": _joined(rows["phase"]),
        "size": _joined(rows["size"]),
        "data_source": _joined(ok["data_source"]),
        "device_name": _joined(ok["device_name"]),
        "keras_version": _joined(ok["keras_version"]),
        "disturbance": disturbed,
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
    table = with_variants(table)[list(_OF_FIGURE)]
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
