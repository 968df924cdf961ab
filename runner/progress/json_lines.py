"""A run's progress as JSON, one object a line, for programs."""

import json
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from runner.execution.observer import Announcement, Observer
from runner.plan.history import epochs_of
from runner.progress.forecast import Forecast
from runner.report.console import print_json
from runner.spec.job import Job, Status
from runner.store.events import BadLine, EpochEvent, Event
from runner.store.record import Record

PROGRESS_SCHEMA = 2


def job_fields(job: Job) -> dict[str, Any]:
    """Return what is told of a job that is planned."""
    named = ("configuration", "backend", "model", "repeat", "unsupported")
    return {"job": job.id, "epochs": epochs_of(job), **{n: getattr(job, n) for n in named}}


def _head(event: str, at: float, run: str | None) -> dict[str, Any]:
    return {"event": event, "schema": PROGRESS_SCHEMA, "at": at, "run": run}


def print_answer_line(folder: Path) -> None:
    """Write a run's tables, and print which backend is fastest as the last line of its progress."""
    # The tables, which nothing before the end needs.
    from runner.report.fields import AnswerFields
    from runner.report.terminal import write_run_tables

    fields = AnswerFields.of(write_run_tables(folder).answer).plain()
    print_json({**_head("answer", time.time(), folder.name), **fields})


class JsonLines(Observer):
    """Writes one JSON object a line, for programs; docs/progress.md lists them."""

    def __init__(
        self, stream: IO[str], forecast: Forecast, clock: Callable[[], float] = time.time
    ) -> None:
        self._stream = stream
        self._forecast = forecast
        self._clock = clock
        self._run: str | None = None
        self._later: defaultdict[str, list[float]] = defaultdict(list)
        self._statuses: Counter[str] = Counter()

    def _write(self, event: str, **fields: Any) -> None:
        head = _head(event, self._clock(), self._run)
        self._stream.write(json.dumps({**head, **fields}, allow_nan=False) + "\n")
        self._stream.flush()

    def _left(self) -> dict[str, Any]:
        left = self._forecast.left()
        return {"seconds_left": left.seconds, "unknown_jobs": left.unknown_jobs}

    def run_started(self, announced: Announcement) -> None:
        self._run = announced.run
        planned = [{**job_fields(job), "device": str(job.device)} for job in announced.jobs]
        self._write("run_started", folder=str(announced.folder), jobs=planned,
                    total=announced.total, **self._left())  # fmt: skip

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def build_started(self, configuration: str, title: str, number: int, total: int) -> None:
        self._write("build_started", configuration=configuration, title=title, number=number,
                    total=total)  # fmt: skip

    def build_output(self, configuration: str, line: str) -> None:
        self._write("build", configuration=configuration, line=line)

    def build_ended(self, configuration: str, error: str | None) -> None:
        self._write("build_ended", configuration=configuration, error=error)

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        self._write("job_started", job=job.id, number=number, total=total)

    def job_event(self, job: Job, event: Event | BadLine) -> None:
        if not isinstance(event, EpochEvent):
            return
        if event.epoch > 1:
            self._later[job.id].append(event.seconds)
        # As the job's own stream has it: what is not finite is a string.
        fields = json.loads(event.model_dump_json(include=set(EpochEvent.model_fields)))
        kept = {k: v for k, v in fields.items() if k not in ("schema_", "schema", "event", "at")}
        self._write("epoch", job=job.id, **kept, epochs=epochs_of(job))

    def job_ended(self, job: Job, record: Record) -> None:
        self._statuses[str(record.status)] += 1
        later = self._later.pop(job.id, [])
        is_timed = record.status is Status.OK and bool(later)
        self._write(
            "job_ended",
            job=job.id,
            status=str(record.status),
            reason=record.reason,
            wall_seconds=record.wall_seconds,
            seconds_per_epoch=statistics.median(later) if is_timed else None,
            warnings=record.warnings,
            **self._left(),
        )

    def run_ended(self, exit_code: int, error: str | None = None) -> None:
        self._write("run_ended", exit_code=int(exit_code), error=error,
                    statuses=dict(self._statuses))  # fmt: skip
