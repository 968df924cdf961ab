"""How fast a cell works, and how far it is from its limits: the device's arithmetic, the host."""

from collections.abc import Sequence
from enum import StrEnum

import pandas as pd

from runner.spec.axes import trains
from runner.spec.configuration import Device
from runner.spec.job import Status
from runner.tables.columns import CELL, LATENCY_COLUMNS, LIMIT_COLUMNS
from runner.tables.per_cell import counted, job_figures

# A cell whose input alone takes this share of an epoch is bound by the host.
_HOST_BOUND = 0.7
# Below this share of the peak it is not computation that takes the time; from the next on it is.
_STEP_BOUND = 0.05
_COMPUTE_BOUND = 0.5
_MEMORY = ("peak_memory_bytes", "gpu_peak_memory_bytes")
_LATENCY = tuple(name for name in LATENCY_COLUMNS if name.endswith("_seconds"))
_OPERATIONS = ("flops_per_sample_training", "flops_per_sample_forward")
_JOB_COLUMNS = ("run", "job", *CELL, "status", "samples", "phase", "disturbance")
_ENERGY = ("gpu_joules_per_epoch", "cpu_joules_per_epoch")


class Bound(StrEnum):
    """What rules a cell's time."""

    HOST = "host-bound"
    UNKNOWN = "peak not measured"
    OVERHEAD = "overhead-bound"
    MIXED = "mixed"
    COMPUTE = "compute-bound"


def _finding(cell: pd.Series) -> Bound:
    """Return what rules a cell's time."""
    if pd.notna(cell["input_share"]) and cell["input_share"] >= _HOST_BOUND:
        return Bound.HOST
    if pd.isna(cell["of_peak"]):
        return Bound.UNKNOWN
    if cell["of_peak"] < _STEP_BOUND:
        return Bound.OVERHEAD
    if cell["of_peak"] < _COMPUTE_BOUND:
        return Bound.MIXED
    return Bound.COMPUTE


def _timed_jobs(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the jobs that are ok and count, with some of their columns."""
    jobs = job_figures(rows, list(dict.fromkeys((*_JOB_COLUMNS, *columns))))
    return counted(jobs[(jobs["status"] == Status.OK) & jobs["epoch"].notna()])


def limit_rows(rows: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return one row per timed cell.

    Columns: the cell's keys; ``ms_per_step``; ``flops_per_second`` achieved: while training three
    times the forward operations, validation's not counted, while predicting those alone;
    ``peak_flops_per_second``, a matrix product in the same job's framework and precision;
    ``of_peak``, their ratio; ``input_share``, the
    seconds that the input pipeline alone takes over the epoch's, missing where the host feeds
    whole arrays; ``finding``, a ``Bound``.
    """
    ok = _timed_jobs(rows, [*LIMIT_COLUMNS, *_OPERATIONS])
    is_forward = ~ok["phase"].map(trains)
    ok = ok.assign(
        operations=ok["flops_per_sample_training"].mask(is_forward, ok["flops_per_sample_forward"])
    )
    kept = [*LIMIT_COLUMNS, "samples", "operations"]
    medians = ok.groupby(CELL, sort=False)[kept].median().reset_index()
    keys = dict.fromkeys(CELL, "string")
    timed = summary[summary["seconds_per_epoch"].notna()][[*CELL, "seconds_per_epoch"]]
    cells = timed.astype(keys).merge(medians.astype(keys), on=CELL)
    seconds = cells["seconds_per_epoch"].astype("Float64")
    cells["ms_per_step"] = 1000 * seconds / cells["steps_per_epoch"]
    cells["flops_per_second"] = cells["samples"] * cells["operations"] / seconds
    cells["of_peak"] = cells["flops_per_second"] / cells["peak_flops_per_second"]
    cells["input_share"] = cells["input_seconds_per_epoch"] / seconds
    cells["finding"] = [str(_finding(cell)) for _, cell in cells.iterrows()]
    return cells[
        [*CELL, "ms_per_step", "flops_per_second", "peak_flops_per_second", "of_peak",
         "input_share", "finding"]
    ]  # fmt: skip


def throughput_rows(rows: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell of ``summary``, in its order, missing where there is no time.

    Columns: the cell's keys; ``samples_per_second``, the samples trained in an epoch over its
    seconds, validation included; ``ms_per_step``, the same seconds over the epoch's training
    steps; ``peak_memory_bytes`` and ``gpu_peak_memory_bytes``, the most that any ok job reached;
    ``joules_per_epoch``, the median over jobs of what the device used, and ``samples_per_joule``;
    the percentiles of single batches' latency in seconds, the medians over jobs.
    """
    ok = _timed_jobs(rows, ["batch_size", "steps_per_epoch", *_ENERGY, *_LATENCY, *_MEMORY])
    grouped = ok.groupby(CELL, sort=False)
    medians = grouped[["samples", "batch_size", "steps_per_epoch", *_ENERGY, *_LATENCY]].median()
    found = medians.join(grouped[list(_MEMORY)].max()).reset_index()
    keys = dict.fromkeys(CELL, "string")
    cells = summary[[*CELL, "seconds_per_epoch"]].astype(keys)
    cells = cells.merge(found.astype(keys), on=CELL, how="left")
    seconds = cells["seconds_per_epoch"].astype("Float64")
    whole = -((-cells["samples"]) // cells["batch_size"])
    cells["samples_per_second"] = cells["samples"] / seconds
    cells["ms_per_step"] = 1000 * seconds / cells["steps_per_epoch"].fillna(whole)
    of_card, of_processor = (cells[name].astype("Float64") for name in _ENERGY)
    cells["joules_per_epoch"] = of_card.where(cells["device"] == Device.GPU, of_processor)
    cells["samples_per_joule"] = cells["samples"] / cells["joules_per_epoch"]
    return cells[
        [*CELL, "samples_per_second", "ms_per_step", *_MEMORY, "joules_per_epoch",
         "samples_per_joule", *_LATENCY]
    ]  # fmt: skip
