"""How far a cell is from its limits: the device's arithmetic, and the host that feeds it."""

import pandas as pd

from runner.spec.job import Status
from runner.tables.columns import CELL, LIMIT_COLUMNS
from runner.tables.per_cell import counted

# A cell whose input alone takes this share of an epoch is bound by the host.
_HOST_BOUND = 0.7
# Below this share of the peak it is not computation that takes the time; from the next on it is.
_STEP_BOUND = 0.05
_COMPUTE_BOUND = 0.5


def _finding(cell: pd.Series) -> str:
    """Return in words what rules a cell's time."""
    if pd.notna(cell["input_share"]) and cell["input_share"] >= _HOST_BOUND:
        return "host-bound: its input takes most of the epoch"
    if pd.isna(cell["of_peak"]):
        return "peak not measured"
    if cell["of_peak"] < _STEP_BOUND:
        return "overhead-bound: the fixed cost of a step takes most of the time"
    if cell["of_peak"] < _COMPUTE_BOUND:
        return "mixed: computation and the fixed cost of a step"
    return "compute-bound"


def limit_rows(rows: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return one row per timed cell.

    Columns: the cell's keys; ``ms_per_step``; ``flops_per_second`` achieved while training (three
    times the forward operations, validation's not counted); ``peak_flops_per_second``, a float32
    matrix product in the same job's framework; ``of_peak``, their ratio; ``input_share``, the
    seconds that the input pipeline alone takes over the epoch's, missing where the host feeds
    whole arrays; ``finding`` in words.
    """
    ok = rows[(rows["status"] == Status.OK) & rows["epoch"].notna()]
    medians = (
        counted(ok).groupby(CELL, sort=False)[[*LIMIT_COLUMNS, "samples"]].median().reset_index()
    )
    keys = dict.fromkeys(CELL, "string")
    timed = summary[summary["seconds_per_epoch"].notna()][[*CELL, "seconds_per_epoch"]]
    cells = timed.astype(keys).merge(medians.astype(keys), on=CELL)
    seconds = cells["seconds_per_epoch"].astype("Float64")
    cells["ms_per_step"] = 1000 * seconds / cells["steps_per_epoch"]
    cells["flops_per_second"] = cells["samples"] * cells["flops_per_sample_training"] / seconds
    cells["of_peak"] = cells["flops_per_second"] / cells["peak_flops_per_second"]
    cells["input_share"] = cells["input_seconds_per_epoch"] / seconds
    cells["finding"] = [_finding(cell) for _, cell in cells.iterrows()]
    return cells[
        [*CELL, "ms_per_step", "flops_per_second", "peak_flops_per_second", "of_peak",
         "input_share", "finding"]
    ]  # fmt: skip
