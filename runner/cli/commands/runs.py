"""Lists the runs that are kept."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options

EXAMPLES = (
    "python -m runner runs",
    "python -m runner runs --limit 100 --json",
)


def list_kept_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest N runs.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one run a line.")] = False,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """List the runs that are kept, the newest last: when, what, where, and which was fastest."""
    from runner.report.runs import print_runs

    print_runs(results_dir, limit, as_json)
