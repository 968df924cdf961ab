"""Prints the tables of runs again, or writes them as one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from runner import options, paths
from runner.commands.console import out

LATEST = ["latest"]
EXAMPLES = (
    "python -m runner report",
    "python -m runner report latest --html report.html",
    "python -m runner report 20261124-120000 20261125-090000 --markdown",
)


def show_report(
    runs: options.Runs = LATEST,
    results_dir: options.Results = paths.RESULTS,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown instead of tables.")
    ] = False,
    html_file: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file instead.")
    ] = None,
) -> None:
    """Print the table of one or several runs again, from what is on disk."""
    from runner import html as html_report
    from runner import report, results
    from runner.commands.tables import print_report
    from runner.summaries import summarize

    folders = [results.find(results_dir, name) for name in runs]
    table = results.load(*folders)
    if html_file is not None:
        html_report.write(html_file, table, folders)
        out.print(f"report: {html_file}", highlight=False, soft_wrap=True)
        return
    summary = summarize(table)
    if as_markdown:
        sys.stdout.write(report.markdown(table, summary))
    else:
        print_report(table, summary)
