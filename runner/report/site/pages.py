"""The pages of a site, each as its template gets it."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from runner.report.cells import number_text, setup_table, study_lines
from runner.report.history.page import series_section
from runner.report.history.words import figure_text
from runner.report.html.assets_of import page_asset, page_template
from runner.report.html.embedded import content_policy
from runner.report.site.content import RunFigure, Site, page_name
from runner.spec.job import Status
from runner.spec.study import Study, reproduced_studies
from runner.tables.history.judge import percent_text, step_place_text
from runner.tables.history.series import Series

# Steps on the first page; each stands on its model's page, too.
_MOST_STEPS = 20
Link = tuple[str, str]
Cell = dict[str, Any]


def _cell(text: object, href: str | None = None) -> Cell:
    """Return a cell of a table: its text, and the page that it leads to."""
    return {"text": str(text), "href": href}


def _table(titles: Sequence[str], rows: list[list[Cell]]) -> dict[str, Any]:
    return {"titles": list(titles), "rows": rows}


class Pages:
    """Renders the pages of a site. Each path is below the site's folder."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._style = page_asset("report.css")
        self._script = page_asset("site.js")
        self._shared = {
            "policy": content_policy([self._script], self._style),
            "style": Markup(self._style),  # noqa: S704 - our own file
            "script": Markup(self._script),  # noqa: S704 - our own file
            "models": [(model, f"models/{page_name(model)}.html") for model in site.models],
            "studies": [(s.name, f"studies/{s.name}.html") for s in self._studies],
        }
        self._anchors = {
            id(one): f"models/{page_name(one.cell['model'])}.html#series-{number}"
            for model in site.models
            for number, one in enumerate(self._series_of(model))
        }

    @cached_property
    def _studies(self) -> list[Study]:
        """Return the studies of which a model was measured."""
        measured = set(self._site.models)
        return [
            study
            for study in reproduced_studies()
            if measured & {test.model for test in study.tests.values()}
        ]

    def _series_of(self, model: str) -> list[Series]:
        return [one for one in self._site.series if one.cell["model"] == model]

    def _render(self, template: jinja2.Template, up: str, **values: Any) -> str:
        """Return a page; ``up`` leads from its folder to the site's."""
        return template.render(**self._shared, up=up, **values)

    def render(self) -> Iterator[tuple[str, str]]:
        """Yield each page's path and content."""
        yield "index.html", self._index()
        model, study, run = (page_template(f"site_{n}.html.j2") for n in ("model", "study", "run"))
        for name in self._site.models:
            yield f"models/{page_name(name)}.html", self._model(model, name)
        for one in self._studies:
            yield f"studies/{one.name}.html", self._study(study, one)
        for name in self._site.runs:
            yield run_path(name), self._run(run, name)

    def _index(self) -> str:
        site = self._site
        steps = [
            (step.first, one, percent_text(step.step.ratio.value), step_place_text(step))
            for one in site.series
            for step in one.steps
        ]
        place = {run: number for number, run in enumerate(site.runs)}
        steps.sort(key=lambda step: -place[step[0]])
        return self._render(
            page_template("site_index.html.j2"),
            "",
            answer=replace(site.newest.answer, effort=None).lines,
            steps=[
                (one.name, self._anchors[id(one)], size, where)
                for _, one, size, where in steps[:_MOST_STEPS]
            ],
            more_steps=max(0, len(steps) - _MOST_STEPS),
            runs=_table(
                ("began", "run", "configurations", "models", "device", "jobs ok"),
                [self._row_of(run) for run in reversed(site.runs)],
            ),
        )

    def _row_of(self, run: str) -> list[Cell]:
        jobs, facts = self._site.jobs[run], self._site.facts[run]
        models = list(dict.fromkeys(jobs["model"]))
        ok = int((jobs["status"] == Status.OK).sum())
        return [
            _cell(_began(jobs)),
            _cell(run, run_path(run)),
            _cell(facts.get("configurations", "-")),
            _cell(models[0] if len(models) == 1 else f"{len(models)} models"),
            _cell(facts.get("device") or facts.get("processor", "unknown")),
            _cell(f"{ok} of {len(jobs)}"),
        ]

    def _model(self, template: jinja2.Template, model: str) -> str:
        site = self._site
        cells = site.newest_cells
        told = [v for v in site.newest.answer.verdicts if v.model == model]
        sections = [
            {
                **series_section(one, n),
                "machine": one.machine,
                "links": {p.run: run_path(p.run) for p in one.points},
            }
            for n, one in enumerate(self._series_of(model))
        ]
        return self._render(
            template,
            "../",
            model=model,
            table=_by_machine(cells[cells["model"].astype(str) == model]),
            verdicts=[f"{verdict.name}: {verdict.text}" for verdict in told],
            sections=sections,
        )

    def _study(self, template: jinja2.Template, study: Study) -> str:
        head, *lines = study_lines(study)
        setups = setup_table(study)
        return self._render(
            template,
            "../",
            name=study.name,
            head=head,
            lines=lines,
            table=_beside(self._site.newest_cells, study),
            setups=_of_frame(setups.frame) if setups else None,
        )

    def _run(self, template: jinja2.Template, run: str) -> str:
        site = self._site
        jobs = site.jobs[run]
        return self._render(
            template,
            "../",
            run=run,
            began=_began(jobs),
            raw=f"{page_name(run)}.csv",
            facts=site.facts[run],
            cells=_table(
                ("cell", "s per epoch", "processes", "note"),
                [self._figure(one) for one in site.by_run[run]],
            ),
            jobs=_of_jobs(jobs),
        )

    def _figure(self, one: RunFigure) -> list[Cell]:
        point = one.point
        note = point.disturbance or point.reason or ""
        return [
            _cell(one.series.name, self._anchors[id(one.series)]),
            _cell(figure_text(point.figure) if point.figure else point.status),
            _cell(point.figure.repeats if point.figure else "-"),
            _cell(note),
        ]


def run_path(run: str) -> str:
    """Return the path of a run's page."""
    return f"runs/{page_name(run)}.html"


def _began(jobs: pd.DataFrame) -> str:
    began = jobs["started"].dropna()
    return str(began.min())[:16].replace("T", " ") if len(began) else "unknown"


def _of_frame(frame: pd.DataFrame) -> dict[str, Any]:
    rows = [[_cell(value) for value in row] for row in frame.astype(str).to_numpy().tolist()]
    return _table([str(name) for name in frame.columns], rows)


_OF_JOB = {
    "job": "job",
    "status": "status",
    "epochs": "epochs",
    "seconds_per_epoch": "s per epoch",
    "first_epoch_seconds": "first epoch",
    "val_accuracy": "val acc",
    "wall_seconds": "wall s",
    "reason": "reason",
}


def _of_jobs(jobs: pd.DataFrame) -> dict[str, Any]:
    told = jobs.rename(columns={"last_val_accuracy": "val_accuracy"})
    rows = zip(*(told[name].astype(object) for name in _OF_JOB), strict=True)
    return _table(
        list(_OF_JOB.values()),
        [[_cell(number_text(n, v)) for n, v in zip(_OF_JOB, row, strict=True)] for row in rows],
    )


def _interval(cell: Mapping[Hashable, Any]) -> str:
    seconds, low, high = (cell[f"seconds{n}"] for n in ("_per_epoch", "_low", "_high"))
    if pd.isna(seconds):
        return str(cell["status"])
    half = (high - low) / 2 / seconds if pd.notna(low) else None
    spread = f" +-{100 * half:.0f}%" if half is not None else ""
    return number_text("seconds", float(seconds)) + spread


def _machine_of(cell: Mapping[Hashable, Any]) -> str:
    told = [str(cell[name]) for name in ("machine", "device_name", "settings", "variant")]
    return ", ".join(dict.fromkeys(t for t in told if t and t != "<NA>")) or str(cell["device"])


def _by_machine(cells: pd.DataFrame) -> dict[str, Any]:
    """Return a model's newest figures: a row for each machine, a column for each backend."""
    columns: dict[str, None] = {}
    rows: dict[str, dict[str, Cell]] = {}
    for cell in cells.to_dict("records"):
        column = f"{cell['configuration']}/{cell['backend']}"
        columns[column] = None
        shown = _cell(_interval(cell), run_path(str(cell["run"])))
        rows.setdefault(_machine_of(cell), {})[column] = shown
    return _table(
        ["machine", *columns],
        [[_cell(name), *(of.get(c, _cell("-")) for c in columns)] for name, of in rows.items()],
    )


def _beside(cells: pd.DataFrame, study: Study) -> dict[str, Any] | None:
    """Return published and measured figures of a study's tests side by side; None without any."""
    models = {test.model for test in study.tests.values()}
    known = [kind for kind in study.kinds if kind in cells]
    told = cells[cells["model"].astype(str).isin(models) & cells["published_seconds"].notna()]
    titles = ["model", "backend", "machine", "samples", "s per epoch", "x TF",
              *(f"{study.year} {kind}" for kind in known), f"{study.year} x TF"]  # fmt: skip
    rows = [
        [
            _cell(cell["model"], f"models/{page_name(str(cell['model']))}.html"),
            _cell(f"{cell['configuration']}/{cell['backend']}"),
            _cell(_machine_of(cell)),
            _cell(number_text("samples", cell["samples"])),
            _cell(_interval(cell), run_path(str(cell["run"]))),
            _cell(number_text("measured_ratio", cell["measured_ratio"])),
            *(_cell(number_text(kind, cell[kind])) for kind in known),
            _cell(number_text("published_ratio", cell["published_ratio"])),
        ]
        for cell in told.to_dict("records")
    ]
    return _table(titles, rows) if rows else None
