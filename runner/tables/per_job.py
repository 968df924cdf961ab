"""From the tidy table to one row per job: its epochs, and where its wall time went."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from runner.spec.job import Status
from runner.tables.columns import PHASE_COLUMNS, PHASES

# The phase that ends with an event. A first epoch's gap also holds what fit() does before it; a job
# that predicts measures single batches where another has its test.
_ENDED_BY = {
    "data": "data", "model": "build", "latency": "test", "limits": "limits", "end": "test",
}  # fmt: skip


def job_phases(
    began: float, wall_seconds: float, events: Sequence[dict[str, Any]]
) -> dict[str, float]:
    """Return the seconds of each phase that was reached, by the names of ``COLUMNS``.

    ``began`` is the wall clock when the process was asked for. Empty where events have no ``at``.
    """
    timed = [event for event in events if event.get("at") is not None]
    if not timed or timed[0]["event"] != "start":
        return {}
    found = dict.fromkeys(PHASES, 0.0)
    found["import"] = timed[0]["import_seconds"]
    found["start"] = timed[0]["at"] - began - found["import"]
    for before, event in pairwise(timed):
        gap = event["at"] - before["at"]
        if event["event"] == "epoch" and event["epoch"] == 1:
            found["first_epoch"] = event["seconds"]
            found["set_up"] = gap - event["seconds"]
        elif event["event"] == "epoch":
            found["later_epochs"] += gap
        else:
            found[_ENDED_BY.get(event["event"], "teardown")] += gap
    found["teardown"] += began + wall_seconds - timed[-1]["at"]
    return {f"{name}_seconds": seconds for name, seconds in found.items()}


def phase_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per job: its phases in seconds, their sum, and the wall time they make up.

    ``rows`` is ``runner.tables.load.load_runs``'s. Jobs whose events carry no times are left out.
    """
    jobs = rows.drop_duplicates(["run", "job"])
    jobs = jobs[jobs["start_seconds"].notna()]
    names = list(PHASE_COLUMNS)
    return jobs[["run", "job", *names, "wall_seconds"]].assign(
        sum_seconds=jobs[names].sum(axis="columns")
    )


JOB = ["run", "job"]
_EPOCH_COLUMNS = [
    "epoch", "seconds", "epoch_paused_seconds", "loss", "accuracy", "val_loss", "val_accuracy",
]  # fmt: skip
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
            "stated_first": first,
            "stated_later": later.sum(),
        }
    )


def job_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per job: the columns that hold for all its rows, and what its epochs say.

    A job without phases keeps those that its events state alone; one that is running has no
    ``seconds_per_epoch``. ``unaccounted_seconds`` is the part of the wall
    time that no phase accounts for.
    """
    each = table.drop_duplicates(JOB).drop(columns=_EPOCH_COLUMNS)
    each = each.join(_epochs(table), on=JOB)
    # The epochs so far are no figure of the job: the next ones may differ.
    each["seconds_per_epoch"] = each["seconds_per_epoch"].mask(each["status"] == Status.RUNNING)
    for name, stated in zip(_TIMED, ("stated_first", "stated_later"), strict=True):
        each[name] = each[name].fillna(each[stated]) if name in each else each[stated]
    known = [name for name in PHASE_COLUMNS if name in each]
    accounted = each[known].astype("Float64").fillna(0.0).sum(axis="columns")
    each["unaccounted_seconds"] = (each["wall_seconds"] - accounted).clip(lower=0.0)
    return each.drop(columns=["stated_first", "stated_later"]).reset_index(drop=True)
