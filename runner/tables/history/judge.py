"""Guards a history: whether a cell became slower, by a step or in all, beyond what is allowed."""

import math
from collections.abc import Sequence
from operator import attrgetter

from runner.errors import UsageError, near_miss
from runner.tables.guard import Guard, GuardReason, Objection
from runner.tables.history.series import Series
from runner.tables.statistics import Ratio


def _runs_since(series: Series, runs: Sequence[str], since: str | None) -> set[str]:
    """Return the runs in which a new step counts; all without ``since``."""
    if since is None:
        return {point.run for point in series.points}
    if since not in runs:
        raise UsageError(f"--since '{since}': no such run here{near_miss(since, runs)}")
    return set(runs[list(runs).index(since) :])


def _in_all(series: Series, since: set[str]) -> Ratio | None:
    """Return how much slower a cell became since a run: by its drift, or by all steps together."""
    if series.drift is not None:
        within = sum(point.run in since for point in series.counting[-series.drift.runs :])
        return series.drift.over(within) if within > 1 else None
    steps = [step.step.ratio for step in series.steps if step.latest in since]
    if len(steps) < 2:
        return None
    return Ratio(*(math.prod(map(attrgetter(name), steps)) for name in ("value", "low", "high")))


def _against_all(series: Series, threshold: float, since: set[str]) -> list[Objection]:
    """Return whether what became slower little by little is too much in all.

    A drift is certain as such; of steps their least must be too much.
    """
    found = _in_all(series, since)
    if found is None:
        return []
    if (found.value if series.drift else found.low) <= 1 + threshold:
        return []
    runs = [point.run for point in series.counting if point.run in since]
    values: dict[str, float | str | None] = {
        "ratio": found.value, "low": found.low, "high": found.high, "first": runs[0],
        "latest": runs[-1], "allowed": 1 + threshold,
    }  # fmt: skip
    return [Objection(series.name, GuardReason.IN_ALL, values)]


def _against(series: Series, threshold: float, since: set[str]) -> list[Objection]:
    """Return the steps that are too much; one counts where it may have come since then."""
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
        if step.step.ratio.low > 1 + threshold and step.latest in since
    ] or _against_all(series, threshold, since)


def judge_history(
    series: Sequence[Series], runs: Sequence[str], threshold: float, since: str | None
) -> Guard:
    """Return whether a history passes; ``threshold`` 0.05 allows a step of 5 % more seconds.

    It fails where the whole interval of a step is beyond that, where a drift or several steps are
    in all, and where there is nothing to judge by; undecided are series in which a step as small as
    that would not be found for sure. With ``since`` only what may have come with that one of
    ``runs`` or a later one counts. Raises UsageError if it is none of them.
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
