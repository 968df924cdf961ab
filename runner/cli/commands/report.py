"""Prints the tables of runs again, or writes them as one file."""

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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as one JSON object.")
    ] = False,
    limits: Annotated[
        bool,
        typer.Option("--limits", help="Print FLOP/s of each cell beside the device's peak."),
    ] = False,
    html_file: options.HtmlInstead = None,
) -> None:
    """Print the answer and the tables of one or several runs again, from what is on disk."""
    from runner.report.reprint import Form, report_runs

    asked = {Form.MARKDOWN: as_markdown, Form.JSON: as_json, Form.LIMITS: limits}
    form = next((name for name, is_asked in asked.items() if is_asked), Form.TABLES)
    report_runs(runs, results_dir, form, html_file)
