"""Prints the tables of runs again, or writes them as one file."""

from pathlib import Path
from typing import Annotated

import typer

from runner import paths
from runner.cli import options

EXAMPLES = (
    "python -m runner report",
    "python -m runner report latest --html report.html",
    "python -m runner report 20261124-120000 20261125-090000 --markdown",
)


def show_report(
    runs: options.Runs = options.LATEST,
    results_dir: options.Results = paths.RESULTS,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown instead of tables.")
    ] = False,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file instead.")
    ] = None,
) -> None:
    """Print the table of one or several runs again, from what is on disk."""
    from runner.report.reprint import report_runs

    report_runs(runs, results_dir, as_markdown, html_file)
