"""From the tidy table to one row per cell: seconds per epoch after the first."""

from __future__ import annotations

import pandas as pd

from runner.jobs import Status

CELL = ["model", "configuration", "backend", "device"]


def _cell(rows: pd.DataFrame) -> pd.Series:
    """Return the figures of one cell: its ok jobs' epochs, or why it has none."""
    ok = rows[(rows["status"] == Status.OK) & rows["epoch"].notna()]
    later = ok[ok["epoch"] > 1]
    last = ok[ok["epoch"] == ok.groupby("job")["epoch"].transform("max")]
    bad = rows[rows["status"] != Status.OK].drop_duplicates("job")
    return pd.Series(
        {
            "seconds_per_epoch": later["seconds"].median(),
            "first_epoch_seconds": ok.loc[ok["epoch"] == 1, "seconds"].median(),
            "epochs": len(later),
            "val_accuracy": last["val_accuracy"].median(),
            "samples": ok["samples"].max(),
            "data_source": "/".join(sorted(ok["data_source"].dropna().unique())),
            "device_name": "/".join(sorted(ok["device_name"].dropna().unique())),
            "status": Status.OK if bad.empty else "/".join(sorted(bad["status"].unique())),
            "reason": None if bad.empty else bad["reason"].iloc[0],
        }
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model, configuration, backend and device.

    ``seconds_per_epoch`` is the median over the epochs after the first of all ok jobs, in
    seconds; ``first_epoch_seconds`` the median of the first ones, which hold one-time work such
    as compilation. A cell without an ok job has no time, but a ``status`` and a ``reason``.
    """
    order = {key: list(dict.fromkeys(table[key])) for key in ("model", "configuration", "backend")}
    cells = [
        pd.concat([pd.Series(dict(zip(CELL, key, strict=True))), _cell(rows)])
        for key, rows in table.groupby(CELL, sort=False)
    ]
    summary = pd.DataFrame(cells)
    for key, values in order.items():
        summary[key] = pd.Categorical(summary[key], categories=values, ordered=True)
    return summary.sort_values(list(order)).reset_index(drop=True)
