"""From the tidy table to one row per job."""

from __future__ import annotations

import pandas as pd

from runner import phases

JOB = ["run", "job"]
_OF_EPOCH = ["epoch", "seconds", "loss", "accuracy", "val_loss", "val_accuracy"]
_TIMED = ["first_epoch_seconds", "later_epochs_seconds"]


def _epochs(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per job with what its epochs say, also where no event carries a time."""
    first = table[table["epoch"] == 1].groupby(JOB, sort=False)["seconds"].first()
    later = table[table["epoch"] > 1].groupby(JOB, sort=False)["seconds"]
    last = table.drop_duplicates(JOB, keep="last").set_index(JOB)
    return pd.DataFrame(
        {
            "seconds_per_epoch": later.median(),
            "epochs": table.groupby(JOB, sort=False)["epoch"].count(),
            "last_loss": last["loss"],
            "last_accuracy": last["accuracy"],
            "last_val_loss": last["val_loss"],
            "last_val_accuracy": last["val_accuracy"],
            "said_first": first,
            "said_later": later.sum(),
        }
    )


def jobs(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per job: the columns that hold for all its rows, and what its epochs say.

    Phases come from ``runner.phases``; a job without them keeps those its events state alone.
    ``untold_seconds`` is the part of the wall time that no phase accounts for.
    """
    each = table.drop_duplicates(JOB).drop(columns=_OF_EPOCH)
    each = each.join(_epochs(table), on=JOB)
    for name, said in zip(_TIMED, ("said_first", "said_later"), strict=True):
        each[name] = each[name].fillna(each[said]) if name in each else each[said]
    known = [name for name in phases.COLUMNS if name in each]
    told = each[known].astype("Float64").fillna(0.0).sum(axis="columns")
    each["untold_seconds"] = (each["wall_seconds"] - told).clip(lower=0.0)
    return each.drop(columns=["said_first", "said_later"]).reset_index(drop=True)
