"""Follows cells over the runs that are kept, and finds where they became slower."""

from pathlib import Path
from typing import Annotated

import typer

from runner import paths
from runner.cli import options

EXAMPLES = (
    "python -m runner history",
    "python -m runner history nightly/ --model mnist_cnn --html history.html",
    "python -m runner history nightly/ --fail-on-step 5% --since 20261124-120000",
)
_HERE = [paths.RESULTS]


def show_history(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="[FOLDER]...", help="Folders that hold runs, or runs."),
    ] = _HERE,
    config: options.Configs = options.NONE,
    model: options.Models = options.NONE,
    backend: options.Backends = options.NONE,
    fail_on_step: Annotated[
        str | None,
        typer.Option(
            "--fail-on-step", metavar="SHARE", help="Exit 1 if a step is slower by more: 5%."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="RUN", help="With --fail-on-step: only steps from that run on."
        ),
    ] = None,
    each_run: Annotated[
        bool, typer.Option("--each-run", help="Print the figure of every run, too.")
    ] = False,
    as_json: options.JsonInstead = False,
    as_markdown: options.MarkdownInstead = False,
    html_file: options.HtmlInstead = None,
) -> None:
    """Follow each cell on each machine over all runs: its figures, its steps, and what changed.

    With --fail-on-step the exit code is 1 if a cell became slower by a step that lies beyond it
    with its whole 95 % interval, or if no cell has runs enough.
    """
    from runner.report.history.show import HistoryForm, tell_history

    wanted = {"configuration": config, "model": model, "backend": backend}
    asked = {
        HistoryForm.JSON: as_json,
        HistoryForm.MARKDOWN: as_markdown,
        HistoryForm.EACH_RUN: each_run,
    }
    form = next((name for name, is_asked in asked.items() if is_asked), HistoryForm.TABLES)
    raise typer.Exit(tell_history(places, wanted, form, html_file, fail_on_step, since))
