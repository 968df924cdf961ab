"""The store of a run on disk: written as things come, so that nothing that ended is lost.

``results/runs/<run>/`` holds ``manifest.json`` and, per job, ``jobs/<job>/`` with ``job.json``,
``events.jsonl`` (the checked events as they came), ``log.txt`` and ``record.json``.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from runner import usage
from runner.errors import MachineError, StoreError
from runner.events import BadLine, Event
from runner.files import whole
from runner.jobs import Job, Status
from runner.text import LogText, escaped, escaped_json

SCHEMA = 1
MAX_LOG_BYTES = 64 << 20


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


def began_at(record: Record) -> float | None:
    """Return when a job began, in seconds since the epoch; None where that is not on record."""
    if record.started is None:
        return None
    return datetime.fromisoformat(record.started).timestamp()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` so that the file is either the old one or the whole new one."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


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
        began_at(record)
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
        with usage.sole(self.folder) as is_ours:
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
            with whole(self.folder / name) as partial:
                write(partial, index=False)
