"""What a person, a log or a program sees while a run goes on, other than the live view."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import IO, Any

from rich.console import Console
from rich.markup import escape

from runner.events import BadLine, EpochEvent, Event, printable
from runner.forecast import Forecast
from runner.history import epochs_of
from runner.jobs import Job, Status
from runner.observer import Announcement, Observer
from runner.store import Record

SCHEMA = 1
# Between two lines on the time left.
PATIENCE_SECONDS = 60.0
_FINE = (Status.OK, Status.UNSUPPORTED)


class Style(StrEnum):
    """How a run's progress is shown."""

    LIVE = "live"
    LINES = "lines"
    QUIET = "quiet"
    JSON = "json"


def style_for(console: Console, environment: Mapping[str, str]) -> Style:
    """Return the style that fits where ``console`` writes: live on a terminal that can move.

    A pipe, a file, TERM=dumb and CI get lines. FORCE_COLOR colours lines; it makes no terminal.
    """
    is_terminal = console.file.isatty() and console.is_terminal and not console.is_dumb_terminal
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return Style.LIVE if is_terminal and not in_ci else Style.LINES


def safe(text: str, limit: int = 500) -> str:
    """Return text that a job may have chosen as one line without control characters or markup."""
    return escape(printable(text.encode("utf-8", "backslashreplace"), limit))


def epoch_line(job: Job, event: EpochEvent) -> str:
    """Return an epoch in words."""
    return (
        f"epoch {event.epoch}/{epochs_of(job)}: {event.seconds:.3g} s, loss {event.loss:.4f}, "
        f"validation accuracy {event.val_accuracy:.4f}"
    )


def ending(record: Record) -> str:
    """Return how a job ended, in rich's markup, in one line."""
    colour = "green" if record.status in _FINE else "red"
    seconds = f" in {record.wall_seconds:.1f} s" if record.wall_seconds is not None else ""
    reason = f": {safe(record.reason)}" if record.reason else ""
    return f"[{colour}]{record.status}[/]{seconds}{reason}"


class Several(Observer):
    """Tells several observers, in order. One that breaks is left out from then on, aloud.

    So nothing that only looks can end a run of hours.
    """

    def __init__(self, observers: Sequence[Observer], complain: Callable[[str], None]) -> None:
        self._observers = list(observers)
        self._complain = complain

    def _tell(self, say: Callable[[Observer], None]) -> None:
        for observer in list(self._observers):
            try:
                say(observer)
            except Exception as error:
                self._observers.remove(observer)
                observer.__exit__(None, None, None)
                name = type(observer).__name__
                self._complain(f"{name}: no more progress is shown: {error!r}; the run goes on")

    def __enter__(self) -> Several:
        for observer in self._observers:
            observer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for observer in self._observers:
            observer.__exit__(*_)


def _to_each(name: str) -> Callable[..., None]:
    """Return the method of ``Several`` that calls the method ``name`` of each of them."""

    def tell(several: Several, *told: Any) -> None:
        several._tell(lambda observer: getattr(observer, name)(*told))

    return tell


for _name in (name for name in vars(Observer) if not name.startswith("_")):
    setattr(Several, _name, _to_each(_name))


class Lines(Observer):
    """Prints a line per thing that happened: for pipes, files and CI."""

    def __init__(
        self, console: Console, forecast: Forecast, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._forecast = forecast
        self._clock = clock
        self._said_left: float | None = None

    def _print(self, markup: str, style: str = "") -> None:
        self._console.print(markup, highlight=False, soft_wrap=True, style=style)

    def note(self, text: str) -> None:
        self._print(safe(text))

    def build_started(self, configuration: str, title: str, number: int, total: int) -> None:  # noqa: ARG002
        self._print(safe(f"{configuration}: {title}"))

    def build_said(self, line: str) -> None:
        self._print(f"  {safe(line)}", style="dim")

    def build_ended(self, configuration: str, error: str | None) -> None:
        if error is not None:
            self._print(f"[red]{safe(configuration)}: the build failed:[/] {safe(error)}")

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        self._print(f"[bold]\\[{number}/{total or '?'}] {safe(job.id)}[/]")

    def job_said(self, job: Job, event: Event | BadLine) -> None:
        if isinstance(event, EpochEvent):
            self._print(f"  {epoch_line(job, event)}")

    def job_ended(self, job: Job, record: Record) -> None:  # noqa: ARG002
        self._print(f"  {ending(record)}")
        for warning in record.warnings:
            self._print(f"  {safe(warning)}", style="dim")
        self._say_left()

    def _say_left(self) -> None:
        """Say now and then what is left, not after each of many short jobs."""
        now, left = self._clock(), self._forecast.left()
        is_soon = self._said_left is not None and now - self._said_left < PATIENCE_SECONDS
        if is_soon or not (left.seconds or left.unknown_jobs):
            return
        self._said_left = now
        self._print(f"  time left: {left}", style="dim")


class Quiet(Observer):
    """Prints what went wrong, and nothing else."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)

    def build_ended(self, configuration: str, error: str | None) -> None:
        if error is not None:
            self._print(f"{safe(configuration)}: the build failed: {safe(error)}")

    def job_ended(self, job: Job, record: Record) -> None:
        if record.status not in _FINE:
            self._print(f"{safe(job.id)}: {ending(record)}")


class JsonLines(Observer):
    """Writes one JSON object a line, for programs; docs/progress.md lists them."""

    def __init__(
        self, stream: IO[str], forecast: Forecast, clock: Callable[[], float] = time.time
    ) -> None:
        self._stream = stream
        self._forecast = forecast
        self._clock = clock
        self._run: str | None = None
        self._configuration: str | None = None
        self._later: list[float] = []
        self._statuses: Counter[str] = Counter()

    def _write(self, event: str, **fields: Any) -> None:
        head = {"event": event, "schema": SCHEMA, "at": self._clock(), "run": self._run}
        self._stream.write(json.dumps({**head, **fields}, allow_nan=False) + "\n")
        self._stream.flush()

    def _left(self) -> dict[str, Any]:
        left = self._forecast.left()
        return {"seconds_left": left.seconds, "unknown_jobs": left.unknown_jobs}

    def run_started(self, announced: Announcement) -> None:
        self._run = announced.run
        planned = [
            {
                "job": job.id,
                "configuration": job.configuration,
                "backend": job.backend,
                "model": job.model,
                "repeat": job.repeat,
                "device": str(job.device),
                "epochs": epochs_of(job),
                "unsupported": job.unsupported,
            }
            for job in announced.jobs
        ]
        self._write("run_started", folder=str(announced.folder), jobs=planned,
                    total=announced.total, **self._left())  # fmt: skip

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def build_started(self, configuration: str, title: str, number: int, total: int) -> None:
        self._configuration = configuration
        self._write("build_started", configuration=configuration, title=title, number=number,
                    total=total)  # fmt: skip

    def build_said(self, line: str) -> None:
        self._write("build", configuration=self._configuration, line=line)

    def build_ended(self, configuration: str, error: str | None) -> None:
        self._write("build_ended", configuration=configuration, error=error)

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        self._later = []
        self._write("job_started", job=job.id, number=number, total=total)

    def job_said(self, job: Job, event: Event | BadLine) -> None:
        if not isinstance(event, EpochEvent):
            return
        if event.epoch > 1:
            self._later.append(event.seconds)
        # As the job's own stream has it: what is not finite is a string.
        told = json.loads(event.model_dump_json(include=set(EpochEvent.model_fields)))
        kept = {k: v for k, v in told.items() if k not in ("schema_", "schema", "event", "at")}
        self._write("epoch", job=job.id, **kept, epochs=epochs_of(job))

    def job_ended(self, job: Job, record: Record) -> None:
        self._statuses[str(record.status)] += 1
        is_timed = record.status is Status.OK and bool(self._later)
        self._write(
            "job_ended",
            job=job.id,
            status=str(record.status),
            reason=record.reason,
            wall_seconds=record.wall_seconds,
            seconds_per_epoch=statistics.median(self._later) if is_timed else None,
            warnings=record.warnings,
            **self._left(),
        )

    def run_ended(self, exit_code: int, error: str | None = None) -> None:
        self._write("run_ended", exit_code=int(exit_code), error=error,
                    statuses=dict(self._statuses))  # fmt: skip
