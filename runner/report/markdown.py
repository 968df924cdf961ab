"""The report of a run as Markdown, and the files of its summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from runner.report.answer import answer_lines
from runner.report.cells import detail_cells, limit_table, phase_table, pivot_cells
from runner.report.contents import Report
from runner.report.remedies import remedies_for
from runner.report.verdict import (
    caption_of,
    conditions_line,
    detail_title,
    difference_lines,
    reason_lines,
    verdict_lines,
    warning_lines,
)
from runner.store.atomic import whole_file
from runner.words import markdown_text

if TYPE_CHECKING:
    from runner.report.html.comparison import ComparisonText


def markdown_table(frame: pd.DataFrame) -> str:
    """Return a frame of text cells as a Markdown table."""
    rows = [[markdown_text(str(v)) for v in row] for row in frame.itertuples(index=False)]
    titles = [markdown_text(str(name)) for name in frame.columns]
    lines = [titles, ["---"] * len(frame.columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_section(title: str, lines: list[str]) -> list[str]:
    """Return a title and a list of lines, nothing where there is no line."""
    items = "\n".join(f"- {markdown_text(line)}" for line in lines)
    return [f"## {title}", items] if lines else []


def _table_section(title: str, frame: pd.DataFrame) -> list[str]:
    return [f"## {title}", markdown_table(frame)] if len(frame) else []


def markdown_report(report: Report) -> str:
    """Return the whole report of a run as Markdown."""
    table, summary = report.table, report.summary
    parts = [
        "# Seconds per epoch",
        markdown_table(pivot_cells(summary, report.answer.fastest)),
        *markdown_section("Which is fastest?", answer_lines(report.answer)),
        caption_of(summary),
        markdown_text(conditions_line(table)),
        *_table_section(detail_title(summary), detail_cells(summary)),
        *markdown_section("Does the published order hold?", verdict_lines(report.orders)),
        *markdown_section("Differences from the published set-up", difference_lines(table)),
        *_table_section("Distance to the limit", limit_table(table, summary)),
        *_table_section("Where the time went, in seconds", phase_table(table)),
        *markdown_section("Not steady", warning_lines(summary)),
        *markdown_section(
            "Without a time", [*reason_lines(summary), *remedies_for(summary["status"])]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def comparison_markdown(comparison: ComparisonText) -> str:
    """Return a comparison as Markdown, for the text of a pull request."""
    parts = [
        "# Seconds per epoch, A and B",
        "\n".join(f"- {markdown_text(side)}" for side in comparison.sides),
        markdown_table(comparison.rows),
        markdown_text(comparison.caption),
        *(part for title, lines in comparison.sections for part in markdown_section(title, lines)),
    ]
    return "\n\n".join(parts) + "\n"


def write_summary(folder: Path, report: Report) -> None:
    """Write the summary beside a run's table: CSV, Parquet and Markdown."""
    for name, write in (
        ("summary.csv", report.summary.to_csv),
        ("summary.parquet", report.summary.to_parquet),
    ):
        # An open file: not every library takes a path that is no UTF-8.
        with whole_file(folder / name) as partial, partial.open("wb") as file:
            write(file, index=False)
    with whole_file(folder / "summary.md") as partial:
        partial.write_text(markdown_report(report), encoding="utf-8")
