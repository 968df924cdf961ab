"""From the tidy table to the frames that the page shows: jobs, cells, curves, phases, devices."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from runner.report.cells import finding_texts
from runner.report.html.packed import plain_value
from runner.spec.facts import decisive_facts, declared_facts
from runner.spec.job import Status
from runner.spec.variables import VARIABLES
from runner.tables.columns import CELL, COLUMNS, PHASE_COLUMNS, TELEMETRY_COLUMNS
from runner.tables.distance import limit_rows
from runner.tables.per_cell import counted
from runner.tables.per_job import JOB

_MOST_EPOCHS = 200
_METRICS = ("seconds", "loss", "accuracy", "val_loss", "val_accuracy")
# What a set-up is: the jobs of one cell must have one.
_SET_UP = (
    "device_name", "device_uuid", "driver", "image_digest", "lock_sha256", "packages_sha256",
    VARIABLES, "data_sha256", "models_sha256", "threads", "image_data_format",
)  # fmt: skip


def _thin(rows: pd.DataFrame) -> pd.DataFrame:
    """Return at most ``_MOST_EPOCHS`` of the rows, the last one among them."""
    step = -(-len(rows) // _MOST_EPOCHS)
    kept = rows.iloc[::step]
    return kept if step == 1 else pd.concat([kept, rows.iloc[[-1]]]).drop_duplicates()


def _curve(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a cell's medians over its jobs, epoch by epoch, and their range where it has one."""
    grouped = rows.groupby("epoch")
    series = _thin(grouped[[*_METRICS, "elapsed"]].median())
    found = {"epoch": series.index.tolist()}
    found |= {str(name): [plain_value(v) for v in series[name]] for name in series}
    if grouped.size().max() > 1:
        for end in ("min", "max"):
            ends = grouped[list(_METRICS)].agg(end).loc[series.index]
            found |= {f"{name}_{end}": [plain_value(v) for v in ends[name]] for name in ends}
    return found


def curve_frames(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each cell's metrics over epochs and over the seconds since its first epoch began.

    Of ok jobs only, as in the summary; several jobs of a cell are one median per epoch.
    """
    table = counted(table)
    ok = table[(table["status"] == Status.OK) & table["epoch"].notna()].sort_values(
        [*JOB, "epoch"], kind="stable"
    )
    ok = ok.assign(elapsed=ok.groupby(JOB)["seconds"].cumsum())
    return [
        {**dict(zip(CELL, key, strict=True)), **_curve(rows)}
        for key, rows in ok.groupby(CELL, sort=False)
    ]


def _medians(each: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the medians over the ok jobs of each cell, for the columns that hold something."""
    ok = each[each["status"] == Status.OK]
    held = [name for name in columns if name in ok and ok[name].notna().any()]
    if not held:
        return pd.DataFrame(columns=CELL)
    return ok.groupby(CELL, sort=False)[held].median().reset_index()


def phase_medians(each: pd.DataFrame) -> pd.DataFrame:
    """Return each cell's phases in seconds, as medians over its ok jobs; ``each`` is of jobs."""
    return _medians(each, [*PHASE_COLUMNS, "unaccounted_seconds", "wall_seconds"])


def _words(values: pd.Series) -> str:
    return ", ".join(sorted({word for text in values.dropna() for word in text.split(", ")}))


def telemetry_frame(each: pd.DataFrame) -> pd.DataFrame:
    """Return each cell's device figures over its ok jobs; without rows where none was recorded."""
    numbers = [name for name in TELEMETRY_COLUMNS if COLUMNS[name] == "Float64"]
    found = _medians(each, numbers)
    ok = each[each["status"] == Status.OK]
    if found.empty or "throttle" not in ok or ok["throttle"].isna().all():
        return found
    throttle = ok.groupby(CELL, sort=False)["throttle"].agg(_words)
    return found.join(throttle, on=CELL)


def distance_frame(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return each timed cell's distance to its limits; without rows where none was measured."""
    found = limit_rows(table, summary)
    measured = found[["ms_per_step", "peak_flops_per_second"]].notna().any(axis="columns")
    return found[measured].assign(finding=finding_texts(found[measured]["finding"]))


def _differing(ok: pd.DataFrame, by: list[str], columns: Iterable[str]) -> dict[str, list[str]]:
    """Return, per column in words, the groups within which it differs.

    Made data follows the seed, and so each repeat has its own: it counts between jobs of one seed.
    """
    counts = ok.groupby(by, sort=False)[[*columns]].nunique()
    of_seed = ok.groupby([*by, "seed"], sort=False, dropna=False)["data_sha256"].nunique()
    counts["data_sha256"] = of_seed.groupby(by, sort=False).max()
    names = [" ".join(filter(None, map(str, key))) for key in counts.index]
    held = {
        declared_facts()[str(column)].label: [
            name for name, count in zip(names, counts[column], strict=True) if count > 1
        ]
        for column in counts
    }
    return {word: groups for word, groups in held.items() if groups}


def mixed_lines(table: pd.DataFrame) -> list[str]:
    """Return a line for everything that differs where figures are put together or compared."""
    ok = counted(table[table["status"] == Status.OK])
    within = _differing(ok, CELL, _SET_UP)
    facts = decisive_facts()
    decisive = {
        name: ok[name].map(fact.decisive, na_action="ignore") for name, fact in facts.items()
    }
    between = _differing(ok.assign(**decisive), ["model", "device", "settings", "machine"], facts)
    return [
        *(f"jobs of one cell differ in their {w}: {', '.join(g)}" for w, g in within.items()),
        *(f"cells differ in their {w}, so their ratios compare different work: {', '.join(g)}"
          for w, g in between.items()),
    ]  # fmt: skip
