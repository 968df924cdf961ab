"""The page: its sections as Jinja gets them, its data as the script gets it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from runner.errors import ConfigurationError
from runner.report.answer import answer_lines
from runner.report.cells import (
    figure_text,
    published_name,
    published_titles,
    short_cells,
    spread_text,
    studies_beside,
    time_text,
)
from runner.report.contents import Report
from runner.report.html.assets_of import page_asset, rendered_page, save_page
from runner.report.html.embedded import embedded_json, embedded_parquet
from runner.report.html.folders import Extras, read_extras
from runner.report.html.frames import (
    curve_frames,
    distance_frame,
    mixed_lines,
    phase_medians,
    telemetry_frame,
)
from runner.report.html.packed import pack_frame
from runner.report.html.reproduction import reproduction_of
from runner.report.html.speeds import speed_charts
from runner.report.remedies import REMEDIES
from runner.report.verdict import (
    caption_of,
    conditions_line,
    difference_lines,
    of_reproduced,
    warning_lines,
)
from runner.spec.axes import declared_axes
from runner.spec.configuration import configuration_names, load_configurations
from runner.spec.job import Status
from runner.store.record import read_manifest
from runner.tables.against_published import OrderVerdict
from runner.tables.columns import CELL, PHASES
from runner.tables.distance import throughput_rows
from runner.tables.per_cell import figure_of
from runner.tables.per_job import job_rows
from runner.tables.variants import varied_axes

_LIBRARIES = ("vendor/d3.min.js", "vendor/plot.umd.min.js")
_SCRIPTS = ("dom.js", "format.js", "table.js", "charts.js", "job.js", "main.js")


_PIVOTED = ("backend", "configuration", "device", "settings", "machine", "variant")


def _pivot(report: Report, own: list[OrderVerdict]) -> dict[str, Any]:
    """Return the table as the article has it: models by backends, and what became of its order."""
    summary, fastest = report.summary, report.answer.fastest
    cells, texts = summary, short_cells(summary)
    rows: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
    for (_, cell), (_, text) in zip(cells.iterrows(), texts.iterrows(), strict=True):
        column = tuple(str(cell[name]) for name in _PIVOTED)
        rows.setdefault(str(cell["model"]), {})[column] = {
            "time": time_text(cell),
            "is_timed": bool(pd.notna(cell["seconds_per_epoch"])),
            "is_fastest": tuple(str(cell[name]) for name in CELL) in fastest,
            "reason": cell["reason"] if pd.notna(cell["reason"]) else None,
            "spread": text["spread"].replace("+-", "\u00b1"),
            "ratio": text["measured_ratio"],
            "published": text["published"],
            "published_ratio": text.get("published_ratio", "-"),
        }
    columns = list(dict.fromkeys(column for found in rows.values() for column in found))
    return {
        "columns": columns,
        "is_partial": any(
            "*" in shown["time"] for found in rows.values() for shown in found.values()
        ),
        "rows": [
            {
                "model": model,
                "cells": [found.get(column) for column in columns],
                "verdicts": [verdict for verdict in own if verdict.model == model],
            }
            for model, found in rows.items()
        ],
    }


def _known_differences(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield, per measured configuration, the differences that its own file states in words."""
    known = configuration_names()
    for name, backends in table.groupby("configuration", sort=False)["backend"]:
        title, texts = "not among the configurations of this checkout", []
        if name in known:
            try:
                [found] = load_configurations([str(name)])
                title = found.title
                texts = [text for one in backends.unique() for text in found.differences_of(one)]
            except ConfigurationError as error:
                title = str(error)
        yield {"name": name, "title": title, "texts": list(dict.fromkeys(texts))}


def _counts(jobs: pd.DataFrame) -> list[tuple[str, int, str]]:
    """Return how many jobs ended in each status, in their order, and what to do about it."""
    counted = jobs["status"].value_counts()
    return [
        (str(status), int(counted[status]), REMEDIES.get(status, ""))
        for status in Status
        if status in counted
    ]


def _cells(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return the summary with the published figures, throughput and memory beside it."""
    speeds = throughput_rows(table, summary).drop(columns=CELL)
    found = [figure_of(cell) for _, cell in summary.iterrows()]
    return summary.join(speeds.set_axis(summary.index)).assign(
        figure=[figure_text(one).replace("+-", "\u00b1") for one in found],
        has_interval=[spread_text(one).startswith("+-") for one in found],
    )


def varied_in_order(table: pd.DataFrame) -> list[str]:
    """Return the names of the axes by which a table's cells differ."""
    return [name for name in declared_axes() if name in varied_axes(table)]


def _data(report: Report, jobs: pd.DataFrame, extras: Extras) -> dict[str, Any]:
    """Return what the script draws."""
    table, summary = report.table, report.summary
    return {
        "speeds": speed_charts(report.answer),
        "jobs": pack_frame(jobs.join(extras.rows)),
        "cells": pack_frame(_cells(table, summary)),
        "phases": pack_frame(phase_medians(jobs)),
        "limits": pack_frame(distance_frame(table, summary)),
        "telemetry": pack_frame(telemetry_frame(jobs)),
        "curves": curve_frames(table),
        "job_telemetry": extras.telemetry,
        "varied": varied_in_order(table),
        "phase_names": list(PHASES),
        "published_titles": published_titles(summary),
    }


def render_page(table: pd.DataFrame, folders: Sequence[Path]) -> str:
    """Return the page for the runs in ``folders``, whose tidy table is ``table``."""
    runs = {str(read_manifest(folder)["run"]): folder for folder in folders}
    report = Report.of(table)
    summary = report.summary
    jobs = job_rows(table)
    verdicts = report.orders
    own = of_reproduced(verdicts)
    # What draws the charts, with the licences that go with every copy; our own in one scope.
    libraries = "\n".join((f"/*\n{page_asset('vendor/LICENSES')}*/", *map(page_asset, _LIBRARIES)))
    parts = "\n".join(map(page_asset, _SCRIPTS))
    script = f'(() => {{\n"use strict";\n{parts}}})();\n'
    data = _data(report, jobs, read_extras(jobs, runs))
    return rendered_page(
        "page.html.j2",
        (libraries, script),
        data=Markup(embedded_json(data)),  # noqa: S704 - escaped there
        runs=[reproduction_of(folder, table) for folder in runs.values()],
        counts=_counts(jobs),
        conditions=conditions_line(table),
        varied=varied_in_order(table),
        published=published_name(summary),
        caption=caption_of(summary),
        answer=answer_lines(report.answer),
        has_speeds=bool(data["speeds"]),
        parquet=embedded_parquet(table),
        has_published=bool(studies_beside(summary)),
        pivot=_pivot(report, own),
        other_verdicts=[verdict for verdict in verdicts if verdict not in own],
        differences=difference_lines(table),
        known_differences=list(_known_differences(table)),
        warnings=[*mixed_lines(table), *warning_lines(summary)],
        has_limits=bool(data["limits"]["length"]),
        has_telemetry=bool(data["telemetry"]["length"]),
    )


def write_page(path: Path, table: pd.DataFrame, folders: Sequence[Path]) -> None:
    """Write the page for the runs in ``folders``, whose tidy table is ``table``, to ``path``.

    Raises StoreError where it cannot be written.
    """
    save_page(path, render_page(table, folders))
