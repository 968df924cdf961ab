"""Fetches, checks and lists the real data sets."""

from __future__ import annotations

import typer

from runner import paths
from runner.commands.console import err, out
from runner.errors import ExitCode

EXAMPLES = (
    "python -m runner data list",
    "python -m runner data fetch",
    "python -m runner data verify",
)

app = typer.Typer(help="Fetch, check and list the real data sets.", no_args_is_help=True)


@app.command("fetch")
def fetch() -> None:
    """Download the real data sets into the cache and check them."""
    from runner import data as datasets

    for item in datasets.DOWNLOADS.values():
        path = datasets.fetch(item, paths.cache(), progress=err.is_terminal)
        out.print(f"{item.dataset}: ok {path}", highlight=False, soft_wrap=True)


@app.command("verify")
def verify() -> None:
    """Check the hashes of the files in the cache. Exit 3 if one is missing or wrong."""
    from runner import data as datasets

    found = list(datasets.states(paths.cache()))
    for item, path, state in found:
        out.print(f"{item.dataset}: {state} {path}", highlight=False, soft_wrap=True)
    raise typer.Exit(ExitCode.OK if all(state == "ok" for *_, state in found) else ExitCode.MACHINE)


@app.command("list")
def list_all() -> None:
    """List the data sets, their hashes and where they come from."""
    from runner import data as datasets

    for item in datasets.DOWNLOADS.values():
        size = f"{item.size:,} bytes" if item.size else "size not published"
        out.print(f"{item.dataset}: {item.name}, {size}, sha256 {item.sha256}", highlight=False,
                  soft_wrap=True)  # fmt: skip
        for url in item.urls:
            out.print(f"  {url}", highlight=False, soft_wrap=True)
