"""Guards a history: whether a cell became slower by a step beyond what is allowed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import UsageError, near_miss
from runner.tables.history.series import Series, SeriesStep
from runner.tables.history.steps import FEWEST_RUNS

_NOTHING_JUDGED = (
    "nothing could be judged: a step needs at least "
    f"{FEWEST_RUNS} runs of a cell on either side, on one machine, with a time and undisturbed"
)


@dataclass(frozen=True)
class StepGuard:
    """What speaks against a history: ``failures``, pairs of a cell's name and a reason.

    ``unseen`` are series in which a step as small as the threshold would not be found for sure;
    ``judged`` of ``series`` have runs enough to find any.
    """

    failures: list[tuple[str, str]]
    unseen: list[tuple[str, str]]
    judged: int
    series: int

    @property
    def passed(self) -> bool:
        """Return whether nothing speaks against it."""
        return not self.failures


def percent_text(ratio: float) -> str:
    """Return a ratio of seconds as a change in per cent, such as "+10.2 %"."""
    return f"{100 * (ratio - 1):+.{1 if ratio < 2 else 0}f} %"


def step_size_text(step: SeriesStep) -> str:
    """Return a step's size with its interval, as a change of the seconds."""
    ratio = step.step.ratio
    word = "slower" if ratio.value > 1 else "faster"
    ends = f"{percent_text(ratio.low)} to {percent_text(ratio.high)}"
    return f"{word} by {percent_text(ratio.value).lstrip('+-')} ({ends})"


def step_place_text(step: SeriesStep) -> str:
    """Return from which run on a step holds, and which others it may as well be."""
    said = f"from {step.first} on"
    if step.earliest == step.latest:
        return said
    return f"{said}, or from any of {step.earliest} to {step.latest}"


def _runs_since(series: Series, runs: Sequence[str], since: str | None) -> set[str]:
    """Return the runs in which a new step counts; all without ``since``."""
    if since is None:
        return {point.run for point in series.points}
    if since not in runs:
        raise UsageError(f"--since '{since}': no such run here{near_miss(since, runs)}")
    return set(runs[list(runs).index(since) :])


def _against(series: Series, threshold: float, since: set[str]) -> list[str]:
    return [
        f"{step_size_text(step)}, {step_place_text(step)}; {100 * threshold:.4g} % is allowed"
        for step in series.steps
        if step.step.ratio.low > 1 + threshold and step.first in since
    ]


def judge_history(
    series: Sequence[Series], runs: Sequence[str], threshold: float, since: str | None
) -> StepGuard:
    """Return whether a history passes; ``threshold`` 0.05 allows a step of 5 % more seconds.

    It fails where the whole interval of a step is beyond that, and where there is nothing to judge
    by. With ``since`` only steps whose first run is that one of ``runs`` or a later one count.
    Raises UsageError if it is none of them.
    """
    judged = [one for one in series if not math.isnan(one.sensitivity)]
    failures = [
        (one.name, why)
        for one in judged
        for why in _against(one, threshold, _runs_since(one, runs, since))
    ]
    unseen = [
        (one.name, f"steps are found from {100 * one.sensitivity:.2g} % on")
        for one in judged
        if one.sensitivity > threshold
    ]
    if not judged:
        failures.append(("every cell", _NOTHING_JUDGED))
    return StepGuard(failures, unseen, len(judged), len(series))
