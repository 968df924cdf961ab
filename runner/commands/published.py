"""Prints what was published."""

from __future__ import annotations

from runner import options
from runner.commands.console import out

EXAMPLES = (
    "python -m runner published",
    "python -m runner published --study minimaxir2017",
    "python -m runner published | less -S",
)


def show_published(study: options.PrintedStudy = None) -> None:
    """Print the article's tables of 2017, or all figures of a published study."""
    from rich.markup import escape

    from runner import publications, report, studies

    found = studies.load(study or studies.DEFAULT)
    for line in report.study_lines(found) if study else []:
        out.print(escape(line), highlight=False, soft_wrap=True)
    for title, frame in (report.figure_tables if study else report.article_tables)(found):
        out.print(report.rich_table(frame, escape(title)))
    numbers = f"{found.numbers} " if found.numbers and not study else ""
    out.print(
        escape(
            f"{numbers}{publications.IN_A_PICTURE}: the number stands only in a picture of the "
            f"article. Sources, row by row: {found.folder}"
        ),
        highlight=False,
        soft_wrap=True,
    )
