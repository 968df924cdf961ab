"""A history as one HTML file: no script, nothing requested."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.report.history.draw import draw_series
from runner.report.history.words import (
    HISTORY_CAPTION,
    HISTORY_TITLE,
    change_texts,
    drift_text,
    gap_lines,
    history_table,
    run_table,
    step_text,
)
from runner.report.html.assets_of import rendered_page, save_page
from runner.tables.history.series import Series


def series_section(series: Series, number: int) -> dict[str, Any]:
    """Return what a page says of a series: its chart, its steps, and the figure of each run."""
    return {
        "anchor": f"series-{number}",
        "name": series.name,
        "chart": draw_series(series),
        "steps": [
            *([(drift_text(series), [])] if series.drift else []),
            *((step_text(step), change_texts(step)) for step in series.steps),
        ],
        "runs": run_table(series),
        "machine": "",
        "links": {},
    }


def write_history(path: Path, series: Sequence[Series]) -> None:
    """Write the page for a history to ``path``. Raises StoreError where it cannot be written."""
    frame = history_table(series)
    page = rendered_page(
        "history.html.j2",
        title=HISTORY_TITLE,
        caption=HISTORY_CAPTION,
        columns=list(frame.columns),
        rows=frame.to_numpy().tolist(),
        sections=[series_section(one, number) for number, one in enumerate(series)],
        gaps=gap_lines(series),
    )
    save_page(path, page)
