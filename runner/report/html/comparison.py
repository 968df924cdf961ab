"""A comparison of two measurements as one HTML file: no script, nothing requested."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from runner.report.html.assets_of import rendered_page, save_page
from runner.tables.between_runs import cell_name

# As narrow as a phone, so that no text is shrunk there.
_WIDTH, _ROW, _MARGIN = 380, 58, 16
# A difference below this is drawn on the same scale as one of it.
_LEAST_SPAN = 1.1


@dataclass(frozen=True)
class ComparisonText:
    """A comparison in words: ``sides`` A and B, the ``rows`` of its table, its caption, and lists.

    ``sections`` are titles and their lines.
    """

    sides: list[str]
    rows: pd.DataFrame
    caption: str
    sections: list[tuple[str, list[str]]]


def _bar(cell: pd.Series, number: int, reach: float) -> dict[str, Any]:
    """Return where a cell's ratio and its interval are drawn, on a scale of logarithms."""

    def x(ratio: float) -> float:
        half = _WIDTH / 2 - _MARGIN
        return round(_WIDTH / 2 + half * math.log(ratio) / reach, 1)

    value, low, high = (float(cell[name]) for name in ("ratio", "ratio_low", "ratio_high"))
    has_interval = not math.isnan(low)
    return {
        "name": cell_name(cell),
        "text": f"{value:.3f}" + (f" ({low:.3f} to {high:.3f})" if has_interval else ""),
        "y": number * _ROW,
        "x": x(value),
        "ends": (x(low), x(high)) if has_interval else None,
        "verdict": str(cell["verdict"]),
    }


def ratio_bars(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what the chart of ratios draws of ``SideBySide.cells``; cells without one are none."""
    timed = cells[cells["ratio"].notna() & (cells["ratio"] > 0)]
    drawn = timed[["ratio", "ratio_low", "ratio_high"]].astype(float)
    logs = drawn.where(drawn > 0).apply(lambda column: column.map(math.log, na_action="ignore"))
    reach = max(math.log(_LEAST_SPAN), logs.abs().max().max()) if len(timed) else 1.0
    return [_bar(cell, number, reach) for number, (_, cell) in enumerate(timed.iterrows())]


def write_comparison(path: Path, text: ComparisonText, cells: pd.DataFrame) -> None:
    """Write the page for a comparison, whose ``cells`` are those of ``SideBySide``, to ``path``.

    Raises StoreError where it cannot be written.
    """
    bars = ratio_bars(cells)
    page = rendered_page(
        "comparison.html.j2",
        sides=text.sides,
        columns=list(text.rows.columns),
        rows=text.rows.to_numpy().tolist(),
        caption=text.caption,
        sections=[(title, lines) for title, lines in text.sections if lines],
        bars=bars,
        width=_WIDTH,
        height=len(bars) * _ROW,
        middle=_WIDTH / 2,
    )
    save_page(path, page)
