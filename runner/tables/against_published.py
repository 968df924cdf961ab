"""Measured beside published: differences worked out from both, and a verdict per test."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from runner import paths
from runner.spec.axes import AxisValue, trains
from runner.spec.facts import keras_generation
from runner.spec.job import Status
from runner.spec.study import StudyTest, all_studies, load_study
from runner.spec.workload import WORKLOADS, Size, Workload
from runner.tables.published import published_series, published_setups


@dataclass(frozen=True)
class OrderVerdict:
    """What a test's measured order of backends says of a published one.

    ``verdict`` is "same order", "other order", "cannot tell" or "not comparable"; ``why`` explains
    it.
    """

    model: str
    study: str
    series: str
    gpu: str
    verdict: str
    why: str
    phase: str = "train"
    settings: str = ""

    @property
    def conditions(self) -> str:
        """Return what was timed where that was not training, and the values of varied axes."""
        is_named = trains(self.phase) or self.phase in self.settings.split(", ")
        return ", ".join(filter(None, ["" if is_named else self.phase, self.settings]))

    @property
    def name(self) -> str:
        """Return the model, and under which conditions it was timed."""
        return ", ".join(filter(None, [self.model, self.conditions]))


def _facts(rows: pd.DataFrame, test: StudyTest) -> dict[str, str]:
    """Return what a cell was measured with, by the names of the set-up's columns."""
    first = rows.iloc[0]
    return {
        "gpu": str(first["device_name"]) if first["device"] == "gpu" else "none (CPU run)",
        "keras_version": str(first["keras_version"]),
        "framework_version": str(first["backend_version"]),
        "image_data_format": str(first["image_data_format"]) if test.has_image_layout else "",
        "data_source": str(first["data_source"]),
    }


_LABELS = {
    "gpu": "card",
    "keras_version": "Keras",
    "framework_version": "framework",
    "image_data_format": "image data format",
    "data_source": "data",
}


def _cell_differences(rows: pd.DataFrame, test: StudyTest, setup: pd.Series) -> Iterator[str]:
    """Yield each difference between a measured cell and the published set-up of its backend."""
    workload = WORKLOADS[test.model].batched(test.phase, None)
    measured = _facts(rows, test)
    for column, label in _LABELS.items():
        here, there = measured[column], setup[column]
        if here and pd.isna(there):
            yield f"{label}: {here}; not published"
        elif here and here != there:
            yield f"{label}: {here} instead of {there}"
    epochs, samples = int(rows["epoch"].max()), int(rows["samples"].max())
    if epochs != workload.epochs:
        yield f"epochs: {epochs} instead of {workload.epochs}"
    if abs(samples / workload.train - 1) > 0.01:
        yield f"samples per epoch: {samples:,} instead of {workload.train:,}"
    if pd.notna(setup["timing"]):
        yield f"timing: median of the epochs after the first instead of {setup['timing']}"


def _axis_differences(
    rows: pd.DataFrame, asked: Mapping[str, Sequence[AxisValue]]
) -> Iterator[str]:
    """Yield each axis whose value is none that the study's reproduction asks for."""
    for name, values in asked.items():
        wanted, here = [str(value) for value in values], rows.iloc[0][name]
        if pd.notna(here) and str(here) not in wanted:
            yield f"{name.replace('_', ' ')}: {here} instead of {' or '.join(wanted)}"


def setup_differences(
    table: pd.DataFrame, series: str, root: Path = paths.PUBLISHED
) -> pd.DataFrame:
    """Return one row per measured cell and difference from a published series' set-up.

    Columns model, configuration, backend, difference. Nothing is typed in: it follows from the
    rows of ``table`` and from the set-ups of ``study.toml``.
    """
    setups = published_setups(root)
    setups = setups[setups["series"] == series]
    studies = [load_study(str(name), root) for name in setups["study"].unique()]
    tests = {(t.model, str(t.phase)): t for study in studies for t in study.tests.values()}
    models = {model for model, _ in tests}
    generations = {study.generation for study in studies}
    is_published = table["model"].isin(models) & table["keras_version"].map(
        lambda version: keras_generation(str(version)) in generations
    )
    ok = table[is_published & (table["status"] == Status.OK) & table["epoch"].notna()]
    asked = {name: values for study in studies for name, values in study.asks.items()}
    named = ("model", "phase", "configuration", "backend", "device", "device_name")
    keys = list(dict.fromkeys((*named, *asked)))
    found = [
        (model, configuration, backend, text)
        for (model, phase, configuration, backend, *_), rows in ok.groupby(
            keys, sort=False, dropna=False
        )
        if (model, phase) in tests
        for _, setup in setups[setups["backend"] == backend].iterrows()
        for text in (
            *_cell_differences(rows, tests[str(model), str(phase)], setup),
            *_axis_differences(rows, asked),
        )
    ]
    columns = ["model", "configuration", "backend", "difference"]
    return pd.DataFrame(found, columns=columns).drop_duplicates(ignore_index=True)


def _obstacles(rows: pd.DataFrame, workload: Workload) -> list[str]:
    """Return why a test's measured times cannot be set beside times of a GPU at full size."""
    reasons = []
    if (rows["device"] == "cpu").any():
        reasons.append("measured on a CPU")
    if rows["size"].ne(Size.PUBLISHED).any():
        reasons.append("a smaller network")
    short = rows["samples"].max()
    if abs(short / workload.train - 1) > 0.01:
        reasons.append(f"{int(short):,} of {workload.train:,} samples per epoch")
    if rows["data_source"].eq("digits").any():
        reasons.append("other data")
    if rows["device_name"].nunique() > 1:
        reasons.append("measured on several devices")
    return reasons


def _doubts(rows: pd.DataFrame) -> str:
    """Return why a test's measured times allow no conclusion, or nothing."""
    masks = {
        "one process": rows["repeats"] < 2,
        "disturbed while measured": rows["disturbance"].notna(),
    }
    return "; ".join(
        f"{text}: {', '.join(rows.index[which])}" for text, which in masks.items() if which.any()
    )


def _orders(
    measured: pd.DataFrame, known: pd.Series, level: float
) -> tuple[list[str], list[str], list[str]]:
    """Return the pairs of backends whose order agrees, disagrees and is not decided.

    Two published figures nearer than the fraction ``level`` are no order.
    """
    agree, disagree, open_ = [], [], []
    for a, b in combinations(known.index, 2):
        fast, slow = (a, b) if known[a] <= known[b] else (b, a)
        name = f"{fast} before {slow}"
        if known[slow] / known[fast] - 1 < level:
            open_.append(f"{a} and {b} are equal as published")
        elif measured.loc[fast, "seconds_high"] < measured.loc[slow, "seconds_low"]:
            agree.append(name)
        elif measured.loc[slow, "seconds_high"] < measured.loc[fast, "seconds_low"]:
            disagree.append(f"{slow} before {fast}")
        else:
            open_.append(f"{a} and {b} are equal as measured")
    return agree, disagree, open_


def _judge(
    measured: pd.DataFrame, known: pd.Series, level: float, workload: Workload
) -> tuple[str, str]:
    if obstacles := _obstacles(measured, workload):
        return "not comparable", "; ".join(obstacles)
    if found := _doubts(measured):
        return "cannot tell", found
    agree, disagree, open_ = _orders(measured, known, level)
    if disagree:
        return "other order", "; ".join([*disagree, *open_])
    if agree:
        return "same order", "; ".join([*agree, *open_])
    return "cannot tell", "; ".join(open_)


def order_verdicts(summary: pd.DataFrame, root: Path = paths.PUBLISHED) -> list[OrderVerdict]:
    """Return a verdict for every test with two backends that were measured and published.

    Where an axis varies, or there are several machines, each has a verdict of its own.
    ``summary`` is ``runner.tables.per_cell.summarize``'s. Orders are compared, never seconds: the
    card differs. Cells of another generation of Keras than the publication's are left out.
    """
    timed = summary[summary["seconds_per_epoch"].notna()]
    if timed.empty or timed.groupby("model", observed=True)["backend"].nunique().max() < 2:
        return []
    known = published_series(root)
    known = known[known["model"].isin(timed["model"].astype(str).unique())]
    studies = {study.name: study for study in all_studies(root)}
    generations = timed["keras_version"].map(keras_generation)
    groups = ["study", "series", "gpu", "model", "phase"]
    found = []
    for key, rows in known.groupby(groups, sort=False):
        study, series, gpu, model, phase = map(str, key)
        is_here = (generations == studies[study].generation) & (timed["phase"] == phase)
        here = timed[is_here & (timed["model"].astype(str) == model)]
        seconds = rows.set_index("backend")["seconds"]
        workload = WORKLOADS[model].batched(phase, None)
        for (settings, machine), cells in here.groupby(["settings", "machine"], sort=False):
            of_backend = cells.drop_duplicates("backend").set_index("backend")
            common = seconds.index.intersection(of_backend.index)
            if len(common) < 2:
                continue
            verdict, why = _judge(
                of_backend.loc[common], seconds.loc[common], studies[study].level, workload
            )
            distinction = ", ".join(filter(None, (str(settings), str(machine))))
            found.append(OrderVerdict(model, study, series, gpu, verdict, why, phase, distinction))
    return found
