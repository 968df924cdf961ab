"""Measured beside published: differences worked out from both, and a verdict per test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from runner import paths, publications
from runner.jobs import Status
from runner.workloads import WORKLOADS, Workload, published_workloads

# Two published figures nearer than this are no order: the spread of 2017's own repeats is 2 to 6 %.
_TIE = 0.03


@dataclass(frozen=True)
class Verdict:
    """What a test's measured order of backends says of a published one.

    ``verdict`` is "same order", "other order" or "not comparable"; ``why`` explains it.
    """

    model: str
    series: str
    gpu: str
    verdict: str
    why: str


def _facts(rows: pd.DataFrame, workload: Workload) -> dict[str, str]:
    """Return what a cell was measured with, by the names of the set-up's columns."""
    first = rows.iloc[0]
    return {
        "gpu": str(first["device_name"]) if first["device"] == "gpu" else "none (CPU run)",
        "keras_version": str(first["keras_version"]),
        "framework_version": str(first["backend_version"]),
        "image_data_format": str(first["image_data_format"])
        if workload.name in ("mnist_cnn", "cifar10_cnn")
        else "",
        "data_source": str(first["data_source"]),
    }


_SAID = {
    "gpu": "card",
    "keras_version": "Keras",
    "framework_version": "framework",
    "image_data_format": "image data format",
    "data_source": "data",
}


def _cell_differences(rows: pd.DataFrame, setup: pd.Series) -> Iterator[str]:
    """Yield each difference between a measured cell and the published set-up of its backend."""
    workload = WORKLOADS[str(rows["model"].iloc[0])]
    measured = _facts(rows, workload)
    for column, label in _SAID.items():
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


def differences(table: pd.DataFrame, series: str, root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return one row per measured cell and difference from a published series' set-up.

    Columns model, configuration, backend, difference. Nothing is typed in: it follows from the
    rows of ``table`` and from ``setups.csv``.
    """
    setups = publications.setups(root)
    setups = setups[setups["series"] == series]
    is_published = table["model"].isin([workload.name for workload in published_workloads()])
    ok = table[is_published & (table["status"] == Status.OK) & table["epoch"].notna()]
    found = [
        (model, configuration, backend, text)
        for (model, configuration, backend), rows in ok.groupby(
            ["model", "configuration", "backend"], sort=False
        )
        for _, setup in setups[setups["backend"] == backend].iterrows()
        for text in _cell_differences(rows, setup)
    ]
    return pd.DataFrame(found, columns=["model", "configuration", "backend", "difference"])


def _obstacles(rows: pd.DataFrame, workload: Workload) -> list[str]:
    """Return why a test's measured times cannot be set beside times of a GPU at full size."""
    said = []
    if (rows["device"] == "cpu").any():
        said.append("measured on a CPU")
    short = rows["samples"].max()
    if abs(short / workload.train - 1) > 0.01:
        said.append(f"{int(short):,} of {workload.train:,} samples per epoch")
    if rows["data_source"].eq("digits").any():
        said.append("other data")
    if rows["device_name"].nunique() > 1:
        said.append("measured on several devices")
    return said


def _orders(measured: pd.DataFrame, known: pd.Series) -> tuple[list[str], list[str], list[str]]:
    """Return the pairs of backends whose order agrees, disagrees and is not decided."""
    agree, disagree, open_ = [], [], []
    for a, b in combinations(known.index, 2):
        fast, slow = (a, b) if known[a] <= known[b] else (b, a)
        name = f"{fast} before {slow}"
        if known[slow] / known[fast] - 1 < _TIE:
            open_.append(f"{a} and {b} are published level")
        elif measured.loc[fast, "seconds_high"] < measured.loc[slow, "seconds_low"]:
            agree.append(name)
        elif measured.loc[slow, "seconds_high"] < measured.loc[fast, "seconds_low"]:
            disagree.append(f"{slow} before {fast}")
        else:
            open_.append(f"{a} and {b} are measured level")
    return agree, disagree, open_


def _judge(measured: pd.DataFrame, known: pd.Series, workload: Workload) -> tuple[str, str]:
    if obstacles := _obstacles(measured, workload):
        return "not comparable", "; ".join(obstacles)
    agree, disagree, open_ = _orders(measured, known)
    if disagree:
        return "other order", "; ".join([*disagree, *open_])
    if agree:
        return "same order", "; ".join([*agree, *open_])
    return "not comparable", "; ".join(open_)


def verdicts(summary: pd.DataFrame, root: Path = paths.PUBLISHED) -> list[Verdict]:
    """Return a verdict for every test with two backends that were measured and published.

    ``summary`` is ``runner.summaries.summarize``'s. Orders are compared, never seconds: the card
    differs. Only cells of legacy configurations can be set beside 2017's backends of the same
    name; a Keras 3 cell is another framework generation, which ``differences`` states.
    """
    timed = summary[summary["seconds_per_epoch"].notna()]
    known = publications.series(root)
    found = []
    for series, gpu, model in known[["series", "gpu", "model"]].drop_duplicates().to_numpy():
        here = timed[timed["model"].astype(str) == model]
        here = here.drop_duplicates("backend").set_index("backend")
        is_group = (known["series"] == series) & (known["gpu"] == gpu) & (known["model"] == model)
        seconds = known[is_group].set_index("backend")["seconds"]
        common = seconds.index.intersection(here.index)
        if len(common) < 2:
            continue
        verdict, why = _judge(here.loc[common], seconds.loc[common], WORKLOADS[model])
        found.append(Verdict(model, series, gpu, verdict, why))
    return found
