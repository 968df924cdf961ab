"""Removes what the runner keeps on this machine, after showing it."""

from datetime import timedelta
from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.words import parse_age, parse_size

EXAMPLES = (
    "python -m runner clean --dry-run",
    "python -m runner clean --until-free 20G",
    "python -m runner clean --kind runs --older-than 30d --yes",
)


def clean(
    kind: options.Kinds = options.NONE,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="Keep the N most recently used of each kind.")
    ] = 0,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Only what lay unused, such as 30d."),
    ] = None,
    until_free: Annotated[
        str | None,
        typer.Option("--until-free", metavar="SIZE", help="Stop once that much is free: 20G."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; does not ask.")] = False,
    engine: options.Engine = None,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Remove images, environments, caches and old runs, least recently used first.

    Shows them and asks. What is in use stays, and so does what this runner did not make. Runs and
    data go only if named: --kind runs.
    """
    from runner.clean.items import Bounds
    from runner.clean.show import clean_up

    age = parse_age(older_than) if older_than is not None else timedelta()
    size = parse_size(until_free) if until_free is not None else None
    bounds = Bounds(keep, age, size)
    ended = clean_up(
        kind, bounds, engine, results_dir, is_dry=dry_run, is_agreed=yes, as_json=as_json
    )
    raise typer.Exit(ended)
