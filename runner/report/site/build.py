"""Writes a site's pages to a folder, and says what it wrote."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.errors import StoreError
from runner.report.console import out
from runner.report.site.content import Site, page_name
from runner.report.site.pages import Pages
from runner.report.site.raw import csv_by_run

# By which a folder is known as one that this command made, and may make anew.
_MARK = ".keras-benchmark-site"
_PARTS = ("index.html", "models", "studies", "runs")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _ready(folder: Path) -> None:
    """Make a folder ready for the pages. Raises StoreError for one that holds other things."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / _MARK).is_file():
            raise StoreError(f"{folder}: holds other things than a site; name a new folder")
        (folder / _MARK).touch()
        for name in _PARTS:
            _remove(folder / name)
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: {error.strerror or error}") from error


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def build_site(folder: Path, places: Sequence[Path]) -> None:
    """Write a site of the runs at some places. Raises StoreError where there is none."""
    site = Site.of(places)
    pages = Pages(site)
    _ready(folder)
    count = 0
    try:
        for path, text in pages.render():
            _write(folder / path, text)
            count += 1
        for run, rows in csv_by_run(site.table):
            _write(folder / "runs" / f"{page_name(run)}.csv", rows)
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: {error.strerror or error}") from error
    out.print(
        f"site: {folder / 'index.html'}, {count} pages of {len(site.runs)} runs",
        highlight=False,
        soft_wrap=True,
    )
