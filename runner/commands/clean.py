"""Removes what the runner keeps on this machine, after showing it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from runner import options, paths, units
from runner.commands.console import note, out
from runner.errors import ExitCode, UsageError

NONE: list[str] = []
EXAMPLES = (
    "python -m runner clean --dry-run",
    "python -m runner clean --until-free 20G",
    "python -m runner clean --kind runs --older-than 30d --yes",
)


def clean(
    kind: options.Kinds = NONE,
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
    from runner.cleaning import Bounds, choose
    from runner.commands.cleaning_up import (
        agrees,
        as_entry,
        carry_out,
        chosen_kinds,
        collect,
        free,
        print_json,
        show,
        silent,
        total_size,
    )

    kinds = chosen_kinds(kind)
    bounds = Bounds(
        keep,
        units.parse_age(older_than) if older_than is not None else timedelta(),
        units.parse_size(until_free) if until_free is not None else None,
    )
    can_ask = sys.stdin.isatty() and out.is_terminal and not as_json
    if not (dry_run or yes or can_ask):
        raise UsageError("nobody can be asked here; say --yes to remove, or --dry-run to look")
    now = datetime.now(UTC)
    plan = choose(collect(kinds, bool(kind), engine, results_dir), bounds, now, free)
    staying = [as_entry(item, "keep") for item in plan.staying]
    if not as_json:
        show(plan, now)
    if dry_run or not plan.going:
        if as_json:
            print_json([*(as_entry(item, "remove") for item in plan.going), *staying])
        return
    if not yes and not agrees(plan):
        out.print("nothing was removed", highlight=False)
        return
    done = carry_out(plan, silent if as_json else note)
    removed = [item for item, problem in done if problem is None]
    if as_json:
        went = [as_entry(i, "keep" if problem else "removed", problem) for i, problem in done]
        print_json([*went, *staying])
    else:
        out.print(f"removed {len(removed)}: at least {total_size(removed)}", highlight=False)
    raise typer.Exit(ExitCode.OK if len(removed) == len(done) else ExitCode.JOBS_NOT_OK)
