"""What notebooks and programs may rely on: a few functions, pandas tables in and out.

Expected failures are ``runner.errors.BenchmarkError`` and its kinds: their text says what is wrong,
where, and what to do. Everything else in ``runner`` may change without notice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from inspect import Parameter, signature
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import pandas as pd
from pydantic import AfterValidator, ConfigDict, PlainValidator, ValidationError, validate_call
from rich.console import Console

from runner import paths
from runner.errors import BenchmarkError, ExitCode, UsageError, near_miss
from runner.execution.observer import Observer, Several
from runner.execution.session import execute_run
from runner.plan.history import History
from runner.plan.resume import Session
from runner.progress.forecast import Forecast
from runner.progress.lines import Lines
from runner.report.answer import PrintedAnswer
from runner.report.charts import draw_epochs, draw_seconds
from runner.report.contents import Report
from runner.report.markdown import write_summary
from runner.spec.axes import declared_axes
from runner.spec.configuration import load_configurations
from runner.spec.request import Request, Whole
from runner.spec.time_limits import TimeLimits
from runner.store.find import find_run
from runner.store.run_folder import RunStore
from runner.tables.between_runs import (
    COMPARED_COLUMNS,
    DIFFERENCE_COLUMNS,
    SideBySide,
    compare_tables,
    judge_cells,
)
from runner.tables.columns import CELL, COLUMNS, PUBLISHED_COLUMNS, SUMMARY_COLUMNS
from runner.tables.guard import Guard
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.published import published_series
from runner.tables.verdicts import Answer, find_answer

__all__ = [
    "BenchmarkError",
    "Guard",
    "SideBySide",
    "answer",
    "compare",
    "configurations",
    "guard",
    "load",
    "plot_epochs",
    "plot_seconds",
    "published",
    "run",
    "summary",
]

# What pydantic puts before a validator's own words.
_PYDANTIC = "Value error, "
P = ParamSpec("P")
R = TypeVar("R")


def _names(given: object) -> list[str]:
    """Return one name, or several, as a list."""
    if isinstance(given, str):
        return [given]
    found = list(given) if isinstance(given, Iterable) else [given]
    names = [name for name in found if isinstance(name, str)]
    if len(names) < len(found):
        raise ValueError("it must be a name or a list of names")
    return names


def _runs(given: object) -> list[str]:
    """Return one run, or several, as names and folders."""
    found = given if isinstance(given, list | tuple) else [given]
    if not all(isinstance(run, str | Path) for run in found):
        raise ValueError("it must be a run's name or folder, or a list of them")
    return [str(run) for run in found]


def _of_load(table: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        some = ", ".join(missing[:3]) + ", ..." * (len(missing) > 3)
        raise UsageError(f"this is no table of runner.load: it has no column {some}")
    return table


Names = Annotated[str | Iterable[str], PlainValidator(_names)]
# One value of an axis, or several: each combination is a cell of its own.
Values = int | str | Sequence[int | str] | None
Runs = Annotated[Path | str | Sequence[Path | str], PlainValidator(_runs)]
Rows = Annotated[pd.DataFrame, AfterValidator(_of_load)]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 and "\n" not in text else f"a {type(value).__name__}"


def _usage_error(error: ValidationError, call: str = "", known: Sequence[str] = ()) -> UsageError:
    """Return what is wrong first with the arguments of ``call``, whose names are ``known``."""
    first = error.errors()[0]
    place = first["loc"][0] if first["loc"] else ""
    name = known[min(place, len(known) - 1)] if isinstance(place, int) and known else str(place)
    if first["type"] == "unexpected_positional_argument":
        return UsageError(f"{call} takes fewer arguments without their names")
    if first["type"] == "unexpected_keyword_argument":
        return UsageError(f"{call} has no argument '{name}'{near_miss(name, known)}")
    if first["type"] == "missing_argument":
        return UsageError(f"{call} needs the argument '{name}'")
    reason = first["msg"].removeprefix(_PYDANTIC)
    # What is wrong with several arguments together is no value of one of them.
    return UsageError(f"{name}={_shown(first['input'])}: {reason}" if name else reason)


def _call(function: Callable[..., object]) -> str:
    return f"runner.{function.__name__}()"


def _arguments(function: Callable[..., object]) -> list[str]:
    """Return the names of a function's arguments; those of the axes where it takes any."""
    found = signature(function).parameters.values()
    own = [each.name for each in found if each.kind is not Parameter.VAR_KEYWORD]
    return own + [name for name in declared_axes() if len(own) < len(found)]


def _takes_axes(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that knows the axes that it takes, and whose help tells them."""

    @wraps(function)
    def call(*given: P.args, **named: P.kwargs) -> R:
        known = _arguments(function)
        for name in named:
            if name not in known:
                raise UsageError(
                    f"{_call(function)} has no argument '{name}'{near_miss(name, known)}"
                )
        return function(*given, **named)

    lines: list[str] = []
    for name, axis in declared_axes().items():
        values = ", ".join([*axis.values, "a number"] if axis.least is not None else axis.values)
        lines += wrap(f"``{name}`` ({values}): {axis.help}", 96)
    call.__doc__ = str(function.__doc__).replace("{axes}", "\n    ".join(lines))
    return call


def _checked(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that raises UsageError for arguments of another type than it states."""
    checked = validate_call(config=ConfigDict(arbitrary_types_allowed=True))(function)

    @wraps(function)
    def call(*given: P.args, **named: P.kwargs) -> R:
        try:
            return checked(*given, **named)
        except ValidationError as error:
            raise _usage_error(error, _call(function), _arguments(function)) from error

    return call


def _uniform(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame whose columns have these types whatever it holds; others are text."""
    return frame.astype({name: types.get(str(name), "string") for name in frame})


@_checked
def configurations(names: Names = ()) -> pd.DataFrame:
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
        raise _usage_error(error) from error


def _lines(root: Path) -> Observer:
    """Return what tells of a run on standard error, a line for each thing that happens."""
    forecast, console = Forecast(partial(History, root)), Console(stderr=True)
    complain = partial(console.print, highlight=False, markup=False)
    return Several([forecast, Lines(console, forecast)], complain)


@_takes_axes
@_checked
def run(
    configurations: Names = (),
    models: Names = (),
    backends: Names = (),
    *,
    study: str | None = None,
    device: Literal["auto", "gpu", "cpu"] = "auto",
    gpu: str | None = None,
    epochs: Whole | None = None,
    data: Literal["real", "synthetic", "digits"] | None = None,
    seed: Whole = 2017,
    repeats: Whole = 1,
    until: str | None = None,
    launcher: Literal["auto", "docker", "local"] = "auto",
    python: Path | str | None = None,
    timeout: float = TimeLimits.wall,
    wait: float = 0.0,
    results_dir: Path | str = paths.RESULTS,
    name: str | None = None,
    observer: Observer | None = None,
    **axes: Values,
) -> pd.DataFrame:
    """Train models in fresh processes, one at a time on each device, and return the run's table.

    ``configurations``, ``models`` and ``backends`` are one or several names; empty means those
    that reproduce the published ``study``, or where none is named all configurations and the
    models of 2017. ``gpu`` is a UUID or an index, several with commas between, or "all": a job on
    each at a time. ``epochs`` default to the published ones, ``data`` to real data where it is
    cached and else to synthetic. ``repeats`` is the number of fresh processes per cell; ``until``
    ("2%") repeats until each cell's interval is that narrow. ``timeout`` (a job's) and ``wait``
    (for a device that another run holds) are in seconds.
    ``name`` is the run's, by default the time at which it begins. ``observer`` hears of every job
    and epoch; without one they are printed to standard error.

    ``axes`` take one value or several, and every combination is a cell of its own:
    {axes}

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
        data=data,
        seed=seed,
        repeats=repeats,
        until=until,
        launcher=launcher,
        python=python,
        **axes,
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


@_checked
def load(*runs: Runs, results_dir: Path | str = paths.RESULTS) -> pd.DataFrame:
    """Return the tidy table of runs: one row per epoch, of a job without one a single row.

    ``runs`` are folders, names of runs in ``results_dir``, or "latest". Columns and types are
    ``runner.tables.columns.COLUMNS``: among them ``run``, ``job``, ``configuration``, ``backend``,
    ``model``, ``device``, ``repeat``, ``status``, ``reason``, ``epoch``; ``seconds`` of the epoch
    with its validation; ``samples`` trained in it; ``loss``, ``accuracy``, ``val_loss``,
    ``val_accuracy``; a job's phases as ``*_seconds``; memory in bytes; and what it ran in, down
    to the image's digest.

    Source: the events on disk, read anew. Raises StoreError for what is no run.
    """
    named = [name for several in runs for name in _runs(several)] or ["latest"]
    return load_runs(*(find_run(Path(results_dir), name) for name in named))


def _verdicts(cells: pd.DataFrame, found: Answer) -> "pd.Series[str]":
    """Return what an answer says of each cell of a summary; missing where nothing is said."""
    keys = cells[CELL].astype(str).itertuples(index=False, name=None)
    return pd.Series(map(found.by_cell.get, keys), index=cells.index, dtype="string")


@_checked
def summary(table: Rows) -> pd.DataFrame:
    """Return one row per model, configuration, backend and device of a table of ``load``.

    ``seconds_per_epoch``: the geometric mean over processes of each one's median over its epochs
    after the first, in seconds; ``seconds_low`` to ``seconds_high``: its 95 % interval over
    ``repeats`` processes, missing for one; ``verdict``, the last column: what ``answer`` says of
    the cell ("fastest", "same" as the fastest, "slower", "cannot tell" or "not comparable"),
    missing where there is nothing to compare it with. The index is the model and the backend.
    docs/columns.md explains every column.

    Beside them stand the figures of the study that has the model (see ``published``).
    """
    report = Report.of(table)
    cells = report.summary.assign(verdict=_verdicts(report.summary, report.answer))
    # A wide frame is printed as its index, its first and its last columns.
    first = ["seconds_per_epoch", "seconds_low", "seconds_high"]
    cells = cells[[*first, *(name for name in cells if name not in first)]]
    typed = _uniform(cells, {**SUMMARY_COLUMNS, **PUBLISHED_COLUMNS})
    return typed.set_index(typed["model"].str.cat(typed["backend"], sep=" ").rename(None))


@_checked
def answer(table: Rows) -> PrintedAnswer:
    """Return which backend is fastest by a table of ``load``, and where that cannot be told.

    ``print`` it for a line a model and one over all. ``.verdicts``: for each model its ``model``,
    ``kind`` ("fastest", "same" or "cannot tell"), ``reason`` why it cannot be told, ``fastest``,
    and ``pairs`` with the ratio of seconds between the ends of its interval. ``.overall``: the
    same over all models, with ``first``, ``ratios`` and in how many models ``first`` is fastest.
    ``.effects``: the verdicts on the values of an axis that varies, for each backend.
    All statements of a verdict hold together in 95 % of cases.
    """
    return PrintedAnswer(**vars(find_answer(table)))


@_checked
def published() -> pd.DataFrame:
    """Return every published figure of one of the models on a GPU, one row each.

    Columns ``study``, ``series``, ``gpu``, ``model``, ``backend``, ``seconds`` per epoch and
    ``source``, the page or file that it stands in. Whether the first epoch is inside stands in the
    study's ``study.toml``; in those of "bhatia2017", which this project reproduces, it is.

    Source: ``results/published/<study>/``. Raises ConfigurationError for a file that is wrong.
    """
    return _uniform(published_series().reset_index(drop=True), {"seconds": "Float64"})


@_checked
def compare(a: Rows, b: Rows) -> SideBySide:
    """Set two tables of ``load`` side by side: what differs, and how much slower B is than A.

    ``.cells``: one row per cell with both sides' seconds and their ``ratio`` (B over A) between
    ``ratio_low`` and ``ratio_high``, its 95 % interval, a ``verdict`` and its ``reason``.
    ``.differences``: one row per cell and property of the set-up that is not the same.
    ``guard`` judges them by a threshold.
    """
    found = compare_tables(a, b)
    return SideBySide(
        _uniform(found.cells, COMPARED_COLUMNS), _uniform(found.differences, DIFFERENCE_COLUMNS)
    )


@_checked
def guard(compared: SideBySide, threshold: float) -> Guard:
    """Return whether B may replace A where ``threshold`` 0.05 allows 5 % more seconds.

    ``.passed``; ``.failures`` and ``.undecided``: each with its ``cell``, the ``reason`` and the
    ``values`` that it rests on. A cell fails if
    its ratio's whole interval lies beyond the threshold, or if it had a time in A and is missing
    or not ok in B; if nothing could be judged, that fails too.
    """
    return judge_cells(compared.cells, threshold)


@_checked
def plot_seconds(table: Rows) -> Any:
    """Draw a bar per cell of a table of ``load``, a group per model, and return the ``Axes``.

    A bar is the seconds per epoch over those of the fastest cell of its model, with its 95 %
    interval. Save it with ``.figure.savefig("seconds.png")``. Needs matplotlib, the extra
    ``plot``; raises UsageError without it, and where no job is ok.
    """
    return draw_seconds(summarize(table))


@_checked
def plot_epochs(table: Rows, column: str = "loss") -> Any:
    """Draw ``column`` of a table of ``load`` over the epochs, a line per cell; return the ``Axes``.

    ``column`` is "seconds", "loss", "accuracy", "val_loss" or "val_accuracy": its mean over the
    processes that are ok. Needs matplotlib; raises UsageError as ``plot_seconds`` does.
    """
    return draw_epochs(table, column)
