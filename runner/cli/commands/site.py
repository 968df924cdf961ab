"""Writes static pages from many runs."""

from pathlib import Path
from typing import Annotated

import typer

from runner import paths

EXAMPLES = (
    "python -m runner site public/",
    "python -m runner site public/ nightly/ from-others/",
)
_HERE = [paths.RESULTS]


def write_site(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the pages go.")],
    places: Annotated[
        list[Path],
        typer.Argument(metavar="[RUNS]...", help="Folders of runs or packs, or single ones."),
    ] = _HERE,
) -> None:
    """Write pages from many runs: an index, the history of each model, each run, each study.

    They are opened from disk or from any web server and request nothing. Names, paths and
    addresses are taken out, as by 'share'.
    """
    from runner.report.site.build import build_site

    build_site(folder, places)
