"""Where a job's wall time went: from the process's start to its removal, with nothing left over.

Every event says when it was written (``at``, wall clock), so the phases are differences between
neighbours and add up to the wall time by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

# The order in which they happen. Epochs hold their validation, as everywhere.
PHASES = (
    "start",
    "import",
    "data",
    "build",
    "set_up",
    "first_epoch",
    "later_epochs",
    "limits",
    "test",
    "teardown",
)
COLUMNS = {f"{name}_seconds": "Float64" for name in PHASES}

# The phase that ends with an event. A first epoch's gap also holds what fit() does before it.
_ENDED_BY = {"data": "data", "model": "build", "limits": "limits", "end": "test"}


def of_job(began: float, wall_seconds: float, events: Sequence[dict[str, Any]]) -> dict[str, float]:
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


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per job: its phases in seconds, their sum, and the wall time they make up.

    ``rows`` is ``runner.results.load``'s. Jobs whose events carry no times are left out.
    """
    jobs = rows.drop_duplicates(["run", "job"])
    jobs = jobs[jobs["start_seconds"].notna()]
    names = list(COLUMNS)
    return jobs[["run", "job", *names, "wall_seconds"]].assign(
        sum_seconds=jobs[names].sum(axis="columns")
    )
