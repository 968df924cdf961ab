"""Writes a site's pages to a folder, and says what it wrote."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.errors import StoreError
from runner.report.console import out
from runner.report.site.content import Site, page_name
from runner.report.site.pages import Pages

# By which a folder is known as one that this command made, and may make anew.
_MARK = ".keras-benchmark-site"
_PARTS = ("index.html", "models", "studies", "runs")


def _ready(folder: Path) -> None:
    """Make a folder ready for the pages. Raises StoreError for one that holds other things."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise StoreError(f"{folder}: holds other things than a site; name a new folder")
    (folder / _MARK).touch()
    for path in (folder / name for name in _PARTS):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def build_site(folder: Path, places: Sequence[Path]) -> None:
    """Write a site of the runs at some places. Raises StoreError where there is none."""
    site = Site.of(places)
    pages = Pages(site)
    count = 0
    try:
        _ready(folder)
        for path, text in pages.render():
            _write(folder / path, text)
            count += 1
        for run, rows in site.table.groupby("run", sort=False):
            text = rows.to_csv(index=False, lineterminator="\n")
            _write(folder / "runs" / f"{page_name(str(run))}.csv", text)
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: {error.strerror or error}") from error
    out.print(
        f"site: {folder / 'index.html'}, {count} pages of {len(site.runs)} runs",
        highlight=False,
        soft_wrap=True,
    )
