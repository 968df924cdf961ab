"""What can be done with a run on a cluster: say how far it is, wait for it, end it."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options

STATUS_EXAMPLES = ("python -m runner status", "python -m runner status night --json")
COLLECT_EXAMPLES = ("python -m runner collect latest",)
CANCEL_EXAMPLES = ("python -m runner cancel night",)
_LATEST = "latest"


def status(
    run: options.ClusterRun = _LATEST,
    as_json: options.Json = False,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Say how many jobs of a run on a cluster wait, run and have ended, and on which nodes."""
    from runner.cli.on_cluster import show_status

    show_status(results_dir, run, as_json)


def collect(
    run: options.ClusterRun = _LATEST,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Wait until all jobs that a run handed in to a cluster have ended, and print its table.

    Nothing is handed in again: for that, and for what never was, take --resume.
    """
    from runner.cli import on_cluster
    from runner.progress.styles import chosen_style

    raise typer.Exit(on_cluster.wait_for_run(results_dir, run, chosen_style(quiet, as_json)))


def cancel(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run: a name, a folder, or latest.",
            autocompletion=options.offer_runs,
        ),
    ],
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """End all jobs of a run on a cluster: those that run, and those that wait."""
    from runner.cli import on_cluster

    on_cluster.cancel_tasks(results_dir, run)
