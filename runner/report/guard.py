"""What a guard found, in words and as JSON: of two measurements and of a history alike."""

from typing import Any

from runner.errors import ExitCode
from runner.report.console import err, print_labelled
from runner.report.fields import Fields, Number, Stated
from runner.report.verdict import grouped_lines
from runner.tables.guard import Guard, GuardReason, Objection
from runner.tables.history.steps import FEWEST_RUNS

_NO_INTERVAL = (
    "nothing could be judged: a verdict needs the same work on the same, undisturbed device, and "
    "on either side two processes (--repeats) and three epochs after the first"
)
_FEW_RUNS = (
    "nothing could be judged: a step needs at least "
    f"{FEWEST_RUNS} runs of a cell on either side, on one machine, with a time and undisturbed"
)
_UNDECIDED = {
    GuardReason.REACHES_OVER: "not decided:",
    GuardReason.STEP_UNSEEN: "not seen for sure:",
}


def percent_text(ratio: float) -> str:
    """Return a ratio of seconds as a change in per cent, such as "+10.2 %"."""
    return f"{100 * (ratio - 1):+.{1 if ratio < 2 else 0}f} %"


def step_size_text(ratio: float, low: float, high: float) -> str:
    """Return a step's size with its interval, as a change of the seconds."""
    word = "slower" if ratio > 1 else "faster"
    ends = f"{percent_text(low)} to {percent_text(high)}"
    return f"{word} by {percent_text(ratio).lstrip('+-')} ({ends})"


def step_place_text(first: str, earliest: str, latest: str) -> str:
    """Return from which run on a step holds, or between which it came where that is not certain."""
    if earliest == latest:
        return f"from {first} on"
    return f"with one of {earliest} to {latest} (95 %), most likely {first}"


def statuses_text(a: object, b: object, detail: object) -> str:
    """Return how the jobs of A and B ended."""
    return f"{a} in A, {b} in B" + (f": {detail}" if detail else "")


def objection_text(one: Objection) -> str:
    """Return why a cell must not pass, or what would tell whether it may."""
    found: dict[str, Any] = dict(one.values)
    match one.reason:
        case GuardReason.SLOWER:
            return (
                f"slower than the threshold allows: {found['ratio']:.3g} times A's "
                f"({found['low']:.3g} to {found['high']:.3g}), {found['allowed']:.4g} is allowed"
            )
        case GuardReason.MISSING:
            return "ok in A, missing in B"
        case GuardReason.NOT_OK:
            return statuses_text(**found)
        case GuardReason.REACHES_OVER:
            return f"the interval reaches to {found['high']:.3g}: more repeats would tell"
        case GuardReason.STEP:
            size = step_size_text(*(found[name] for name in ("ratio", "low", "high")))
            place = step_place_text(*(found[name] for name in ("first", "earliest", "latest")))
            return f"{size}, {place}; {100 * (found['allowed'] - 1):.4g} % is allowed"
        case GuardReason.IN_ALL:
            size = step_size_text(*(found[name] for name in ("ratio", "low", "high")))
            place = f"in all from {found['first']} to {found['latest']}"
            return f"{size}, {place}; {100 * (found['allowed'] - 1):.4g} % is allowed"
        case GuardReason.STEP_UNSEEN:
            return f"steps are found from {100 * found['sensitivity']:.2g} % on"
        case GuardReason.NO_INTERVAL:
            return _NO_INTERVAL
        case GuardReason.FEW_RUNS:
            return _FEW_RUNS


def failure_lines(guard: Guard | None) -> list[str]:
    """Return a line for each failure; none without a guard."""
    return [f"{one.cell}: {objection_text(one)}" for one in guard.failures] if guard else []


def tell_guard(guard: Guard, allowed: str, tally: str) -> ExitCode:
    """Say on standard error what a guard found, so that a log of CI holds it in any form.

    ``tally`` is how many cells it could judge. Returns the command's exit code.
    """
    for reason, label in _UNDECIDED.items():
        found = [(o.cell, objection_text(o)) for o in guard.undecided if o.reason is reason]
        for line in grouped_lines(found, 0):
            print_labelled(err, label, line, "yellow")
    for line in failure_lines(guard):
        print_labelled(err, "guard:", line, "red")
    word, style = ("passed", "green") if guard.passed else ("failed", "red")
    err.print(f"guard at {allowed}: {word}; {tally}", highlight=False, style=style)
    return ExitCode.OK if guard.passed else ExitCode.JOBS_NOT_OK


class ObjectionFields(Stated):
    """What speaks against a cell: its ``reason``, and the ``values`` that this rests on."""

    sentence = objection_text
    cell: str
    reason: GuardReason
    values: dict[str, Number | str]


class GuardFields(Fields):
    """A guard's judgement; ``threshold`` is a share."""

    threshold: float
    passed: bool
    judged: int
    cells: int
    failures: list[ObjectionFields]
    undecided: list[ObjectionFields]
