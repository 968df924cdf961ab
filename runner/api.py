"""What notebooks and programs may rely on: six functions, pandas tables in and out.

Expected failures are ``runner.errors.BenchmarkError`` and its kinds: their text says what is wrong,
where, and what to do. Everything else in ``runner`` may change without notice.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import ValidationError
from rich.console import Console

from runner import paths
from runner.errors import BenchmarkError, ExitCode, UsageError
from runner.execution.observer import Observer
from runner.execution.session import execute_run
from runner.plan.history import History
from runner.plan.resume import Session
from runner.progress.forecast import Forecast
from runner.progress.lines import Lines, Several
from runner.report.contents import Report
from runner.report.markdown import write_summary
from runner.spec.configuration import load_configurations
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimits
from runner.store.find import find_run
from runner.store.run_folder import RunStore
from runner.tables.between_runs import Guard, SideBySide, compare_tables, judge_cells
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.published import published_series, with_published
from runner.tables.verdicts import Answer, find_answer

__all__ = [
    "BenchmarkError",
    "Guard",
    "SideBySide",
    "compare",
    "configurations",
    "guard",
    "load",
    "published",
    "run",
    "summary",
]


def configurations(names: Iterable[str] = ()) -> pd.DataFrame:
    """Return what can be run: one row per configuration and backend, of all or the named ones.

    Columns, all text: ``configuration``, ``title``, ``keras_version``, ``python_version``,
    ``backend``, ``backend_version``, ``published_version`` (what the reproduced article had),
    ``image_data_format``, ``recurrent_activation``, ``cuda``, ``cudnn``, ``min_driver``,
    ``min_compute_capability``, ``max_compute_capability`` and ``source`` (where the GPU's facts
    come from). What does not apply is missing.

    Source: ``docker/<configuration>/config.toml``. Raises UsageError for an unknown name,
    ConfigurationError for a file that is wrong.
    """
    gpu = ("cuda", "cudnn", "min_driver", "min_compute_capability", "max_compute_capability",
           "source")  # fmt: skip
    rows = [
        {
            "configuration": found.name,
            "title": found.title,
            "keras_version": found.keras,
            "python_version": found.python,
            "backend": name,
            "backend_version": backend.version,
            "published_version": backend.published_version,
            "image_data_format": backend.image_data_format,
            "recurrent_activation": found.recurrent_activation,
            **{fact: getattr(backend.gpu, fact) for fact in gpu},
        }
        for found in load_configurations(list(names))
        for name, backend in found.backends.items()
    ]
    return pd.DataFrame(rows).astype("string")


def _request(**asked: object) -> Request:
    try:
        return Request.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where}={first['input']!r}: {first['msg']}") from error


def _lines(root: Path) -> Observer:
    """Return what tells of a run on standard error, a line for each thing that happens."""
    forecast, console = Forecast(partial(History, root)), Console(stderr=True)
    complain = partial(console.print, highlight=False, markup=False)
    return Several([forecast, Lines(console, forecast)], complain)


def run(
    configurations: Iterable[str] = (),
    models: Iterable[str] = (),
    backends: Iterable[str] = (),
    *,
    study: str | None = None,
    device: Literal["auto", "gpu", "cpu"] = "gpu",
    gpu: str | None = None,
    epochs: int | None = None,
    samples: int | None = None,
    data: Literal["real", "synthetic", "digits"] | None = None,
    seed: int = 2017,
    repeats: int = 1,
    until: str | None = None,
    threads: int | None = None,
    launcher: Literal["auto", "docker", "local"] = "auto",
    python: Path | str | None = None,
    timeout: float = TimeLimits.wall,
    wait: float = 0.0,
    results_dir: Path | str = paths.RESULTS,
    name: str | None = None,
    observer: Observer | None = None,
) -> pd.DataFrame:
    """Train models in fresh processes, one job after the other, and return the run's table.

    ``configurations``, ``models`` and ``backends`` are names; empty means those that reproduce the
    published ``study``, or where none is named all configurations and the models of 2017. ``gpu``
    is a UUID or an index. ``epochs`` and ``samples`` (training samples per epoch) default to the
    published ones, ``data`` to real data where it is cached and else to synthetic. ``repeats`` is
    the number of fresh processes per cell; ``until`` ("2%") repeats until each cell's interval is
    that narrow. ``timeout`` (a job's) and ``wait`` (for a device that another run holds) are in
    seconds. ``name`` is the run's, by default the time at which it begins. ``observer`` hears of
    every job and epoch; without one they are printed to standard error.

    Returns one row per epoch, in the columns of ``load``. A job that is not ok has its status and
    reason there and raises nothing. The run stays in ``results_dir/<run>/``, with its tables.

    Raises UsageError for a wrong name or value, MachineError for what this machine lacks,
    KeyboardInterrupt when interrupted: what was measured until then is kept on disk. It listens
    to signals, so it must be called from the main thread.
    """
    request = _request(
        study=study,
        config=tuple(configurations),
        model=tuple(models),
        backend=tuple(backends),
        device=device,
        gpu=gpu,
        epochs=epochs,
        samples=samples,
        data=data,
        seed=seed,
        repeats=repeats,
        until=until,
        threads=threads,
        launcher=launcher,
        python=python,
    )
    call = Session(root=Path(results_dir), name=name, limits=TimeLimits(wall=timeout), wait=wait)
    ended = execute_run(request, call, observer or _lines(call.root))
    table = load_runs(ended.folder) if ended.has_rows else None
    if table is not None:
        RunStore(ended.folder).write_table(table)
        write_summary(ended.folder, Report.of(table))
    if ended.error is not None:
        raise ended.error
    if ended.code is ExitCode.INTERRUPTED:
        raise KeyboardInterrupt(f"what was measured is kept in {ended.folder}")
    assert table is not None
    return table


def load(*runs: Path | str, results_dir: Path | str = paths.RESULTS) -> pd.DataFrame:
    """Return the tidy table of runs: one row per epoch, of a job without one a single row.

    ``runs`` are folders, names of runs in ``results_dir``, or "latest". Columns and types are
    ``runner.tables.columns.COLUMNS``: among them ``run``, ``job``, ``configuration``, ``backend``,
    ``model``, ``device``, ``repeat``, ``status``, ``reason``, ``epoch``; ``seconds`` of the epoch
    with its validation; ``samples`` trained in it; ``loss``, ``accuracy``, ``val_loss``,
    ``val_accuracy``; a job's phases as ``*_seconds``; memory in bytes; and what it ran in, down
    to the image's digest.

    Source: the events on disk, read anew. Raises StoreError for what is no run.
    """
    return load_runs(*(find_run(Path(results_dir), str(run)) for run in runs or ["latest"]))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model, configuration, backend and device of a table of ``load``.

    ``seconds_per_epoch``: the geometric mean over processes of each one's median over its epochs
    after the first, in seconds; ``seconds_low`` to ``seconds_high``: its 95 % interval over
    ``repeats`` processes, missing for one; ``variant`` tells runs apart that did other work or ran
    on other machines; ``disturbance`` what held the jobs up; ``first_epoch_seconds`` holds
    one-time work; ``val_accuracy`` from 0 to 1; ``warnings`` in words; ``status`` and ``reason``.
    Beside them the figures of the study that has the model (see ``published``):
    ``published_seconds``, and the ratios to TensorFlow in the same test, ``measured_ratio`` and
    ``published_ratio``.
    """
    return with_published(summarize(table))


def answer(table: pd.DataFrame) -> Answer:
    """Return which backend is fastest by a table of ``load``, and where that cannot be told.

    ``print`` it for a line a model and one over all. ``.verdicts``: for each model its ``model``,
    ``kind`` ("fastest", "same" or "cannot tell"), ``fastest``, ``pairs`` with the ratio of
    seconds between the ends of its interval, and ``text``. ``.overall``: the line over all models.
    All statements of a verdict hold together in 95 % of cases.
    """
    return find_answer(table)


def published() -> pd.DataFrame:
    """Return every published figure of one of the models on a GPU, one row each.

    Columns ``study``, ``series``, ``gpu``, ``model``, ``backend``, ``seconds`` per epoch and
    ``source``, the page or file that it stands in. Whether the first epoch is inside stands in the
    study's ``study.toml``; in those of "bhatia2017", which this project reproduces, it is.

    Source: ``results/published/<study>/``. Raises ConfigurationError for a file that is wrong.
    """
    return published_series().reset_index(drop=True)


def compare(a: pd.DataFrame, b: pd.DataFrame) -> SideBySide:
    """Set two tables of ``load`` side by side: what differs, and how much slower B is than A.

    ``.cells``: one row per cell with both sides' seconds and their ``ratio`` (B over A) between
    ``ratio_low`` and ``ratio_high``, its 95 % interval, a ``verdict`` and ``why``.
    ``.differences``: one row per cell and property of the set-up that is not the same.
    ``guard`` judges them by a threshold.
    """
    return compare_tables(a, b)


def guard(compared: SideBySide, threshold: float) -> Guard:
    """Return whether B may replace A where ``threshold`` 0.05 allows 5 % more seconds.

    ``.passed``; ``.failures`` and ``.wide``: pairs of a cell's name and a reason. A cell fails if
    its ratio's whole interval lies beyond the threshold, or if it had a time in A and is missing
    or not ok in B; if nothing could be judged, that fails too.
    """
    return judge_cells(compared.cells, threshold)
