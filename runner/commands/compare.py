"""Sets two measurements beside each other, and guards the second with an exit code."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import options, paths
from runner.errors import ExitCode, UsageError

NONE: list[str] = []
EXAMPLES = (
    "python -m runner compare 20261124-120000 latest",
    "python -m runner compare before.run after.run --threshold 5%",
)


def show_compared(
    a: Annotated[str, typer.Argument(metavar="A", help="The base: a run, or run1,run2.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What is set beside it.")],
    config: options.Configs = NONE,
    model: options.Models = NONE,
    backend: options.Backends = NONE,
    threshold: Annotated[
        str | None,
        typer.Option("--threshold", help="Exit 1 if B is slower by more than that, such as 5%."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Set two measurements side by side: what differs, and how much slower B is than A.

    Runs are named as for 'report': names, folders, or latest. With --threshold the exit code is 1
    if a cell is slower beyond it with its whole 95 % interval, if a cell with a time in A is
    missing or not ok in B, or if nothing could be judged.
    """
    from runner import repetition, results, side_by_side
    from runner.commands import comparing

    allowed = repetition.parse_percentage(threshold, "--threshold") if threshold else None
    sides = [comparing.folders_of(text, results_dir) for text in (a, b)]
    if {path.resolve() for path in sides[0]} & {path.resolve() for path in sides[1]}:
        raise UsageError("A and B hold the same run; name two different ones")
    loaded = [results.load(*folders) for folders in sides]
    names = [", ".join(dict.fromkeys(table["run"])) for table in loaded]
    tables = comparing.chosen(loaded, {"configuration": config, "model": model, "backend": backend})
    found = side_by_side.compare(*tables)
    guard = None if allowed is None else side_by_side.judge(found.cells, allowed)
    if as_json:
        typer.echo(comparing.as_json(found, names, guard, allowed))
    else:
        comparing.show(found, tables, names, guard)
    if guard is not None:
        comparing.say(guard, f"{threshold}")
        raise typer.Exit(ExitCode.OK if guard.passed else ExitCode.JOBS_NOT_OK)
