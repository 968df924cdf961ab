"""The published figures of all studies, read from their files, each with its source.

Nothing is typed in here: which figures count is decided by the columns of ``figures.csv`` and by
the rules of ``study.toml``.
"""

import csv
import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runner import paths
from runner.errors import ConfigurationError, near_miss
from runner.spec.configuration import ImageDataFormat
from runner.spec.documents import explained_error
from runner.spec.facts import keras_generation
from runner.spec.study import (
    FIGURE,
    FIGURES_FILE,
    Stamp,
    Study,
    StudySetup,
    StudyTest,
    all_studies,
    reproduced_studies,
    stamp_of,
)
from runner.spec.workload import WORKLOADS, Size
from runner.words import escaped

# Why a cell without a number has none, where the number was printed as a drawing only.
IN_A_PICTURE = "in a picture only"
SECONDS_PER_EPOCH = "s/epoch"
# What one cell has one of: figures of several are of different work.
_CELL_COLUMNS = ("batch", "precision", "image_data_format", "variant")
# What a column can hold.
_Counted = Annotated[int, Field(ge=1, lt=2**63)]
_Words = Annotated[str, Field(min_length=1)]


class Figure(BaseModel):
    """A row of ``figures.csv``: one published figure, or one that is known to exist.

    ``value`` is the figure in ``unit``; of a range it is the lower end, and ``high`` the upper one.
    ``left_out`` says, without a value, why there is none, and with one, why it does not count.
    ``inferred`` says what of the row its source does not state, such as the backend: the figure is
    shown with that mark, and is in no number, ratio or order. ``gpu_count`` is how many of the
    device computed, absent where the source speaks of one card or of none; ``variant`` tells apart,
    in words, what a set-up did differently and no other column says, such as how it was compiled.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    study: _Words
    test: _Words
    backend: _Words
    source: _Words
    series: str = ""
    framework_version: str = ""
    keras_version: str = ""
    device: str = ""
    gpu_count: _Counted | None = None
    batch: _Counted | None = None
    precision: str = ""
    image_data_format: ImageDataFormat | None = None
    variant: str = ""
    phase: Literal["train", "evaluate", "predict"] = "train"
    epochs: _Counted | None = None
    kind: str = FIGURE
    value: float | None = None
    high: float | None = None
    unit: str = ""
    note: str = ""
    left_out: str = ""
    inferred: str = ""

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Self:
        if self.value is None and not self.left_out:
            raise ValueError("without a value, left_out must say why")
        if self.value is not None and not self.unit:
            raise ValueError("a value needs its unit")
        return self


def _filled(study: Study, row: Figure) -> Figure:
    """Return a row with what follows from its study."""
    known = {"series": row.series or study.name, "device": row.device or study.gpu or ""}
    return row.model_copy(update=known)


def study_figures(study: Study) -> pd.DataFrame:
    """Return a study's figures, one row each, in the columns of ``Figure``.

    Raises ConfigurationError with the file, the line and the column of what is wrong, and for a
    test of ``study.toml`` that has no figure.
    """
    found = [row.model_dump() for row in _read_figures(study)]
    return pd.DataFrame(found, columns=list(Figure.model_fields)).astype(
        {
            "batch": "Int64",
            "epochs": "Int64",
            "gpu_count": "Int64",
            "value": "float64",
            "high": "float64",
        }
    )


def _read_figures(study: Study) -> list[Figure]:
    """Return a study's figures in the order of its file; raises as ``study_figures`` does."""
    path = study.folder / FIGURES_FILE
    columns = list(Figure.model_fields)
    found = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file, restkey="a column too many")
            for name in lines.fieldnames or ():
                if name not in columns:
                    hint = near_miss(name, columns)
                    raise ConfigurationError(f"{path}: unknown column '{escaped(name)}'{hint}")
            for row in lines:
                values = {"study": study.name} | {name: text for name, text in row.items() if text}
                found.append(
                    _filled(study, _figure(values, study, f"{path}, line {lines.line_num}"))
                )
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: not a CSV file in UTF-8: {error}") from error
    _check_tests(study, {row.test for row in found})
    return found


def _check_tests(study: Study, known: set[str]) -> None:
    """Refuse a test that ``study.toml`` names and no figure is of: nothing would come of it."""
    for name in [*study.tests, *study.resembles]:
        if name not in known:
            raise ConfigurationError(
                f"{study.folder / 'study.toml'}: no figure is of the test '{escaped(name)}'"
                f"{near_miss(name, sorted(known))}"
            )


def _figure(values: dict[str, object], study: Study, where: str) -> Figure:
    """Return one row, checked."""
    try:
        figure = Figure.model_validate(values)
    except ValidationError as error:
        text = explained_error(where, error, Figure)
        raise ConfigurationError(escaped(text)) from error
    if figure.study != study.name:
        raise ConfigurationError(f"{where}: study: '{escaped(figure.study)}' in {study.folder}")
    return figure


def _has_value(row: Figure) -> bool:
    """Return whether a figure has a number; "nan" in a file is none."""
    return row.value is not None and not math.isnan(row.value)


def _ends(row: Figure) -> tuple[float, float]:
    """Return both ends of a figure that has a number; they are one where it is no range."""
    assert row.value is not None
    if row.high is None or math.isnan(row.high):
        return row.value, row.value
    return row.value, row.high


def _span(rows: Sequence[Figure]) -> str:
    """Return a range of figures in words."""
    lows, highs = zip(*map(_ends, rows), strict=True)
    low, high = min(lows), max(highs)
    return f"{low:.4g}" if low == high else f"{low:.4g}-{high:.4g}"


def _kind_text(rows: Sequence[Figure]) -> str:
    """Return a cell's figures of one kind in words: the range, or why there is none."""
    valued = [row for row in rows if _has_value(row)]
    if certain := [row for row in valued if not row.inferred]:
        return _span(certain)
    if valued:
        return f"{_span(valued)} ({valued[0].inferred} inferred)"
    return rows[0].left_out if rows else "-"


def _counted(study: Study) -> list[Figure]:
    """Return the rows that count for a cell: times of our models on one GPU, in the study's unit.

    Those without a value stay: they say why there is none.
    """
    return [
        row
        for row in _read_figures(study)
        if row.test in study.tests
        and row.kind in study.kinds
        and row.unit == study.unit
        and row.phase == study.tests[row.test].phase
        and study.tests[row.test].batch in (None, row.batch)
        and all(getattr(row, name) == value for name, value in study.counts.items())
        and not row.device.startswith("CPU")
        and row.gpu_count in (None, 1)
        and not (_has_value(row) and row.left_out)
    ]


def _unit_text(study: Study, rows: Sequence[Figure]) -> str:
    """Return the unit after figures that are none of seconds per epoch."""
    has_unit = study.unit != SECONDS_PER_EPOCH and any(map(_has_value, rows))
    return f" {study.unit}" if has_unit else ""


def _epoch_of(study: Study, test: StudyTest) -> float:
    """Return how many seconds per epoch one of a study's unit is: data made by the step have so
    many steps."""
    if study.unit == SECONDS_PER_EPOCH:
        return 1.0
    return (WORKLOADS[test.model].train_batches or math.nan) / 1000


def _cell(study: Study, rows: Sequence[Figure]) -> dict[str, object]:
    """Return a cell of one of a study's tests, from the rows that count for it."""
    first, test = rows[0], study.tests[rows[0].test]
    for column in _CELL_COLUMNS:
        if len({getattr(row, column) for row in rows} - {None, ""}) > 1:
            raise ConfigurationError(
                f"{study.folder / FIGURES_FILE}: {first.test}, {first.backend}: figures of "
                f"several {column} count for one cell: give each a series, or a left_out"
            )
    by_kind = {kind: [row for row in rows if row.kind == kind] for kind in study.kinds}
    certain = [row for row in rows if _has_value(row) and not row.inferred]
    known = {row.kind for row in certain}
    basis = next((kind for kind in reversed(study.kinds) if kind in known), None)
    chosen = [row for row in certain if row.kind == basis]
    middles = [sum(_ends(row)) / 2 for row in chosen]
    return {
        "study": study.name,
        "series": first.series,
        "gpu": first.device,
        "model": test.model,
        "backend": first.backend,
        "phase": str(test.phase),
        **{kind: _kind_text(found) + _unit_text(study, found) for kind, found in by_kind.items()},
        "seconds": statistics.median(middles) * _epoch_of(study, test) if middles else math.nan,
        "basis": basis,
        "statement": first.note,
        "source": (chosen or [row for row in rows if not row.inferred] or rows)[-1].source,
    }


def _with_ratio(frame: pd.DataFrame, seconds: str, ratio: str, by: list[str]) -> pd.DataFrame:
    """Return ``frame`` with each cell's seconds over TensorFlow's of the same group."""
    of_tensorflow = frame[frame["backend"] == "tensorflow"].groupby(by)[seconds].first()
    base = frame.join(of_tensorflow.rename("base"), on=by)["base"]
    return frame.assign(**{ratio: frame[seconds] / base})


_COLUMNS = ["study", "series", "gpu", "model", "backend", "phase", "seconds", "basis", "statement",
            "source"]  # fmt: skip


def published_cells(study: Study) -> pd.DataFrame:
    """Return one row per series, card, model of ours and backend of a study.

    A column per kind holds the published seconds per epoch in words; ``seconds`` is the one number
    to compare with: the median of the last kind that has figures, the middle of a range being its
    figure; ``basis`` says which kind it is; ``published_ratio`` is it over TensorFlow's of the
    same test; ``statement`` is the publication's own.
    """
    groups: defaultdict[tuple[str, ...], list[Figure]] = defaultdict(list)
    for row in _counted(study):
        groups[row.series, row.device, row.test, row.backend].append(row)
    found = [_cell(study, rows) for rows in groups.values()]
    frame = pd.DataFrame(found, columns=None if found else [*_COLUMNS, *study.kinds])
    return _with_ratio(frame, "seconds", "published_ratio", ["series", "gpu", "model", "phase"])


def _of_setup(study: Study, setup: StudySetup) -> dict[str, object]:
    """Return a set-up with what it has from its study."""
    shared = {
        "series": study.name,
        "gpu": study.gpu,
        "cpu": study.machine,
        "data_source": study.data_source,
        "timing": study.timing,
        "source": study.source,
    }
    return setup.model_dump() | {n: getattr(setup, n) or value for n, value in shared.items()}


def published_setups(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return what each published series ran on, one row per backend; unknown is missing."""
    found = [
        {"study": study.name, **_of_setup(study, setup)}
        for study in all_studies(root)
        for setup in study.setups
    ]
    return pd.DataFrame(found, columns=["study", *StudySetup.model_fields], dtype="string")


def published_series(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return the one number of every published cell of one of our models on a GPU.

    Columns study, series, gpu, model, backend, phase, seconds (per epoch) and source. Whether the
    first epoch is inside stands in each study.
    """
    return _series(root, stamp_of(root)).copy()


@lru_cache(maxsize=4)
def _series(root: Path, _stamp: Stamp) -> pd.DataFrame:
    """Return the same, worked out once for as long as no file of the studies changes."""
    columns = ["study", "series", "gpu", "model", "backend", "phase", "seconds", "source"]
    parts = [published_cells(study) for study in all_studies(root)]
    known = pd.concat([part[columns] for part in parts if not part.empty], ignore_index=True)
    return known[known["seconds"].notna()]


_REFERENCE_COLUMNS = ["model", "backend", "generation", "phase"]


def published_reference(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return the cells of the studies that a suite of ours reproduces.

    One per model, phase, backend and ``generation`` of Keras: of several series or cards of a study
    the first.
    """
    return _reference(root, stamp_of(root)).copy()


@lru_cache(maxsize=4)
def _reference(root: Path, _stamp: Stamp) -> pd.DataFrame:
    parts = [
        published_cells(study).assign(generation=study.generation)
        for study in reproduced_studies(root)
    ]
    return pd.concat(parts, ignore_index=True).drop_duplicates(_REFERENCE_COLUMNS)


def with_published(summary: pd.DataFrame, root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return the summary with the published figures and the ratios to TensorFlow beside it.

    ``published_seconds`` in seconds per epoch; ``measured_ratio`` and ``published_ratio`` are each
    cell over TensorFlow's of the same test, generation of Keras and, for measured ones, device,
    machine and variant: the card differs, so only the ratios can be set side by side. Missing where
    either side is missing. A summary that has them stays as it is.
    """
    if "published_ratio" in summary:
        return summary
    known = published_reference(root).rename(columns={"seconds": "published_seconds"})
    known = known.drop(columns=["study", "series", "gpu", "statement", "source"])
    known["size"] = str(Size.PUBLISHED)
    keys = dict.fromkeys((*_REFERENCE_COLUMNS, "size"), "string")
    measured = summary.assign(
        generation=[keras_generation(version) for version in summary["keras_version"]]
    )
    merged = measured.astype(keys).merge(known.astype(keys), on=list(keys), how="left")
    by = ["model", "device", "settings", "machine", "variant", "generation"]
    ratios = _with_ratio(merged, "seconds_per_epoch", "measured_ratio", by)
    return ratios.drop(columns="generation")
