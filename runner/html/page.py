"""The page: its sections as Jinja gets them, its data as the script gets it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from runner import comparison, config_files, job_table, phases, remedies, report
from runner.errors import ConfigurationError, StoreError
from runner.files import whole
from runner.html import folders as job_folders
from runner.html import frames, reproduction
from runner.html.packed import pack
from runner.html.text import embed, policy
from runner.jobs import Status
from runner.store import read_manifest
from runner.summaries import summarize
from runner.text import escaped_lines

_LIBRARIES = ("vendor/d3.min.js", "vendor/plot.umd.min.js")
_SCRIPTS = ("dom.js", "format.js", "table.js", "charts.js", "job.js", "main.js")


def _asset(name: str) -> str:
    return resources.files("runner.html").joinpath(f"assets/{name}").read_text(encoding="utf-8")


def _libraries() -> str:
    """Return what draws the charts, and the licences that go with every copy."""
    return "\n".join((f"/*\n{_asset('vendor/LICENSES')}*/", *map(_asset, _LIBRARIES)))


def _script() -> str:
    """Return the page's own script: its parts in one scope of their own."""
    parts = "\n".join(map(_asset, _SCRIPTS))
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _finalize(value: Any) -> Any:
    """Make every value that the template prints visible; the page's own markup stays."""
    return (
        escaped_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("runner.html", "assets"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _time(cell: pd.Series, seconds: str) -> str:
    """Return a cell's seconds, or why it has none; an asterisk where some of its jobs failed."""
    is_ok = cell["status"] == Status.OK
    if pd.notna(cell["seconds_per_epoch"]):
        return seconds if is_ok else f"{seconds}*"
    return "one epoch only" if is_ok else str(cell["status"])


def _pivot_cell(cell: pd.Series, text: pd.Series) -> dict[str, Any]:
    """Return one cell of the article's table: measured, published and their ratios, in words."""
    return {
        "time": _time(cell, text["seconds_per_epoch"]),
        "is_timed": bool(pd.notna(cell["seconds_per_epoch"])),
        "reason": cell["reason"] if pd.notna(cell["reason"]) else None,
        "spread": text["spread"].replace("+-", "\u00b1"),
        "ratio": text["measured_ratio"],
        "published": text["published"],
        "published_ratio": text["published_ratio"],
    }


def _pivot(summary: pd.DataFrame, own: list[comparison.Verdict]) -> dict[str, Any]:
    """Return the table as the article has it: models by backends, and what became of its order."""
    cells, texts = frames.cells(summary), report.short_cells(summary)
    rows: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
    for (_, cell), (_, text) in zip(cells.iterrows(), texts.iterrows(), strict=True):
        column = tuple(str(cell[name]) for name in ("backend", "configuration", "device"))
        rows.setdefault(str(cell["model"]), {})[column] = _pivot_cell(cell, text)
    columns = list(dict.fromkeys(column for found in rows.values() for column in found))
    judged = {verdict.model: verdict for verdict in own}
    return {
        "columns": columns,
        "rows": [
            {
                "model": model,
                "cells": [found.get(column) for column in columns],
                "verdict": judged.get(model),
            }
            for model, found in rows.items()
        ],
    }


def _stated(name: str, backends: Sequence[str]) -> dict[str, Any]:
    """Return the differences that a configuration's own file states in words."""
    if name not in config_files.names():
        return {"name": name, "title": "not among the configurations of this checkout", "texts": []}
    try:
        configuration = config_files.load([name])[0]
    except ConfigurationError as error:
        return {"name": name, "title": str(error), "texts": []}
    texts = [text for backend in backends for text in configuration.differences_of(backend)]
    return {
        "name": name,
        "title": configuration.title,
        "texts": list(dict.fromkeys(texts)),
    }


def _known_differences(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, per measured configuration, the differences that its own file states in words."""
    grouped = table.groupby("configuration", sort=False)["backend"]
    return [_stated(str(name), list(backends.unique())) for name, backends in grouped]


def _counts(jobs: pd.DataFrame) -> list[tuple[str, int, str]]:
    """Return how many jobs ended in each status, in their order, and what to do about it."""
    counted = jobs["status"].value_counts()
    return [
        (str(status), int(counted[status]), remedies.REMEDIES.get(status, ""))
        for status in Status
        if status in counted
    ]


def _data(table: pd.DataFrame, summary: pd.DataFrame, jobs: pd.DataFrame,
          extras: job_folders.Extras) -> dict[str, Any]:  # fmt: skip
    """Return what the script draws."""
    return {
        "jobs": pack(jobs.join(extras.rows)),
        "cells": pack(frames.cells(summary)),
        "phases": pack(frames.phase_medians(jobs)),
        "limits": pack(frames.distance(table, summary)),
        "telemetry": pack(frames.telemetry(jobs)),
        "curves": frames.curves(table),
        "job_telemetry": extras.telemetry,
        "phase_names": list(phases.PHASES),
        "published_titles": report.published_titles(summary),
    }


def render(table: pd.DataFrame, folders: Sequence[Path]) -> str:
    """Return the page for the runs in ``folders``, whose tidy table is ``table``."""
    runs = {str(read_manifest(folder)["run"]): folder for folder in folders}
    if len(runs) < len(folders):
        raise StoreError(f"{', '.join(map(str, folders))}: two of these are the same run")
    summary = summarize(table)
    jobs = job_table.jobs(table)
    verdicts = comparison.verdicts(summary)
    own = report.of_reproduced(verdicts)
    style, libraries, script = _asset("report.css"), _libraries(), _script()
    data = _data(table, summary, jobs, job_folders.read(jobs, runs))
    return _template().render(
        policy=policy((libraries, script), style),
        style=Markup(style),
        libraries=Markup(libraries),
        script=Markup(script),
        data=Markup(embed(data)),
        runs=[reproduction.of_run(folder, table) for folder in runs.values()],
        counts=_counts(jobs),
        conditions=report.conditions(table),
        published=report.published_name(summary),
        caption=report.caption(summary),
        pivot=_pivot(summary, own),
        other_verdicts=[verdict for verdict in verdicts if verdict not in own],
        differences=report.difference_lines(table),
        known_differences=_known_differences(table),
        warnings=[*frames.mixed(table), *report.warnings(summary)],
        has_limits=bool(data["limits"]["length"]),
        has_telemetry=bool(data["telemetry"]["length"]),
    )


def write(path: Path, table: pd.DataFrame, folders: Sequence[Path]) -> None:
    """Write the page for the runs in ``folders``, whose tidy table is ``table``, to ``path``."""
    page = render(table, folders)
    try:
        with whole(path) as partial:
            partial.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error}") from error
