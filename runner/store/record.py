"""What a run keeps of each job beside its events: what was asked, and how it ended."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from runner.errors import StoreError
from runner.spec.job import Job, Status
from runner.spec.regular import read_regular
from runner.store.atomic import whole_file
from runner.words import foreign, read_json

SCHEMA = 1
# A manifest names its jobs, about 60 bytes each.
_MOST_BYTES = 64 << 20
T = TypeVar("T")


@dataclass
class Record:
    """How a job ended and what it ran in: everything the events do not say themselves.

    ``clock`` is the limit of time that ended it, ``clock_step_seconds`` by how much the system's
    clock was set while it ran, ``attempt`` how often it was begun, ``pauses`` from when to when it
    was kept from running, in seconds since the epoch.
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
    pauses: list[tuple[FiniteFloat, FiniteFloat]] = field(default_factory=list)


def began_at(record: Record) -> float | None:
    """Return when a job began, in seconds since the epoch; None where that is not on record."""
    if record.started is None:
        return None
    return datetime.fromisoformat(record.started).timestamp()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` so that the file is either the old one or the whole new one."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


class _Manifest(BaseModel):
    """What is read of a manifest; the rest of it is kept as it is."""

    model_config = ConfigDict(extra="allow")

    run: str
    started: str | None = None
    jobs: list[str] = []
    identity: dict[str, str | None] = {}


@cache
def _checker(kind: Any) -> TypeAdapter[Any]:
    """Return what checks values; made where the first is read, which takes its time."""
    return TypeAdapter(kind)


def stored_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schemas of what a run keeps, by the names of the files without ".json"."""
    kept: dict[str, type] = {"manifest": _Manifest, "job": Job, "record": Record}
    return {name: _checker(kind).json_schema() for name, kind in kept.items()}


def read_json_object(path: Path, read: Callable[[bytes], Any] = json.loads) -> dict[str, Any]:
    """Return the object of this schema that a file holds. Raises StoreError for anything else."""
    with foreign(f"{path}: cannot be read", StoreError):
        try:
            content = read(read_regular(path, _MOST_BYTES))
        except FileNotFoundError as error:
            raise StoreError(f"{path.parent}: {path.name} is missing; is this a run?") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise StoreError(f"{path}: not of schema {SCHEMA}; it was written by another version")
    return content


def _read_checked(path: Path, kind: type[T]) -> T:
    """Return what a file holds, its texts escaped: it may be another machine's."""
    try:
        checker = _checker(kind)  # type: ignore[arg-type]
        found: T = checker.validate_python(read_json_object(path, read_json))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise StoreError(f"{path}: cannot be read: {where}: {first['msg']}") from error
    except ValueError as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    return found


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run's manifest, with ``run``, ``jobs`` and ``identity`` at least.

    Raises StoreError with the file's name if it is not there or is damaged.
    """
    return _read_checked(folder / "manifest.json", _Manifest).model_dump()


def read_job(folder: Path) -> Job:
    """Return what was asked of the job in ``folder``. Raises StoreError if it is damaged."""
    path = folder / "job.json"
    job = _read_checked(path, Job)
    if job.id != folder.name:
        raise StoreError(f"{path}: is of another job, {job.id}")
    return job


def planned_of(manifest: dict[str, Any], folder: Path) -> list[Job]:
    """Return the jobs that a run's manifest plans, in their order.

    Raises StoreError if it names none that this version understands.
    """
    try:
        planned: list[Job] = _checker(list[Job]).validate_python(manifest["planned"])
    except (KeyError, ValidationError) as error:
        raise StoreError(
            f"{folder}: its manifest plans no jobs that this version understands"
        ) from error
    return planned


def read_record(folder: Path) -> Record:
    """Return how the job in ``folder`` ended. Raises StoreError if it is damaged."""
    path = folder / "record.json"
    record = _read_checked(path, Record)
    try:
        began_at(record)
    except (ValueError, OverflowError) as error:
        raise StoreError(f"{path}: cannot be read: started: {error}") from error
    return record
