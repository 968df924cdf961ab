"""Packs a run for others, and checks one that others packed."""

from pathlib import Path
from typing import Annotated

import typer

from runner import paths
from runner.cli import options

SHARE_EXAMPLES = (
    "python -m runner share",
    'python -m runner share before --by "A. Author" --output before.run.zip',
)
VERIFY_EXAMPLES = (
    "python -m runner verify latest",
    "python -m runner verify before.run.zip",
)


def share(
    run: options.ClusterRun = "latest",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="The file. [default: RUN.run.zip, here]"),
    ] = None,
    with_logs: Annotated[
        bool, typer.Option("--with-logs", help="Pack the jobs' logs too; read them first.")
    ] = False,
    licence: Annotated[
        str, typer.Option("--licence", help="On what terms others may use it.")
    ] = "CC-BY-4.0",
    author: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Whom the citation names.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="TEXT", help="It looks like a credential and is none; repeatable."
        ),
    ] = None,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Pack a run into one file for others, without names, paths, addresses and credentials.

    What was taken out is printed. The file holds the events, records and the table derived from
    them, each with its SHA-256, a licence and a citation. 'report', 'compare', 'history', 'site'
    and 'verify' take it as they take a run.
    """
    from runner.share.show import share_run

    share_run(run, results_dir, output, with_logs, licence, author, allow or ())


def verify(
    runs: options.Runs = options.LATEST,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Say whether the rows of runs, or of packs, derive from their events.

    The exit code is 1 if not. A pack that was changed since it was made is refused.
    """
    from runner.share.show import verify_runs

    raise typer.Exit(verify_runs(runs, results_dir))
