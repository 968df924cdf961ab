"""How fast each cell is beside the fastest of its model: what the page's first chart draws."""

import math
from typing import Any

from runner.report.answer import obstacle_text
from runner.report.html.packed import plain_value
from runner.tables.columns import CELL
from runner.tables.statistics import Ratio, cell_interval
from runner.tables.verdicts import Answer, Contender, ModelVerdict


def _seconds(one: Contender) -> float:
    found = cell_interval(one.repeats)
    return found.seconds if found else math.inf


def _ratio(verdict: ModelVerdict, first: Contender, other: Contender) -> Ratio | None:
    """Return the verdict's ratio of the seconds of ``other`` to those of ``first``, if there is."""
    for pair in verdict.pairs:
        if (pair.fast.cell, pair.slow.cell) == (first.cell, other.cell):
            return pair.ratio
        if (pair.fast.cell, pair.slow.cell) == (other.cell, first.cell):
            return pair.ratio.inverse
    return None


def _row(verdict: ModelVerdict, first: Contender, other: Contender) -> dict[str, Any]:
    """Return a cell's speed, the fastest's being 1, with the interval that the verdict rests on."""
    found = _ratio(verdict, first, other)
    drawn = found if found and not found.tells_nothing else None
    return {
        **dict(zip(CELL, other.cell, strict=True)),
        "speed": plain_value(1 / found.value if found else _seconds(first) / _seconds(other)),
        "low": plain_value(1 / drawn.high) if drawn else None,
        "high": plain_value(1 / drawn.low) if drawn else None,
        "obstacle": plain_value(obstacle_text(other.obstacle)) if other.obstacle else None,
    }


def _chart(verdict: ModelVerdict) -> dict[str, Any] | None:
    timed = sorted((c for c in verdict.contenders if math.isfinite(_seconds(c))), key=_seconds)
    able = [one for one in timed if one.obstacle is None]
    if len(timed) < 2:
        return None
    first = (able or timed)[0]
    rows = [_row(verdict, first, other) for other in timed]
    ordered = sorted(rows, key=lambda row: -row["speed"])
    return {"model": verdict.model, "name": verdict.name, "rows": ordered}


def speed_charts(answer: Answer) -> list[dict[str, Any]]:
    """Return a chart per verdict on at least two cells with a time, its rows the fastest first.

    A row has the keys of ``CELL``; ``speed``, the seconds of the fastest cell that can be compared
    over its own; ``low`` and ``high``, the ends of its interval, None for the fastest itself and
    where the verdict has none; and ``obstacle``, why it could not be compared.
    """
    charts = [_chart(verdict) for verdict in answer.verdicts]
    return [chart for chart in charts if chart is not None]
