"""The files of the pages: their style, scripts and templates, and the page that is written."""

from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from runner.store.atomic import output_file
from runner.words import escaped_lines


def page_asset(name: str) -> str:
    """Return a file of ``assets/`` as text."""
    assets = resources.files("runner.report.html") / "assets"
    return assets.joinpath(name).read_text(encoding="utf-8")


def _finalize(value: Any) -> Any:
    """Make every value that a template prints visible; the page's own markup stays."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escaped_lines(value) if is_text else value


def page_template(name: str) -> jinja2.Template:
    """Return a template of ``assets/`` that escapes what it prints."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("runner.report.html", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def save_page(path: Path, page: str) -> None:
    """Write a page whole or not at all. Raises StoreError where it cannot be written."""
    with output_file(path) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")
