"""Guards a history: whether a cell became slower by a step beyond what is allowed."""

import math
from collections.abc import Sequence

from runner.errors import UsageError, near_miss
from runner.tables.guard import Guard, GuardReason, Objection
from runner.tables.history.series import Series


def _runs_since(series: Series, runs: Sequence[str], since: str | None) -> set[str]:
    """Return the runs in which a new step counts; all without ``since``."""
    if since is None:
        return {point.run for point in series.points}
    if since not in runs:
        raise UsageError(f"--since '{since}': no such run here{near_miss(since, runs)}")
    return set(runs[list(runs).index(since) :])


def _against(series: Series, threshold: float, since: set[str]) -> list[Objection]:
    return [
        Objection(
            series.name,
            GuardReason.STEP,
            {
                "ratio": step.step.ratio.value,
                "low": step.step.ratio.low,
                "high": step.step.ratio.high,
                "first": step.first,
                "earliest": step.earliest,
                "latest": step.latest,
                "allowed": 1 + threshold,
            },
        )
        for step in series.steps
        if step.step.ratio.low > 1 + threshold and step.first in since
    ]


def judge_history(
    series: Sequence[Series], runs: Sequence[str], threshold: float, since: str | None
) -> Guard:
    """Return whether a history passes; ``threshold`` 0.05 allows a step of 5 % more seconds.

    It fails where the whole interval of a step is beyond that, and where there is nothing to judge
    by; undecided are series in which a step as small as that would not be found for sure. With
    ``since`` only steps whose first run is that one of ``runs`` or a later one count. Raises
    UsageError if it is none of them.
    """
    judged = [one for one in series if not math.isnan(one.sensitivity)]
    failures = [
        found for one in judged for found in _against(one, threshold, _runs_since(one, runs, since))
    ]
    unseen = [
        Objection(one.name, GuardReason.STEP_UNSEEN, {"sensitivity": one.sensitivity})
        for one in judged
        if one.sensitivity > threshold
    ]
    if not judged:
        failures.append(Objection("every cell", GuardReason.FEW_RUNS))
    return Guard(threshold, failures, unseen, len(judged), len(series))
