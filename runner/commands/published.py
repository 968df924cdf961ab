"""Prints what was published in 2017."""

from __future__ import annotations

from runner import paths
from runner.commands.console import out

EXAMPLES = ("python -m runner published", "python -m runner published | less -S")


def show_published() -> None:
    """Print the figures published in 2017, as the article's five tables."""
    from runner import report

    for title, frame in report.published_tables():
        out.print(report.rich_table(frame, title))
    out.print(
        "Notebook figures: whole-run time / epochs, from the author's own notebooks; -: none was "
        "found. image: the number stands only in a picture of the article. Sources, row by row: "
        f"{paths.PUBLISHED}",
        highlight=False,
        soft_wrap=True,
    )
