"""The files of the pages: their style, scripts and templates, and the page that is written."""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from runner.report.html.embedded import content_policy
from runner.store.atomic import output_file
from runner.words import escaped_lines


@cache
def page_asset(name: str) -> str:
    """Return a file of ``assets/`` as text."""
    assets = resources.files("runner.report.html") / "assets"
    return assets.joinpath(name).read_text(encoding="utf-8")


def _finalize(value: Any) -> Any:
    """Make every value that a template prints visible; the page's own markup stays."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escaped_lines(value) if is_text else value


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("runner.report.html", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def rendered_page(template: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """Return the page of a template of ``assets/``, which escapes what it prints.

    It has our style sheet and ``scripts``, and a policy under which nothing else works.
    """
    style = page_asset("report.css")
    return (
        _templates()
        .get_template(template)
        .render(
            policy=content_policy(scripts, style),
            style=Markup(style),  # noqa: S704 - our own file
            scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own files
            **values,
        )
    )


def save_page(path: Path, page: str) -> None:
    """Write a page whole or not at all. Raises StoreError where it cannot be written."""
    with output_file(path) as partial:
        partial.write_text(page, encoding="utf-8", newline="\n")
