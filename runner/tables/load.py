"""The one tidy table, derived from what the store of one or several runs holds."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.errors import StoreError
from runner.locks import is_held
from runner.spec.axes import AxisValue, declared_axes
from runner.spec.job import Job, Status, job_names
from runner.spec.regular import open_regular
from runner.spec.variables import VARIABLES
from runner.store.events import MOST_EVENT_BYTES, read_stream, wrong_order
from runner.store.record import Record, began_at, read_job, read_manifest, read_record
from runner.tables.columns import COLUMNS, LATENCY_COLUMNS, LIMIT_COLUMNS, TELEMETRY_COLUMNS
from runner.tables.disturbance import disturbance_of, epoch_pauses, unobserved_of
from runner.tables.per_job import job_phases
from runner.tables.variants import distinguished_jobs
from runner.tables.verdicts import LOOKS
from runner.words import escaped


def _events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return what the whole events of a file say, and how many of its lines are none."""
    try:
        with open_regular(path, MOST_EVENT_BYTES) as file:
            return read_stream(file.read())
    except FileNotFoundError:
        return [], 0


_ENVIRONMENT_COLUMNS = (
    "image_digest", "base_digest", "base_repo_digest", "lock_sha256", "packages_sha256", VARIABLES,
    "node", "cpu_quota", "scheduling",
)  # fmt: skip
_MOST_JOBS = 200_000
_RUN_COLUMNS = ("models_sha256", "runner_version", "git_commit", "kernel", "cpu_model")


def _axes(found: Mapping[str, Any]) -> dict[str, AxisValue | None]:
    """Return the columns of the axes' values that a job or an event holds."""
    return {name: axis.cell(found[name]) for name, axis in declared_axes().items()}


def _job_columns(asked: Job, record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that hold for every row of a job."""
    job = vars(asked)
    job_fields = ("configuration", "backend", "model", "repeat", "device", "seed",
                  "image_data_format", "recurrent_activation")  # fmt: skip
    kept = ("reason", "launcher", "device_name", "device_uuid", "driver",
            "wall_seconds", "started")  # fmt: skip
    identity = record.get("identity", {})
    run_values = {name: identity[name] for name in _RUN_COLUMNS if name in identity}
    return {
        **run_values,
        **{name: job.get(name) for name in job_fields},
        **_axes(job),
        "varied": ",".join(asked.varied),
        "settings": asked.settings,
        "samples_asked": asked.samples,
        **{name: record.get(name) for name in kept},
        "status": str(record["status"]),  # older pandas keeps the enumeration's member
        "data_source": job.get("data"),
        "cpus": record.get("cpus"),
        **{name: record.get("telemetry", {}).get(name) for name in TELEMETRY_COLUMNS},
        "disturbance": disturbance_of(record.get("telemetry", {})),
        "unobserved": unobserved_of(record.get("telemetry", {})),
        **{name: identity.get(name) for name in _ENVIRONMENT_COLUMNS},
        "cores": _number(identity.get("cores")),
    }


def _number(text: str | None) -> int | None:
    """Return the number of a record's text, which another machine may have written."""
    return int(text) if text and re.fullmatch("[0-9]{1,9}", text) else None


def _from_start(event: dict[str, Any]) -> dict[str, Any]:
    versions = event["versions"]
    seen = {key: event[key] for key in ("cache_warm", "import_seconds")}
    seen |= {name: value for name, value in _axes(event).items() if value is not None}
    if event["device"].get("name"):
        seen["device_name"] = event["device"]["name"]
    if event.get("cpu_model"):
        seen["cpu_model"] = event["cpu_model"]
    return {
        **seen,
        "keras_version": versions.get("keras"),
        "python_version": versions.get("python"),
        "backend_version": versions.get(event["backend"]),
    }


def _from_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "data_source": event["source"],
        "data_sha256": event["sha256"],
        "data_seconds": event["seconds"],
    }


def _count(value: object) -> int | None:
    """Return a number that a job may say in any form, if it is one that a column can hold."""
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _from_model(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "parameters": event["parameters"],
        "image_data_format": event["image_data_format"],
        "build_seconds": event["seconds"],
        "batch_size": _count(event["hyperparameters"].get("batch_size")),
    }


def _from_end(event: dict[str, Any]) -> dict[str, Any]:
    kept = ("test_loss", "test_accuracy", "test_seconds", "peak_memory_bytes")
    memory = {"gpu_peak_memory_bytes": event.get("gpu_peak_memory_bytes")}
    fused = event.get("fused_kernels")
    ran = None if fused is None else ", ".join(fused) or "none"
    return {key: event[key] for key in kept} | memory | {"fused_kernels": ran}


def _from_latency(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name.removeprefix("latency_")] for name in LATENCY_COLUMNS}


def _from_limits(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in LIMIT_COLUMNS}


_READERS = {
    "start": _from_start,
    "data": _from_data,
    "model": _from_model,
    "latency": _from_latency,
    "limits": _from_limits,
    "end": _from_end,
}
_EPOCH_COLUMNS = (
    "epoch", "seconds", "samples", "loss", "accuracy", "val_loss", "val_accuracy",
    "epoch_paused_seconds",
)  # fmt: skip
# A row's text is one of its job's: as an object, all rows of a job share it.
_KINDS = {"string": pd.StringDtype("python")}
_ARRAYS = {
    "Int64": (pd.arrays.IntegerArray, np.int64),
    "Float64": (pd.arrays.FloatingArray, np.float64),
    "boolean": (pd.arrays.BooleanArray, np.bool_),
}
_JOB_COLUMNS = [name for name in COLUMNS if name not in _EPOCH_COLUMNS]


@dataclass(frozen=True)
class _JobRows:
    """A job's rows, one per epoch: the columns that hold for all of them, and those of each."""

    of_job: dict[str, Any]
    epochs: dict[str, npt.NDArray[Any]]

    @property
    def has_epochs(self) -> bool:
        """Return whether there is a row for an epoch; else there is one without."""
        return len(self.epochs["epoch"]) > 0

    @property
    def count(self) -> int:
        """Return how many rows there are: one for a job without an epoch."""
        return max(1, len(self.epochs["epoch"]))


def _unreadable(of_run: dict[str, Any], folder: Path, reason: str) -> _JobRows:
    """Return the row of a job whose files are damaged: its name says what it was."""
    named = job_names(folder.name) or (folder.name, "unknown", "unknown", 0)
    configuration, backend, model = map(escaped, named[:3])
    values = {
        **of_run,
        "job": folder.name,
        "configuration": configuration,
        "backend": backend,
        "model": model,
        "repeat": named[3],
        "device": "unknown",
        "varied": "",
        "settings": "",
        "status": str(Status.FAILED),
        "reason": reason,
    }
    return _JobRows(values, _epoch_columns([], {}))


def _record_of(folder: Path) -> Record:
    """Return how a job ended; for one without a record, whether its run still works on it."""
    path = folder / "record.json"
    if not path.exists() and is_held(folder.parent.parent):
        return Record(Status.RUNNING, "it has not ended yet")
    # Looked for again: it may have been written, and the run left, since.
    if path.exists():
        return read_record(folder)
    return Record(Status.INTERRUPTED, "the runner ended before the job did")


def _damage(record: Record, path: Path, events: list[dict[str, Any]], bad: int) -> str | None:
    """Return why the events of a job that ended well are no longer whole, or None."""
    if record.status not in (Status.OK, Status.TAINTED):
        return None
    if bad:
        return f"{path}: damaged: {bad} of its lines cannot be read"
    if wrong := wrong_order(events):
        return f"{path}: damaged: {wrong}"
    return None


def _job_rows(of_run: dict[str, Any], folder: Path) -> _JobRows:
    """Return a job's rows: one per epoch, or one without an epoch if it had none.

    A job whose files are damaged is ``failed``, with the file in its reason.
    """
    if folder.is_symlink():
        return _unreadable(of_run, folder, f"{folder}: it is a link, which is not followed")
    try:
        job, record = read_job(folder), _record_of(folder)
    except StoreError as error:
        return _unreadable(of_run, folder, str(error))
    path = folder / "events.jsonl"
    try:
        events, bad = _events(path)
    except OSError as error:
        return _unreadable(of_run, folder, f"{path}: cannot be read: {error.strerror}")
    if damage := _damage(record, path, events, bad):
        record.status, record.reason = Status.FAILED, damage
    common = {**of_run, "job": folder.name, **_job_columns(job, vars(record))}
    for event in events:
        if event["event"] in _READERS:
            common.update(_READERS[event["event"]](event))
    common.update(_phases(record, events))
    known = record.telemetry.get("paused_seconds") is not None
    paused = epoch_pauses(record.pauses, events) if known else None
    epochs = [event for event in events if event["event"] == "epoch"]
    return _JobRows(common, _epoch_columns(epochs, paused))


def _epoch_columns(
    epochs: Sequence[dict[str, Any]], paused: Mapping[int, float] | None
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of ``_EPOCH_COLUMNS``; ``paused`` are the seconds of the epochs that were.

    What was not measured is NaN.
    """
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.array([epoch[name] for epoch in epochs], _ARRAYS[COLUMNS[name]][1])
        for name in _EPOCH_COLUMNS[:-1]
    }
    still = np.full(len(epochs), np.nan if paused is None else 0.0)
    for number, seconds in (paused or {}).items():
        still[columns["epoch"] == number] = seconds
    return {**columns, "epoch_paused_seconds": still}


def _phases(record: Record, events: list[dict[str, Any]]) -> dict[str, float]:
    """Return a job's phases in seconds; none for a job that has no end on record, or
    whose clock was set."""
    began = began_at(record)
    if began is None or record.wall_seconds is None or record.clock_step_seconds:
        return {}
    return job_phases(began, record.wall_seconds, events)


def _terms(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return on what terms a run's verdicts are told."""
    request = manifest.get("request")
    if not isinstance(request, dict):
        return {}
    within = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?)%?", str(request.get("same_within")).strip())
    return {
        "looks": 1 if request.get("budget") is None else len(LOOKS),
        "same_within": float(within[1]) / 100 if within else None,
    }


def _run_rows(folder: Path, name: str) -> list[_JobRows]:
    """Return the rows of a run's jobs, in the order in which they were planned."""
    manifest = read_manifest(folder)
    planned = {job: position for position, job in enumerate(manifest["jobs"])}
    if (folder / "jobs").is_symlink():
        raise StoreError(f"{folder}/jobs: it is a link, which is not followed")
    # A folder in which nothing lies is one that the runner had no time to fill.
    jobs = [path for path in (folder / "jobs").glob("*/") if any(path.glob("*.json*"))]
    if len(jobs) > _MOST_JOBS:
        raise StoreError(f"{folder}/jobs: holds {len(jobs):,} jobs, more than {_MOST_JOBS:,}")
    jobs.sort(key=lambda path: (planned.get(path.name, len(planned)), path.name))
    of_run = {
        "run": name,
        **_terms(manifest),
        **{column: manifest["identity"].get(column) for column in _RUN_COLUMNS},
    }
    return [_job_rows(of_run, path) for path in jobs]


def _typed(jobs: list[_JobRows]) -> pd.DataFrame:
    """Return the rows of jobs as a table: what holds for a job is typed once, and repeated."""
    kinds = {name: _KINDS.get(COLUMNS[name], COLUMNS[name]) for name in _JOB_COLUMNS}
    of_jobs = pd.DataFrame([job.of_job for job in jobs], columns=_JOB_COLUMNS).astype(kinds)
    of_jobs = of_jobs.assign(**distinguished_jobs(of_jobs.assign(samples=_most_samples(jobs))))
    counts = np.array([job.count for job in jobs])
    has_epoch = np.repeat([job.has_epochs for job in jobs], counts)
    columns: dict[str, Any] = {name: _repeated(of_jobs[name], counts) for name in _JOB_COLUMNS}
    for name in _EPOCH_COLUMNS:
        values = _all_rows([job.epochs[name] for job in jobs])
        make, _ = _ARRAYS[COLUMNS[name]]
        columns[name] = make(values, ~has_epoch | np.isnan(values))
    return pd.DataFrame({name: columns[name] for name in COLUMNS}, copy=False)


def _repeated(column: pd.Series, counts: npt.NDArray[Any]) -> Any:
    """Return a column of jobs with each value as often as its job has rows.

    What is zero in every row takes no memory until it is written to.
    """
    if (kind := COLUMNS[str(column.name)]) not in _ARRAYS:
        return column.array.repeat(counts)
    make, plain = _ARRAYS[kind]
    parts = column.to_numpy(plain, na_value=0), column.isna().to_numpy()
    rows = int(counts.sum())
    return make(*(p.repeat(counts) if p.any() else np.zeros(rows, p.dtype) for p in parts))


def _most_samples(jobs: list[_JobRows]) -> pd.Series:
    """Return the most samples of an epoch of each job; missing for a job without an epoch."""
    most = [int(job.epochs["samples"].max()) if job.has_epochs else None for job in jobs]
    return pd.Series(most, dtype=COLUMNS["samples"])


def _all_rows(columns: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return a column of all jobs; a 0 stands for a job without an epoch."""
    return np.concatenate([part if len(part) else np.zeros(1, part.dtype) for part in columns])


def _sound(job: _JobRows) -> _JobRows:
    """Return a job's rows, or one that says what in them fits no column."""
    try:
        _typed([job])
    except (TypeError, ValueError, OverflowError) as error:
        of_run = {name: job.of_job[name] for name in ("run", *_RUN_COLUMNS)}
        reason = f"{job.of_job['job']}: its figures fit no column: {escaped(str(error))}"
        return _unreadable(of_run, Path(job.of_job["job"]), reason)
    return job


def _table(jobs: list[_JobRows]) -> pd.DataFrame:
    try:
        return _typed(jobs)
    except (TypeError, ValueError, OverflowError):
        return _typed(list(map(_sound, jobs)))


def _named_apart(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the folders of runs with their names, without one that is there already.

    A link to a run, or a copy, began when it did. Of different runs with the same name each is
    called by the folder that it lies in, too: an artifact of CI holds its run under one name.
    """
    began: dict[tuple[str, str | None], Path] = {}
    for path in paths:
        manifest = read_manifest(path)
        began.setdefault((manifest["run"], manifest["started"]), path)
    same = Counter(name for name, _ in began)
    found = {
        path: name if same[name] == 1 else f"{path.resolve().parent.name}.{name}"
        for (name, _), path in began.items()
    }
    again = [name for name, count in Counter(found.values()).items() if count > 1]
    if again:
        one, other, *_ = (path for path, name in found.items() if name == again[0])
        raise StoreError(
            f"{one} and {other} are two runs with the same name, in folders with the same name: "
            "rename a folder, so that a table can tell them apart"
        )
    return found


def load_runs(*paths: Path | str) -> pd.DataFrame:
    """Return the tidy table of one or several runs, derived anew from their events.

    One row per epoch, in the columns and types of ``COLUMNS``: ``seconds`` from the epoch's begin
    to its end with validation, ``samples`` trained in it. A job without an epoch has one row with
    its status and reason; one whose files are damaged has status ``failed`` and the file in its
    reason; one that its run still works on has status ``running`` and its epochs so far. A run
    that is given twice, also as a copy, counts once. Raises StoreError for a folder that is no
    run.
    """
    named = _named_apart(map(Path, paths))
    jobs = [job for path, name in named.items() for job in _run_rows(path, name)]
    if not jobs:
        raise StoreError(f"{', '.join(map(str, paths))}: no job was started, so there is no table")
    return _table(jobs)
