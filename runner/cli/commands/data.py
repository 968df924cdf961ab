"""Fetches, checks and lists the real data sets."""

import typer

EXAMPLES = (
    "python -m runner data list",
    "python -m runner data fetch",
    "python -m runner data verify",
)
app = typer.Typer(help="Fetch, check and list the real data sets.", no_args_is_help=True)


@app.command("fetch")
def data_fetch() -> None:
    """Download the real data sets into the cache and check them."""
    from runner.cli.data_sets import fetch_all

    fetch_all()


@app.command("verify")
def data_verify() -> None:
    """Check the hashes of the files in the cache. Exit 3 if one is missing or wrong."""
    from runner.cli.data_sets import verify_all

    raise typer.Exit(verify_all())


@app.command("list")
def data_list() -> None:
    """List the data sets, their hashes and where they come from."""
    from runner.cli.data_sets import print_all

    print_all()
