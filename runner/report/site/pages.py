"""The pages of a site, each as its template gets it."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from runner.report.answer import answer_lines, verdict_text
from runner.report.cells import (
    figure_text,
    number_text,
    setup_table,
    study_lines,
    text_cells,
)
from runner.report.guard import percent_text
from runner.report.history.page import series_section
from runner.report.history.words import place_text
from runner.report.html.assets_of import page_asset, rendered_page
from runner.report.site.content import RunFigure, Site, page_name
from runner.spec.job import Status
from runner.spec.study import Study, reproduced_studies
from runner.tables.history.series import Series
from runner.tables.per_cell import figure_of

# Steps on the first page; each stands on its model's page, too.
_MOST_STEPS = 20
# A cell of a table: its text, or that and the page that it leads to.
Cell = str | tuple[str, str]
_JOB_COLUMNS = {
    "job": "job",
    "status": "status",
    "epochs": "epochs",
    "seconds_per_epoch": "s per epoch",
    "first_epoch_seconds": "first epoch",
    "last_val_accuracy": "val acc",
    "wall_seconds": "wall s",
    "reason": "reason",
}


def _table(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    return {"titles": list(titles), "rows": rows}


class Pages:
    """Renders the pages of a site. Each path is below the site's folder."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._anchors = {
            id(one): f"{model_path(one.cell['model'])}#series-{number}"
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

    def _render(self, kind: str, up: str, **values: Any) -> str:
        """Return a page; ``up`` leads from its folder to the site's."""
        return rendered_page(
            f"site_{kind}.html.j2",
            [page_asset("site.js")],
            up=up,
            models=[(model, model_path(model)) for model in self._site.models],
            studies=[(study.name, study_path(study)) for study in self._studies],
            **values,
        )

    def render(self) -> Iterator[tuple[str, str]]:
        """Yield each page's path and content."""
        yield "index.html", self._index()
        for model in self._site.models:
            yield model_path(model), self._model(model)
        for study in self._studies:
            yield study_path(study), self._study(study)
        for run in self._site.runs:
            yield run_path(run), self._run(run)

    def _index(self) -> str:
        site = self._site
        place = {run: number for number, run in enumerate(site.runs)}
        steps = [(one, step) for one in site.series for step in one.steps]
        steps.sort(key=lambda found: -place[found[1].first])
        return self._render(
            "index",
            "",
            answer=answer_lines(replace(site.newest.answer, effort=None)),
            steps=[
                (
                    one.name,
                    self._anchors[id(one)],
                    percent_text(step.step.ratio.value),
                    place_text(step),
                )
                for one, step in steps[:_MOST_STEPS]
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
            _began(jobs),
            (run, run_path(run)),
            facts.get("configurations", "-"),
            models[0] if len(models) == 1 else f"{len(models)} models",
            facts.get("device") or facts.get("processor", "unknown"),
            f"{ok} of {len(jobs)}",
        ]

    def _model(self, model: str) -> str:
        site = self._site
        cells = site.newest_cells
        sections = [
            {
                **series_section(one, n),
                "machine": one.machine,
                "links": {p.run: run_path(p.run) for p in one.points},
            }
            for n, one in enumerate(self._series_of(model))
        ]
        return self._render(
            "model",
            "../",
            model=model,
            table=_by_work(cells[cells["model"].astype(str) == model]),
            verdicts=[
                f"{verdict.name}: {verdict_text(verdict)}"
                for report in (site.newest_of.get(model),)
                if report is not None
                for verdict in report.answer.verdicts
            ],
            sections=sections,
        )

    def _study(self, study: Study) -> str:
        head, *lines = study_lines(study)
        setups = setup_table(study)
        return self._render(
            "study",
            "../",
            name=study.name,
            head=head,
            lines=lines,
            table=_beside(self._site.newest_cells, study),
            setups=_of_frame(setups.frame.astype(str)) if setups else None,
        )

    def _run(self, run: str) -> str:
        jobs = self._site.jobs[run]
        return self._render(
            "run",
            "../",
            run=run,
            began=_began(jobs),
            raw=f"{page_name(run)}.csv",
            facts=self._site.facts[run],
            cells=_table(
                ("cell", "s per epoch", "processes", "note"),
                [self._figure(one) for one in self._site.by_run[run]],
            ),
            jobs=_of_frame(text_cells(jobs[[*_JOB_COLUMNS]]).rename(columns=_JOB_COLUMNS)),
        )

    def _figure(self, one: RunFigure) -> list[Cell]:
        point = one.point
        return [
            (one.series.name, self._anchors[id(one.series)]),
            figure_text(point.figure) if point.figure else point.status,
            str(point.figure.repeats) if point.figure else "-",
            point.disturbance or point.reason or "",
        ]


def run_path(run: str) -> str:
    """Return the path of a run's page."""
    return f"runs/{page_name(run)}.html"


def model_path(model: str) -> str:
    """Return the path of a model's page."""
    return f"models/{page_name(model)}.html"


def study_path(study: Study) -> str:
    """Return the path of a study's page."""
    return f"studies/{study.name}.html"


def _began(jobs: pd.DataFrame) -> str:
    began = jobs["started"].dropna()
    return str(began.min())[:16].replace("T", " ") if len(began) else "unknown"


def _of_frame(frame: pd.DataFrame) -> dict[str, Any]:
    return _table([str(name) for name in frame.columns], frame.to_numpy().tolist())


def _interval(cell: Mapping[Hashable, Any]) -> str:
    figure = figure_of(cell)
    return figure_text(figure) if figure else str(cell["status"])


def _by_work(cells: pd.DataFrame) -> dict[str, Any]:
    """Return a model's newest figures: a column for each backend, in a row what may be compared.

    A second figure of a backend in one row, as with another driver, has a row of its own.
    """
    columns: dict[str, None] = {}
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in cells.to_dict("records"):
        column = f"{cell['configuration']}/{cell['backend']}"
        columns[column] = None
        where, samples = str(cell["where"]), number_text("samples", cell["samples"])
        if column in rows.get((where, samples), {}):
            apart = (str(cell[name]) for name in ("settings", "machine", "variant"))
            where = ", ".join(filter(None, [where, *apart]))
        shown = (_interval(cell), run_path(str(cell["run"])))
        rows.setdefault((where, samples), {})[column] = shown
    return _table(
        ["machine", "samples", *columns],
        [[*key, *(of.get(c, "-") for c in columns)] for key, of in rows.items()],
    )


def _beside(cells: pd.DataFrame, study: Study) -> dict[str, Any] | None:
    """Return published and measured figures of a study's tests side by side; None without any."""
    models = {test.model for test in study.tests.values()}
    known = [kind for kind in study.kinds if kind in cells]
    published = cells[cells["model"].astype(str).isin(models) & cells["published_seconds"].notna()]
    titles = ["model", "backend", "machine", "samples", "s per epoch", "x TF",
              *(f"{study.year} {kind}" for kind in known), f"{study.year} x TF"]  # fmt: skip
    rows: list[list[Cell]] = [
        [
            (str(cell["model"]), model_path(str(cell["model"]))),
            f"{cell['configuration']}/{cell['backend']}",
            str(cell["where"]),
            number_text("samples", cell["samples"]),
            (_interval(cell), run_path(str(cell["run"]))),
            *(number_text(name, cell[name]) for name in ("measured_ratio", *known)),
            number_text("published_ratio", cell["published_ratio"]),
        ]
        for cell in published.to_dict("records")
    ]
    return _table(titles, rows) if rows else None
