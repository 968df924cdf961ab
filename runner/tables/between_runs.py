"""Two measurements of the same cells, A and B: what differs in their set-ups and in their times.

``runner.tables.against_published`` sets what was measured beside what was published; this module
sets two tables of ``load_runs`` beside each other, and can guard an image: ``judge_cells`` says
which cells became slower than a threshold allows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from runner.errors import UsageError
from runner.spec.facts import FactDifference, obstacles
from runner.spec.job import Status
from runner.spec.variables import VARIABLES, differing_variables
from runner.tables.columns import IDENTITY, SAME_ASKED, SUMMARY_COLUMNS
from runner.tables.comparable import cell_facts
from runner.tables.guard import Guard, GuardReason, Objection
from runner.tables.per_cell import counted, repeats_of, summarize
from runner.tables.statistics import Ratio, cell_ratio
from runner.tables.variants import labelled_together, varied_axes, with_settings, with_variants

NOT_RECORDED = "not recorded"
# A fall of the validation accuracy that is worth a line.
_ACCURACY_DROP = 0.02
_SIDE_COLUMNS = {
    "seconds_per_epoch": "seconds",
    "seconds_low": "low",
    "seconds_high": "high",
    "repeats": "repeats",
    "epochs": "epochs",
    "val_accuracy": "val_accuracy",
    "status": "status",
    "reason": "reason",
    "disturbance": "disturbance",
}


COMPARED_COLUMNS: dict[str, str] = {
    **dict.fromkeys(SAME_ASKED, "string"),
    **{
        f"{side}_{new}": SUMMARY_COLUMNS[old] for side in "ab" for old, new in _SIDE_COLUMNS.items()
    },
    **dict.fromkeys(("ratio", "ratio_low", "ratio_high"), "Float64"),
    **dict.fromkeys(("verdict", "reason"), "string"),
}
DIFFERENCE_COLUMNS: dict[str, str] = {
    **dict.fromkeys((*SAME_ASKED, "column", "a", "b"), "string"),
    "is_obstacle": "boolean",
}


class CellVerdict(StrEnum):
    """What became of a cell from A to B. ``SAME``: the ratio's interval holds 1."""

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNKNOWN = "not known"
    CANNOT_TELL = "cannot tell"
    ONLY_A = "only in A"
    ONLY_B = "only in B"
    NOT_OK = "not ok"
    NOT_COMPARABLE = "not comparable"


class CellReason(StrEnum):
    """Why a cell has no verdict on its ratio; the columns of either side hold the particulars."""

    STATUS = "status"
    WORK = "other work or machine"
    DISTURBED = "disturbed"
    NO_EPOCH = "no epoch after the first"
    ONE_PROCESS = "one process"
    FEW_EPOCHS = "too few epochs"


_TIMED = (CellVerdict.SLOWER, CellVerdict.FASTER, CellVerdict.SAME)


@dataclass(frozen=True)
class SideBySide:
    """Two measurements beside each other.

    ``cells`` has one row per model, configuration, backend and device: ``a_`` and ``b_`` columns
    as in the summary (``seconds`` per epoch after the first with ``low`` and ``high``, the ends of
    the 95 % interval; ``repeats``; ``epochs``; ``val_accuracy``; ``status``; ``reason``;
    ``disturbance``);
    ``ratio``, B's seconds over A's, with ``ratio_low`` and ``ratio_high``; ``verdict`` and its
    ``reason``, a ``CellReason``.

    ``differences`` has one row per cell and column of the table whose values differ, ``a`` and
    ``b``, both as text; ``is_obstacle`` where it makes the times incomparable.
    """

    cells: pd.DataFrame
    differences: pd.DataFrame


def cell_name(cell: pd.Series) -> str:
    """Return a cell's name in words."""
    labels = ", ".join(filter(None, (cell[name] for name in ("device", "settings", "machine"))))
    return f"{cell['model']} {cell['configuration']}/{cell['backend']} ({labels})"


def _has_one_configuration_each(table: pd.DataFrame) -> bool:
    by = [name for name in SAME_ASKED if name != "configuration"]
    return bool((table.groupby(by)["configuration"].nunique() == 1).all())


def _aligned(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables with the configurations of one backend under one name.

    Only where no configuration is on both sides and each backend has one on either: then a
    renamed or copied folder is what is compared.
    """
    is_shared = bool(set(a["configuration"]) & set(b["configuration"]))
    if is_shared or not all(map(_has_one_configuration_each, (a, b))):
        return a, b
    names = [dict(zip(t["backend"], t["configuration"], strict=True)) for t in (a, b)]
    both = {n: f"{names[0][n]} -> {names[1][n]}" for n in names[0] if n in names[1]}
    return (
        a.assign(configuration=_renamed(a, both)),
        b.assign(configuration=_renamed(b, both)),
    )


def _renamed(table: pd.DataFrame, names: Mapping[str, str]) -> "pd.Series[str]":
    """Return the configurations of a table by their backends' names, where those have one."""
    # Without any name the column would be one of numbers.
    return table["backend"].map(names).astype("string").fillna(table["configuration"])


def _of_one_work(table: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return a side's table. Raises UsageError if its runs are no repeats of each other."""
    apart = with_variants(table)["variant"]
    if (apart != "").any():
        runs = ", ".join(table["run"].unique())
        raise UsageError(
            f"the runs of {side} ({runs}) did other work or had other packages, so they are no "
            "repeats of each other: compare them one by one"
        )
    return table


def _split(table: pd.DataFrame) -> dict[tuple[str, ...], pd.DataFrame]:
    return {tuple(map(str, key)): rows for key, rows in table.groupby(SAME_ASKED, sort=False)}


def _facts(rows: pd.DataFrame) -> dict[str, set[str]]:
    """Return a cell's values in every column that says what its jobs ran in."""
    facts = {name: set(rows[name].dropna().astype(str)) for name in IDENTITY}
    return {**facts, **_of_repeats(rows)}


def _of_repeats(rows: pd.DataFrame) -> dict[str, set[str]]:
    """Return what has a pattern over repeats: the first one's seed, the epochs of each."""
    seeds = (rows["seed"] - rows["repeat"] + 1).dropna().astype(str)
    epochs = rows.groupby(["run", "job"])["epoch"].max().dropna().astype(str)
    return {"seed": set(seeds), "epochs": set(epochs)}


def _data(rows: pd.DataFrame, seeds: set[int]) -> set[str]:
    """Return the hashes of the data of the jobs with these seeds: made data follows the seed."""
    return set(rows[rows["seed"].isin(seeds)]["data_sha256"].dropna().astype(str))


def _labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ok jobs, or all of them where none is."""
    ok = rows[rows["status"] == Status.OK]
    return rows if ok.empty else ok


def _shown(values: set[str]) -> str:
    return ", ".join(sorted(values)) or NOT_RECORDED


def cell_obstacles(a: pd.DataFrame, b: pd.DataFrame) -> list[FactDifference]:
    """Return why no ratio of the times of a cell's jobs in A and B can be formed."""
    return obstacles(*(cell_facts(_labelled(counted(rows))) for rows in (a, b)))


def cell_differences(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield each difference between the set-ups of a cell's jobs: ``column``, ``a`` and ``b``."""
    apart = {found.fact for found in cell_obstacles(a, b)}
    a, b = _labelled(counted(a)), _labelled(counted(b))
    seeds = set(a["seed"].dropna()) & set(b["seed"].dropna())
    before = {**_facts(a), "data_sha256": _data(a, seeds)}
    after = {**_facts(b), "data_sha256": _data(b, seeds)}
    is_whole = all((rows["status"] == Status.OK).all() for rows in (a, b))
    for column, values in before.items():
        others = after[column]
        is_obstacle = column in apart
        if not is_obstacle and (values == others or not (is_whole or (values and others))):
            continue
        was, is_now = _shown(values), _shown(others)
        if column == VARIABLES and values and others:
            was, is_now = differing_variables(values, others)
        yield {"column": column, "a": was, "b": is_now, "is_obstacle": is_obstacle}


def _differences(
    a: dict[tuple[str, ...], pd.DataFrame], b: dict[tuple[str, ...], pd.DataFrame]
) -> pd.DataFrame:
    found = [
        {**dict(zip(SAME_ASKED, key, strict=True)), **difference}
        for key in a
        if key in b
        for difference in cell_differences(a[key], b[key])
    ]
    return pd.DataFrame(found, columns=list(DIFFERENCE_COLUMNS))


def _sides(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return one side's summary, its columns named for the side."""
    summary = summarize(table)
    named = summary.rename(columns={old: prefix + new for old, new in _SIDE_COLUMNS.items()})
    counts = {f"{prefix}{name}": "Int64" for name in ("repeats", "epochs")}
    return named[[*SAME_ASKED, *(prefix + new for new in _SIDE_COLUMNS.values())]].astype(
        {**dict.fromkeys(SAME_ASKED, "string"), **counts}
    )


def _is_not_ok(cell: pd.Series) -> bool:
    """Return whether B, or A alone, has jobs that are not ok and so no time to trust."""
    is_worse = cell["b_status"] != Status.OK and (
        pd.isna(cell["b_seconds"]) or cell["a_status"] == Status.OK
    )
    return bool(is_worse or (cell["a_status"] != Status.OK and pd.isna(cell["a_seconds"])))


def _few(cell: pd.Series) -> CellReason:
    """Return why a cell's ratio has no interval."""
    for side in "ab":
        if cell[f"{side}_epochs"] == 0:
            return CellReason.NO_EPOCH
        if cell[f"{side}_repeats"] < 2:
            return CellReason.ONE_PROCESS
    return CellReason.FEW_EPOCHS


def _verdict(
    cell: pd.Series, found: Ratio | None, is_other: bool
) -> tuple[CellVerdict, CellReason | None]:
    """Return a cell's verdict and its reason, where the verdict does not say it itself."""
    if pd.isna(cell["b_status"]):
        return CellVerdict.ONLY_A, None
    if pd.isna(cell["a_status"]):
        return CellVerdict.ONLY_B, None
    if _is_not_ok(cell):
        return CellVerdict.NOT_OK, CellReason.STATUS
    if is_other:
        return CellVerdict.NOT_COMPARABLE, CellReason.WORK
    if cell[["a_disturbance", "b_disturbance"]].notna().any():
        return CellVerdict.CANNOT_TELL, CellReason.DISTURBED
    if found is None or np.isnan(found.low):
        return CellVerdict.UNKNOWN, _few(cell)
    if found.low > 1:
        return CellVerdict.SLOWER, None
    return (CellVerdict.FASTER if found.high < 1 else CellVerdict.SAME), None


def _places(keys: list[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Return each cell's place: by model, then configuration and so on, each as first met."""
    met = [list(dict.fromkeys(column)) for column in zip(*keys, strict=True)]
    ordered = sorted(
        dict.fromkeys(keys),
        key=lambda key: [names.index(name) for names, name in zip(met, key, strict=True)],
    )
    return {key: place for place, key in enumerate(ordered)}


def compare_tables(a: pd.DataFrame, b: pd.DataFrame) -> SideBySide:
    """Set two tables of ``runner.tables.load.load_runs`` beside each other, A's as the base.

    Cells are matched by model, configuration, backend and device, and by the machine where a side
    holds several, whatever else changed. Where no
    configuration is on both sides, and each backend has only one on either, they are matched
    without it, and named "old -> new".

    A ratio and its interval come from ``cell_ratio``. The verdict is "not comparable" where the
    work or the machine differs (see ``runner.spec.facts``), "not ok" where jobs of B failed that
    A's did not, "cannot tell" where something disturbed the jobs of a side, and "not known" where a
    side has fewer than two processes or three epochs after the first.
    """
    varied = varied_axes(a, b)
    a, b = labelled_together(*(with_settings(table, varied) for table in (a, b)))
    a, b = _aligned(_of_one_work(a, "A"), _of_one_work(b, "B"))
    rows_a, rows_b = _split(a), _split(b)
    differences = _differences(rows_a, rows_b)
    others = differences[differences["is_obstacle"].astype(bool)]
    apart = {tuple(map(str, key)) for key in others[SAME_ASKED].to_numpy()}
    cells = _sides(a, "a_").merge(_sides(b, "b_"), on=SAME_ASKED, how="outer", sort=False)
    places = _places([*rows_a, *rows_b])
    keys = [tuple(map(str, key)) for key in cells[SAME_ASKED].to_numpy()]
    found = [
        cell_ratio(repeats_of(counted(rows_a[key])), repeats_of(counted(rows_b[key])))
        if key in rows_a and key in rows_b and key not in apart
        else None
        for key in keys
    ]
    verdicts = [
        _verdict(cell, one, key in apart)
        for (_, cell), one, key in zip(cells.iterrows(), found, keys, strict=True)
    ]
    nothing = Ratio(np.nan, np.nan, np.nan)
    cells = cells.assign(
        ratio=[(one or nothing).value for one in found],
        ratio_low=[(one or nothing).low for one in found],
        ratio_high=[(one or nothing).high for one in found],
        verdict=[str(verdict) for verdict, _ in verdicts],
        reason=pd.array([reason and str(reason) for _, reason in verdicts], dtype="string"),
        place=[places[key] for key in keys],
    )
    cells = cells.sort_values("place").drop(columns="place").reset_index(drop=True)
    return SideBySide(cells, differences)


@dataclass(frozen=True)
class AccuracyFall:
    """A cell whose validation accuracy fell from ``a`` to ``b``."""

    cell: str
    a: float
    b: float


def accuracy_falls(found: SideBySide) -> list[AccuracyFall]:
    """Return every cell whose validation accuracy fell, over the same epochs."""
    other = found.differences[found.differences["column"] == "epochs"]
    uneven = {tuple(key) for key in other[SAME_ASKED].to_numpy()}
    timed = found.cells[
        found.cells["verdict"].isin([*_TIMED, CellVerdict.UNKNOWN, CellVerdict.CANNOT_TELL])
    ]
    return [
        AccuracyFall(cell_name(cell), float(cell["a_val_accuracy"]), float(cell["b_val_accuracy"]))
        for _, cell in timed.iterrows()
        if cell["a_val_accuracy"] - cell["b_val_accuracy"] > _ACCURACY_DROP
        and tuple(cell[SAME_ASKED]) not in uneven
    ]


def statuses_of(cell: pd.Series) -> dict[str, str | None]:
    """Return how a cell's jobs ended on either side, and the first reason that B or A has."""
    reasons = [str(cell[f"{side}_reason"]) for side in "ba" if pd.notna(cell[f"{side}_reason"])]
    ended = {side: str(cell[f"{side}_status"]) for side in "ab"}
    return {**ended, "detail": reasons[0] if reasons else None}


def _against(cell: pd.Series, threshold: float) -> Objection | None:
    """Return why a cell of B must not pass, or None."""
    was_timed, name = pd.notna(cell["a_seconds"]), cell_name(cell)
    if cell["verdict"] == CellVerdict.ONLY_A and was_timed:
        return Objection(name, GuardReason.MISSING)
    if cell["verdict"] == CellVerdict.NOT_OK and was_timed:
        return Objection(name, GuardReason.NOT_OK, statuses_of(cell))
    if cell["verdict"] == CellVerdict.SLOWER and cell["ratio_low"] > 1 + threshold:
        return Objection(name, GuardReason.SLOWER, _judged_by(cell, threshold))
    return None


def _judged_by(cell: pd.Series, threshold: float) -> dict[str, float]:
    columns = {"ratio": "ratio", "low": "ratio_low", "high": "ratio_high"}
    ratio = {name: float(cell[column]) for name, column in columns.items()}
    return {**ratio, "allowed": 1 + threshold}


def _reaches_over(cell: pd.Series, threshold: float) -> Objection | None:
    """Return that an interval does not tell whether its cell passes, or None."""
    if cell["verdict"] in _TIMED and cell["ratio_low"] <= 1 + threshold < cell["ratio_high"]:
        return Objection(cell_name(cell), GuardReason.REACHES_OVER, _judged_by(cell, threshold))
    return None


def judge_cells(cells: pd.DataFrame, threshold: float) -> Guard:
    """Return whether B's cells pass; ``threshold`` 0.05 allows 5 % more seconds than A's.

    A cell fails if the whole interval of its ratio lies beyond the threshold, so that noise alone
    seldom fails it; or if it had a time in A and is missing or not ok in B. If no cell has an
    interval to judge by, that is a failure too.
    """
    rows = [cell for _, cell in cells.iterrows()]
    failures = [found for cell in rows if (found := _against(cell, threshold))]
    wide = [found for cell in rows if (found := _reaches_over(cell, threshold))]
    judged = int(cells["verdict"].isin(_TIMED).sum())
    if not judged:
        failures.append(Objection("every cell", GuardReason.NO_INTERVAL))
    return Guard(threshold, failures, wide, judged, len(cells))
