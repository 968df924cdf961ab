"""The store of a run on disk: written as things come, so that nothing that ended is lost.

``results/runs/<run>/`` holds ``manifest.json`` and, per job, ``jobs/<job>/`` with ``job.json``,
``events.jsonl`` (the checked events as they came), ``log.txt`` and ``record.json``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from runner.errors import MachineError, StoreError
from runner.locks import sole_use
from runner.spec.job import Job, Status
from runner.store.atomic import whole_file
from runner.store.events import BadLine, Event
from runner.store.find import new_run_name
from runner.store.record import SCHEMA, Record, read_json_object, read_record, write_json
from runner.words import LogText, printable

if TYPE_CHECKING:
    import pandas as pd

MAX_LOG_BYTES = 64 << 20


def last_line(path: Path) -> bytes:
    """Return the last line of a file that holds anything, of its last 4 KiB; none without one."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = [line.strip() for line in file.read().splitlines()]
    return next((line for line in reversed(lines) if line), b"")


class JobStore:
    """One job's folder while it runs: each event and log line is on disk once it is accepted."""

    def __init__(self, folder: Path, job: Job) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        write_json(folder / "job.json", {"schema": SCHEMA, **asdict(job)})
        self._events: IO[bytes] = (folder / "events.jsonl").open("ab")
        self._log: IO[bytes] = (folder / "log.txt").open("ab")
        self._log_text = LogText()
        self._log_room = MAX_LOG_BYTES

    def event(self, event: Event) -> None:
        """Append one checked event."""
        self._events.write(event.model_dump_json(by_alias=True).encode() + b"\n")
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
        return printable(last_line(self.folder / "log.txt"), limit=300)

    def close(self, record: Record) -> None:
        """Write how the job ended. A job without this file did not end.

        Nothing is written where the job was begun again meanwhile, as on another node of a cluster
        after this one had been given up: the folder is that attempt's.
        """
        is_ours = self._is_ours()
        os.fsync(self._events.fileno())
        self._events.close()
        self._log.close()
        if is_ours:
            _write_record(self.folder, record)

    def _is_ours(self) -> bool:
        try:
            there = (self.folder / "events.jsonl").stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._events.fileno()))


def _write_record(folder: Path, record: Record) -> None:
    write_json(folder / "record.json", {"schema": SCHEMA, **asdict(record)})


def _free_names(root: Path, name: str | None, started: datetime) -> list[str]:
    if name is not None:
        return [new_run_name(root, name)]
    base = started.strftime("%Y%m%d-%H%M%S")
    return [base, *(f"{base}-{number}" for number in range(2, 1000))]


class RunStore:
    """One run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, root: Path, manifest: dict[str, Any], name: str | None = None) -> Self:
        """Make a new folder under ``root`` with its manifest, named ``name`` or after the time.

        Raises UsageError for a name that a new run cannot have.
        """
        started = datetime.now(UTC)
        root.mkdir(parents=True, exist_ok=True)
        for free in _free_names(root, name, started):
            folder = root / free
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            content = {"schema": SCHEMA, "run": folder.name, "started": started.isoformat()}
            write_json(folder / "manifest.json", {**content, **manifest})
            return cls(folder)
        raise StoreError(f"{root}: no free name for a run that began at {started}")

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
        with sole_use(self.folder) as is_ours:
            if not is_ours:
                raise MachineError(
                    f"{self.folder}: another runner is working in this run\n"
                    "wait until it has ended, or start a run of your own"
                )
            yield

    def manifest(self) -> dict[str, Any]:
        """Return what the run was made with. Raises StoreError if it cannot be read."""
        return read_json_object(self.folder / "manifest.json")

    def amend(self, **entries: Any) -> None:
        """Enter something into the manifest, in place of what was there under its name."""
        write_json(self.folder / "manifest.json", {**self.manifest(), **entries})

    def build_log(self, configuration: str) -> Path:
        """Return the file for what making a configuration's environment prints."""
        return self.folder / f"build-{configuration}.log"

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
        self.set_aside(job)
        return JobStore(self.folder / "jobs" / job.id, job)

    def attempt(self, job: Job) -> int:
        """Return how often a job was begun before."""
        return sum(1 for _ in (self.folder / "attempts").glob(f"{job.id}.*"))

    def set_aside(self, job: Job) -> None:
        """Put what an earlier attempt at a job left, if there was one, among the attempts."""
        folder = self.folder / "jobs" / job.id
        if not folder.exists():
            return
        attempts = self.folder / "attempts"
        attempts.mkdir(exist_ok=True)
        taken = {path.name for path in attempts.iterdir()}
        names = (f"{folder.name}.{number}" for number in itertools.count(1))
        folder.rename(attempts / next(name for name in names if name not in taken))

    def unstarted(self, job: Job, record: Record) -> None:
        """Record a job that never got a process."""
        self.job(job).close(record)

    def end(self, job: Job, record: Record) -> None:
        """Say how a job ended that could not say it itself, or not why.

        What it has on record already stays, but for its status and its reason.
        """
        folder = self.folder / "jobs" / job.id
        if not folder.exists():
            self.unstarted(job, record)
            return
        with suppress(StoreError):
            record = replace(read_record(folder), status=record.status, reason=record.reason)
        _write_record(folder, record)

    def write_table(self, table: pd.DataFrame) -> None:
        """Write the tidy table as Parquet and CSV beside the manifest."""
        for name, write in (("table.parquet", table.to_parquet), ("table.csv", table.to_csv)):
            # An open file: not every library takes a path that is no UTF-8.
            with whole_file(self.folder / name) as partial, partial.open("wb") as file:
                write(file, index=False)
