"""Sets two measurements beside each other, and guards the second with an exit code."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options

EXAMPLES = (
    "python -m runner compare 20261124-120000 latest",
    "python -m runner compare before.run after.run --threshold 5%",
    "python -m runner compare before.run after.run --html comparison.html",
)


def compare_runs(
    a: Annotated[str, typer.Argument(metavar="A", help="The base: a run, or run1,run2.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What is set beside it.")],
    config: options.Configs = options.NONE,
    model: options.Models = options.NONE,
    backend: options.Backends = options.NONE,
    threshold: Annotated[
        str | None,
        typer.Option("--threshold", help="Exit 1 if B is slower by more than that, such as 5%."),
    ] = None,
    as_json: options.JsonInstead = False,
    as_markdown: options.MarkdownInstead = False,
    html_file: options.HtmlInstead = None,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Set two measurements side by side: what differs, and how much slower B is than A.

    Runs are named as for 'report': names, folders, or latest. With --threshold the exit code is 1
    if a cell is slower beyond it with its whole 95 % interval, if a cell with a time in A is
    missing or not ok in B, or if nothing could be judged.
    """
    from runner.report.compare_text import CompareForm, compare_and_tell

    wanted = {"configuration": config, "model": model, "backend": backend}
    asked = {CompareForm.JSON: as_json, CompareForm.MARKDOWN: as_markdown}
    form = next((name for name, is_asked in asked.items() if is_asked), CompareForm.TABLES)
    raise typer.Exit(compare_and_tell((a, b), results_dir, wanted, threshold, form, html_file))
