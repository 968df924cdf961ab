"""The store of a run, and the one tidy table derived from it.

``results/runs/<run>/`` holds ``manifest.json`` and, per job, ``jobs/<job>/`` with ``job.json``,
``events.jsonl`` (the checked events as they came), ``log.txt`` and ``record.json``.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from runner import limits, phases, watch
from runner.errors import MachineError, StoreError, near_miss
from runner.events import BadLine, Event, parse, wrong_order
from runner.jobs import Job, Status
from runner.text import LogText, escaped, escaped_json

SCHEMA = 1
MAX_LOG_BYTES = 64 << 20

COLUMNS: dict[str, str] = {
    "run": "string",
    "job": "string",
    "configuration": "string",
    "backend": "string",
    "model": "string",
    "repeat": "Int64",
    "status": "string",
    "reason": "string",
    "epoch": "Int64",
    "seconds": "Float64",
    "samples": "Int64",
    "loss": "Float64",
    "accuracy": "Float64",
    "val_loss": "Float64",
    "val_accuracy": "Float64",
    "test_loss": "Float64",
    "test_accuracy": "Float64",
    "keras_version": "string",
    "backend_version": "string",
    "python_version": "string",
    "launcher": "string",
    "device": "string",
    "device_name": "string",
    "device_uuid": "string",
    "driver": "string",
    "threads": "Int64",
    "data_source": "string",
    "data_sha256": "string",
    "batch_size": "Int64",
    "image_data_format": "string",
    "recurrent_activation": "string",
    "parameters": "Int64",
    "seed": "Int64",
    "cache_warm": "boolean",
    **phases.COLUMNS,
    **limits.COLUMNS,
    "wall_seconds": "Float64",
    "peak_memory_bytes": "Int64",
    "image_digest": "string",
    "base_digest": "string",
    "base_repo_digest": "string",
    "lock_sha256": "string",
    "packages_sha256": "string",
    "models_sha256": "string",
    "runner_version": "string",
    "git_commit": "string",
    "kernel": "string",
    "cpu_model": "string",
    "cpus": "string",
    **watch.COLUMNS,
    "started": "string",
}


@dataclass
class Record:
    """How a job ended and what it ran in: everything the events do not say themselves.

    ``clock`` is the limit of time that ended it, ``clock_step_seconds`` by how much the system's
    clock was set while it ran, ``attempt`` how often it was begun.
    """

    status: Status
    reason: str | None = None
    exit_code: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    bad_lines: int = 0
    started: str | None = None
    wall_seconds: float | None = None
    launcher: str | None = None
    device_name: str | None = None
    device_uuid: str | None = None
    driver: str | None = None
    identity: dict[str, str] = field(default_factory=dict)
    cpus: str | None = None
    telemetry: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    clock: str | None = None
    clock_step_seconds: float | None = None
    attempt: int = 1


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` so that the file is either the old one or the whole new one."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


class _Manifest(BaseModel):
    """What is read of a manifest; the rest of it is kept as it is."""

    model_config = ConfigDict(extra="allow")

    run: str
    started: str | None = None
    jobs: list[str] = []
    identity: dict[str, str | None] = {}


_JOB = TypeAdapter(Job)
_RECORD = TypeAdapter(Record)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"{path.parent}: {path.name} is missing; is this a run?") from error
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read: {escaped(str(error))}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise StoreError(f"{path}: not of schema {SCHEMA}; it was written by another version")
    return content


def _read_shown(path: Path) -> dict[str, Any]:
    """Return the same with its texts escaped: the file may be another machine's."""
    try:
        content: dict[str, Any] = escaped_json(_read_json(path))
    except ValueError as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    return content


def _wrong_field(path: Path, error: ValidationError) -> StoreError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return StoreError(f"{path}: cannot be read: {where}: {first['msg']}")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run's manifest, with ``run``, ``jobs`` and ``identity`` at least.

    Raises StoreError with the file's name if it is not there or is damaged.
    """
    path = folder / "manifest.json"
    try:
        return _Manifest.model_validate(_read_shown(path)).model_dump()
    except ValidationError as error:
        raise _wrong_field(path, error) from error


def read_job(folder: Path) -> Job:
    """Return what was asked of the job in ``folder``. Raises StoreError if it is damaged."""
    path = folder / "job.json"
    try:
        job = _JOB.validate_python(_read_shown(path))
    except ValidationError as error:
        raise _wrong_field(path, error) from error
    if job.id != folder.name:
        raise StoreError(f"{path}: is of another job, {job.id}")
    return job


def read_record(folder: Path) -> Record:
    """Return how the job in ``folder`` ended. Raises StoreError if it is damaged."""
    path = folder / "record.json"
    try:
        record = _RECORD.validate_python(_read_shown(path))
    except ValidationError as error:
        raise _wrong_field(path, error) from error
    try:
        _began(record)
    except (ValueError, OverflowError) as error:
        raise StoreError(f"{path}: cannot be read: started: {error}") from error
    return record


class JobStore:
    """One job's folder while it runs: each event and log line is on disk once it is accepted."""

    def __init__(self, folder: Path, job: Job) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        _write_json(folder / "job.json", {"schema": SCHEMA, **asdict(job)})
        self._events: IO[bytes] = (folder / "events.jsonl").open("ab")
        self._log: IO[bytes] = (folder / "log.txt").open("ab")
        self._log_text = LogText()
        self._log_room = MAX_LOG_BYTES

    def event(self, event: Event) -> None:
        """Append one checked event."""
        self._events.write(event.model_dump_json(by_alias=True).encode())
        self._events.write(b"\n")
        self._events.flush()

    def bad_line(self, line: BadLine) -> None:
        """Note in the log a line of standard output that was no event."""
        self._write(f"[not an event: {line.problem}] {line.text}\n".encode())

    def log(self, chunk: bytes) -> None:
        """Append to the log, up to ``MAX_LOG_BYTES``, with its control characters escaped."""
        if self._log_room:
            self._write(self._log_text.feed(chunk))

    def _write(self, shown: bytes) -> None:
        if not self._log_room:
            return
        kept = shown[: self._log_room]
        self._log.write(kept)
        if len(kept) < len(shown):
            self._log.write(b"\n[the log is cut here: it grew too large]\n")
        self._log.flush()
        self._log_room -= len(kept)

    def last_log_line(self) -> str:
        """Return the last line of the log that holds anything, or an empty string."""
        path = self.folder / "log.txt"
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines = [line.strip() for line in file.read().splitlines()]
        return next((line.decode("utf-8", "replace") for line in reversed(lines) if line), "")

    def close(self, record: Record) -> None:
        """Write how the job ended. A job without this file did not end."""
        os.fsync(self._events.fileno())
        self.abandon()
        _write_json(self.folder / "record.json", {"schema": SCHEMA, **asdict(record)})

    def abandon(self) -> None:
        """Let go of the files. Without a record the job counts as interrupted."""
        self._events.close()
        self._log.close()


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Try to lock a folder, and give whether it worked."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _try_flock(opened)
    finally:
        os.close(opened)


def _try_flock(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(folder: Path) -> bool:
    """Return whether a runner is working in a run's folder now."""
    with _held(folder) as is_ours:
        return not is_ours


class RunStore:
    """One run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, root: Path, manifest: dict[str, Any]) -> RunStore:
        """Make a new folder under ``root``, named after the time, with its manifest."""
        started = datetime.now(UTC)
        base = started.strftime("%Y%m%d-%H%M%S")
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = root / (base if number == 1 else f"{base}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            content = {"schema": SCHEMA, "run": folder.name, "started": started.isoformat()}
            _write_json(folder / "manifest.json", {**content, **manifest})
            return cls(folder)
        raise StoreError(f"{root}: no free name for a run at {base}")

    @property
    def name(self) -> str:
        """Return the run's name."""
        return self.folder.name

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the folder to this process while it writes there.

        The lock is the kernel's, on the folder itself: it leaves no file, and goes when this
        process ends, however it ends. Raises MachineError if another runner holds it.
        """
        with _held(self.folder) as is_ours:
            if not is_ours:
                raise MachineError(
                    f"{self.folder}: another runner is working in this run\n"
                    "wait until it has ended, or start a run of your own"
                )
            yield

    def manifest(self) -> dict[str, Any]:
        """Return what the run was made with. Raises StoreError if it cannot be read."""
        return _read_json(self.folder / "manifest.json")

    def amend(self, **entries: Any) -> None:
        """Enter something into the manifest, in place of what was there under its name."""
        _write_json(self.folder / "manifest.json", {**self.manifest(), **entries})

    def ended(self, job: Job) -> Status | None:
        """Return how a job of this run ended, or None if it has not: never begun, or cut off.

        One whose record is damaged counts as cut off.
        """
        try:
            return read_record(self.folder / "jobs" / job.id).status
        except StoreError:
            return None

    def job(self, job: Job) -> JobStore:
        """Open the folder of one job. What an earlier attempt left there is set aside."""
        folder = self.folder / "jobs" / job.id
        if folder.exists():
            self._set_aside(folder)
        return JobStore(folder, job)

    def attempt(self, job: Job) -> int:
        """Return how often a job was begun before."""
        return sum(1 for _ in (self.folder / "attempts").glob(f"{job.id}.*"))

    def _set_aside(self, folder: Path) -> None:
        attempts = self.folder / "attempts"
        attempts.mkdir(exist_ok=True)
        taken = {path.name for path in attempts.iterdir()}
        names = (f"{folder.name}.{number}" for number in itertools.count(1))
        folder.rename(attempts / next(name for name in names if name not in taken))

    def unstarted(self, job: Job, record: Record) -> None:
        """Record a job that never got a process."""
        self.job(job).close(record)

    def write_table(self, table: pd.DataFrame) -> None:
        """Write the tidy table as Parquet and CSV beside the manifest."""
        for name, write in (("table.parquet", table.to_parquet), ("table.csv", table.to_csv)):
            partial = self.folder / (name + ".part")
            write(partial, index=False)
            partial.replace(self.folder / name)


def _events(path: Path) -> tuple[list[Event], int]:
    """Return the whole events of a file, and how many of its lines are none."""
    if not path.exists():
        return [], 0
    with path.open("rb") as file:
        found = [parse(line) for line in file]
    events = [event for event in found if not isinstance(event, BadLine)]
    return events, len(found) - len(events)


_OF_ENVIRONMENT = (
    "image_digest", "base_digest", "base_repo_digest", "lock_sha256", "packages_sha256",
)  # fmt: skip
_OF_RUN = ("models_sha256", "runner_version", "git_commit", "kernel", "cpu_model")


def _job_columns(job: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that hold for every row of a job."""
    told = ("configuration", "backend", "model", "repeat", "device", "seed", "threads",
            "image_data_format", "recurrent_activation")  # fmt: skip
    kept = ("status", "reason", "launcher", "device_name", "device_uuid", "driver",
            "wall_seconds", "started")  # fmt: skip
    identity = record.get("identity", {})
    told_of_run = {name: identity[name] for name in _OF_RUN if name in identity}
    return {
        **told_of_run,
        **{name: job.get(name) for name in told},
        **{name: record.get(name) for name in kept},
        "data_source": job.get("data"),
        "cpus": record.get("cpus"),
        **{name: record.get("telemetry", {}).get(name) for name in watch.COLUMNS},
        **{name: identity.get(name) for name in _OF_ENVIRONMENT},
    }


def _from_start(event: dict[str, Any]) -> dict[str, Any]:
    versions = event["versions"]
    seen = {key: event[key] for key in ("cache_warm", "import_seconds", "threads")}
    if event["device"].get("name"):
        seen["device_name"] = event["device"]["name"]
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
    return {key: event[key] for key in kept}


def _from_limits(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in limits.COLUMNS}


_READERS = {
    "start": _from_start,
    "data": _from_data,
    "model": _from_model,
    "limits": _from_limits,
    "end": _from_end,
}
_EPOCH = ("epoch", "seconds", "samples", "loss", "accuracy", "val_loss", "val_accuracy")


def _unreadable(of_run: dict[str, Any], folder: Path, reason: str) -> dict[str, Any]:
    """Return the row of a job whose files are damaged: its name says what it was."""
    named = folder.name.rsplit(".", 3)
    if len(named) != 4 or not re.fullmatch(r"[0-9]{1,9}", named[3]):
        named = [folder.name, "unknown", "unknown", "0"]
    configuration, backend, model, repeat = map(escaped, named)
    return {
        **of_run,
        "job": folder.name,
        "configuration": configuration,
        "backend": backend,
        "model": model,
        "repeat": int(repeat),
        "device": "unknown",
        "status": str(Status.FAILED),
        "reason": reason,
    }


def _record_of(folder: Path) -> Record:
    if (folder / "record.json").exists():
        return read_record(folder)
    return Record(Status.INTERRUPTED, "the runner ended before the job did")


def _damage(record: Record, path: Path, events: list[Event], bad: int) -> str | None:
    """Return why the events of a job that ended well are no longer whole, or None."""
    if record.status not in (Status.OK, Status.TAINTED):
        return None
    if bad:
        return f"{path}: damaged: {bad} of its lines cannot be read"
    if wrong := wrong_order(events):
        return f"{path}: damaged: {wrong}"
    return None


def _job_rows(of_run: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return a job's rows: one per epoch, or one without an epoch if it had none.

    A job whose files are damaged is ``failed``, with the file in its reason.
    """
    try:
        job, record = read_job(folder), _record_of(folder)
    except StoreError as error:
        return [_unreadable(of_run, folder, str(error))]
    path = folder / "events.jsonl"
    try:
        events, bad = _events(path)
    except OSError as error:
        return [_unreadable(of_run, folder, f"{path}: cannot be read: {error}")]
    if damage := _damage(record, path, events, bad):
        record.status, record.reason = Status.FAILED, damage
    said = [event.model_dump(by_alias=True) for event in events]
    common = {**of_run, "job": folder.name, **_job_columns(asdict(job), asdict(record))}
    for event in said:
        if event["event"] in _READERS:
            common.update(_READERS[event["event"]](event))
    common.update(_phases(record, said))
    epochs = [{name: e[name] for name in _EPOCH} for e in said if e["event"] == "epoch"]
    return [{**common, **epoch} for epoch in epochs or [{}]]


def _began(record: Record) -> float | None:
    """Return when a job began, in seconds since the epoch; None where that is not on record."""
    if record.started is None:
        return None
    return datetime.fromisoformat(record.started).timestamp()


def _phases(record: Record, events: list[dict[str, Any]]) -> dict[str, float]:
    """Return a job's phases in seconds; none for a job that has no end on record, or
    whose clock was set."""
    began = _began(record)
    if began is None or record.wall_seconds is None or record.clock_step_seconds:
        return {}
    return phases.of_job(began, record.wall_seconds, events)


def _run_rows(folder: Path) -> list[dict[str, Any]]:
    """Return a run's rows, its jobs in the order in which they were planned."""
    manifest = read_manifest(folder)
    planned = {name: position for position, name in enumerate(manifest["jobs"])}
    # A folder in which nothing lies is one that the runner had no time to fill.
    jobs = [path for path in (folder / "jobs").glob("*/") if any(path.glob("*.json*"))]
    jobs.sort(key=lambda path: (planned.get(path.name, len(planned)), path.name))
    of_run = {"run": manifest["run"], **{name: manifest["identity"].get(name) for name in _OF_RUN}}
    return [row for path in jobs for row in _job_rows(of_run, path)]


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _sound(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a job's rows, or one that says what in them fits no column."""
    try:
        _typed(rows)
    except (TypeError, ValueError, OverflowError) as error:
        of_run = {name: rows[0][name] for name in ("run", *_OF_RUN)}
        reason = f"{rows[0]['job']}: its figures fit no column: {escaped(str(error))}"
        return [_unreadable(of_run, Path(rows[0]["job"]), reason)]
    return rows


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    try:
        return _typed(rows)
    except (TypeError, ValueError, OverflowError):
        jobs = groupby(rows, key=lambda row: (row["run"], row["job"]))
        return _typed([row for _, of_job in jobs for row in _sound(list(of_job))])


def load(*paths: Path | str) -> pd.DataFrame:
    """Return the tidy table of one or several runs, derived anew from their events.

    One row per epoch, in the columns and types of ``COLUMNS``: ``seconds`` from the epoch's begin
    to its end with validation, ``samples`` trained in it. A job without an epoch has one row with
    its status and reason; one whose files are damaged has status ``failed`` and the file in its
    reason. Raises StoreError for a folder that is no run.
    """
    rows = [row for path in paths for row in _run_rows(Path(path))]
    if not rows:
        raise StoreError(f"{', '.join(map(str, paths))}: no job was started, so there is no table")
    return _table(rows)


def runs(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that have begun a job, oldest first."""
    return sorted({path.parents[2] for path in root.glob("[!.]*/jobs/*/job.json")})


def resumable(root: Path) -> list[Path]:
    """Return the folders of the runs under ``root`` that were begun at all, oldest first."""
    return sorted(path.parent for path in root.glob("[!.]*/manifest.json"))


def find(root: Path, name: str, candidates: Callable[[Path], list[Path]] = runs) -> Path:
    """Return the folder of a run given as a path, as a name under ``root``, or ``latest``."""
    runs = [path.name for path in candidates(root)]
    if name == "latest" and runs:
        return root / runs[-1]
    if name in runs:
        return root / name
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    shown = name if re.fullmatch(r"[\w.-]+", name) else repr(name)
    raise StoreError(f"no run '{shown}' in {root}{near_miss(name, runs)}")
