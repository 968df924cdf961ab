"""Where the chart of a series is drawn: its runs, their intervals, its stretches and its steps."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from runner.report.cells import figure_text, seconds_text
from runner.report.guard import percent_text
from runner.tables.history.series import Point, Series

# As narrow as a phone, so that no text is shrunk there.
WIDTH, HEIGHT = 380, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 22, 168
_TICKS = 4
_MARGIN = 0.06


def tick_values(least: float, most: float) -> list[float]:
    """Return about four round numbers from ``least`` to ``most``."""
    rough = (most - least) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(least / step)
    return [step * n for n in range(first, math.floor(most / step) + 1)]


class _Scale:
    """From a run's position and its seconds to a place in the chart."""

    def __init__(self, points: Sequence[Point]) -> None:
        figures = [point.figure for point in points if point.figure]
        ends = [end for f in figures for end in (f.seconds, f.low, f.high) if math.isfinite(end)]
        # An interval of two processes may be hundreds of times its figure.
        most_seen = max(f.seconds for f in figures)
        least, most = max(min(ends), 0.0), min(max(ends), 2 * most_seen)
        pad = _MARGIN * ((most - least) or most or 1.0)
        self.least, self.most = max(0.0, least - pad), most + pad
        self.runs = len(points)

    def x(self, position: float) -> float:
        share = (position + 0.5) / self.runs
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, seconds: float) -> float:
        share = (min(max(seconds, self.least), self.most) - self.least) / (self.most - self.least)
        return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)


def _dot(point: Point, position: int, scale: _Scale) -> dict[str, Any]:
    figure = point.figure
    assert figure is not None
    has_interval = math.isfinite(figure.low)
    note = f"; {point.disturbance}" if point.disturbance else ""
    return {
        "x": scale.x(position),
        "y": scale.y(figure.seconds),
        "ends": (scale.y(figure.high), scale.y(figure.low)) if has_interval else None,
        "label": f"{point.run}: {figure_text(figure)} s{note}",
        "counts": point.counts,
    }


def _stretches(series: Series, scale: _Scale) -> Iterator[dict[str, Any]]:
    """Yield each stretch between steps: where its line runs, and the step at its beginning."""
    place = {point.run: position for position, point in enumerate(series.points)}
    counting = series.counting
    ends = [0, *(step.step.first for step in series.steps), len(counting)]
    steps = [None, *series.steps]
    for begin, end, step in zip(ends, ends[1:], steps, strict=False):
        logs = [math.log(p.figure.seconds) for p in counting[begin:end] if p.figure]
        if not logs:
            return
        yield {
            "x": (scale.x(place[counting[begin].run]), scale.x(place[counting[end - 1].run])),
            "y": scale.y(math.exp(math.fsum(logs) / len(logs))),
            "step": percent_text(step.step.ratio.value) if step else None,
        }


def draw_series(series: Series) -> dict[str, Any] | None:
    """Return what the chart of a series draws; None where no run has a time."""
    if not any(point.figure for point in series.points):
        return None
    scale = _Scale(series.points)
    began = [(point.started or point.run)[:10] for point in series.points]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": _LEFT,
        "right": WIDTH - _RIGHT,
        "bottom": _BOTTOM,
        "top": _TOP,
        "ticks": [(scale.y(v), seconds_text(v)) for v in tick_values(scale.least, scale.most)],
        "began": (began[0], began[-1]),
        "dots": [
            _dot(point, position, scale)
            for position, point in enumerate(series.points)
            if point.figure
        ],
        "failed": [scale.x(n) for n, point in enumerate(series.points) if not point.figure],
        "radius": 3 if scale.runs <= 60 else 2,
        "stretches": list(_stretches(series, scale)),
    }
