"""From the tidy table to one row per cell: seconds per epoch after the first."""

import numpy as np
import pandas as pd

from runner.spec.job import Status
from runner.tables.columns import CELL
from runner.tables.statistics import Seconds, median_interval, steadiness_warnings


def repeats_of(rows: pd.DataFrame) -> list[Seconds]:
    """Return the seconds of the epochs after the first, one array per ok job."""
    later = rows[(rows["status"] == Status.OK) & (rows["epoch"] > 1)]
    return [
        group["seconds"].to_numpy(dtype=float, na_value=np.nan)
        for _, group in later.groupby(["run", "job"], sort=False)
    ]


def _joined(values: pd.Series) -> str:
    return "/".join(sorted(values.dropna().astype(str).unique()))


def _cell(rows: pd.DataFrame) -> dict[str, object]:
    """Return the figures of one cell: its ok jobs' epochs, or why it has none."""
    ok = rows[(rows["status"] == Status.OK) & rows["epoch"].notna()]
    last = ok[ok["epoch"] == ok.groupby(["run", "job"])["epoch"].transform("max")]
    bad = rows[rows["status"] != Status.OK].drop_duplicates(["run", "job"])
    repeats = repeats_of(rows)
    found = median_interval(repeats)
    return {
        "seconds_per_epoch": found.median if found else np.nan,
        "seconds_low": found.low if found else np.nan,
        "seconds_high": found.high if found else np.nan,
        "first_epoch_seconds": ok.loc[ok["epoch"] == 1, "seconds"].dropna().median(),
        "repeats": len(repeats),
        "epochs": sum(map(len, repeats)),
        "val_accuracy": last["val_accuracy"].dropna().median(),
        "samples": ok["samples"].max(),
        "data_source": _joined(ok["data_source"]),
        "device_name": _joined(ok["device_name"]),
        "warnings": "; ".join(steadiness_warnings(repeats, found)),
        "status": str(Status.OK) if bad.empty else "/".join(sorted(bad["status"].unique())),
        "reason": None if bad.empty else bad["reason"].iloc[0],
    }


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model, configuration, backend and device, in the order of the table.

    ``seconds_per_epoch`` is the median over the epochs after the first of all ok jobs, in
    seconds, ``seconds_low`` to ``seconds_high`` its 95 % bootstrap interval over ``repeats``
    processes and their ``epochs``; ``first_epoch_seconds`` the median of the first ones, which
    hold one-time work such as compilation. ``warnings`` says in words what is unsteady. A cell
    without an ok job has no time, but a ``status`` and a ``reason``.
    """
    order = {key: list(dict.fromkeys(table[key])) for key in ("model", "configuration", "backend")}
    cells = [
        {**dict(zip(CELL, key, strict=True)), **_cell(rows)}
        for key, rows in table.groupby(CELL, sort=False)
    ]
    summary = pd.DataFrame(cells)
    for key, values in order.items():
        summary[key] = pd.Categorical(summary[key], categories=values, ordered=True)
    return summary.sort_values(list(order)).reset_index(drop=True)
