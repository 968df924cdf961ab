"""A history in words: its table, and a line for each step and what changed with it."""

import math
from collections.abc import Sequence

import pandas as pd

from runner.report.cells import FIGURE_CAPTION, figure_text
from runner.report.guard import percent_text, step_place_text, step_size_text
from runner.report.verdict import grouped_lines
from runner.tables.history.series import Point, Series, SeriesStep
from runner.tables.history.steps import FEWEST_RUNS
from runner.words import short_hashes

HISTORY_TITLE = "Seconds per epoch over the runs"
HISTORY_CAPTION = (
    f"newest: {FIGURE_CAPTION}. found from: a step as "
    f"large as that is found, and its run named, in 95 of 100, with five runs on either side. A "
    f"step needs {FEWEST_RUNS} runs on either side."
)
_BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_MOST_BLOCKS = 20
_IF_DIFFERENT = ("configuration", "device", "settings", "machine")


def _share_text(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.2g} %"


def spark_line(points: Sequence[Point]) -> str:
    """Return the newest runs as a line of bars, the slowest the highest."""
    seconds = [point.figure.seconds for point in points if point.figure][-_MOST_BLOCKS:]
    if len(seconds) < 2:
        return "-"
    least, most = min(seconds), max(seconds)
    span = (most - least) or 1.0
    return "".join(_BLOCKS[int((len(_BLOCKS) - 1) * (s - least) / span)] for s in seconds)


def history_table(series: Sequence[Series]) -> pd.DataFrame:
    """Return a row of text for each series."""
    rows = [
        {
            **{name: one.cell[name] for name in ("model", "backend", *_IF_DIFFERENT[:3])},
            "machine": one.distinction or "-",
            "runs": str(len(one.points)),
            "newest": figure_text(one.newest.figure),
            "found from": _share_text(one.sensitivity),
            "steps": "drift" if one.drift else str(len(one.steps)),
        }
        for one in series
    ]
    frame = pd.DataFrame(rows).astype("string")
    return frame.drop(columns=[name for name in _IF_DIFFERENT if frame[name].nunique() < 2])


def run_table(series: Series) -> pd.DataFrame:
    """Return a row of text for each run of a series, the oldest first."""
    steps = {step.first: percent_text(step.step.ratio.value) for step in series.steps}
    rows = [
        {
            "run": point.run,
            "began": (point.started or "unknown")[:16].replace("T", " "),
            "s per epoch": figure_text(point.figure) if point.figure else point.status,
            "processes": str(point.figure.repeats) if point.figure else "-",
            "step": steps.get(point.run, "-"),
            "note": point.disturbance or point.reason or "-",
        }
        for point in series.points
    ]
    return pd.DataFrame(rows).astype("string")


def place_text(step: SeriesStep) -> str:
    """Return from which run on a step holds, and which others it may as well be."""
    return step_place_text(step.first, step.earliest, step.latest)


def step_text(step: SeriesStep) -> str:
    """Return a step's size, and from which run on it holds."""
    ratio = step.step.ratio
    return f"{step_size_text(ratio.value, ratio.low, ratio.high)}, {place_text(step)}"


def change_texts(step: SeriesStep) -> list[str]:
    """Return what changed between the set-ups of the runs about a step, hashes cut short."""
    texts = [
        short_hashes(f"{column.replace('_', ' ')}: {a} -> {b}") for column, a, b in step.changes
    ]
    return texts or ["nothing that is recorded"]


def step_lines(series: Sequence[Series]) -> list[tuple[str, list[str]]]:
    """Return each step in a line, with the lines of what changed between its runs."""
    return [
        (
            f"{one.name}: {step_text(step)}",
            [f"changed after {step.before}: {text}" for text in change_texts(step)],
        )
        for one in series
        for step in one.steps
    ]


def drift_text(series: Series) -> str:
    """Return how much a drifting series changed in all, or nothing."""
    if series.drift is None:
        return ""
    ratio, counting = series.drift.ratio, series.counting
    size = step_size_text(ratio.value, ratio.low, ratio.high)
    return f"drifts: {size} over {series.drift.runs} runs, {counting[0].run} to {counting[-1].run}"


def drift_lines(series: Sequence[Series]) -> list[str]:
    """Return a line for each series that drifts."""
    return [f"{one.name}: {drift_text(one)}" for one in series if one.drift]


def gap_lines(series: Sequence[Series]) -> list[str]:
    """Return a line for every reason why runs do not count, with the cells and how many."""
    reasons = []
    for one in series:
        disturbed = sum(point.disturbance is not None for point in one.points)
        failed = sum(point.figure is None for point in one.points)
        counts = {"without a time": failed, "disturbed, so no step rests on them": disturbed}
        reasons += [(one.name, f"runs {how} ({n})") for how, n in counts.items() if n]
    return grouped_lines(reasons, len(series))
