"""Prints the JSON schemas of what is kept and printed."""

from typing import Annotated

import typer

EXAMPLES = (
    "python -m runner schema",
    "python -m runner schema event",
)


def show_schema(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A schema; without one, their list.")
    ] = None,
) -> None:
    """Print the JSON schema of a run's files, or of what a command prints with --json."""
    from runner.report.schemas import print_schemas

    print_schemas(name)
