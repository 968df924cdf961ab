"""What a person sees while a run goes on: plain lines, one per thing that happened."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.markup import escape

from runner.events import BadLine, EpochEvent, Event
from runner.jobs import Job, Status
from runner.results import Record


class Observer(Protocol):
    """Hears of everything that happens in a run. It may not change any of it."""

    def note(self, text: str) -> None:
        """Hear a line about the run as a whole."""

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        """Hear that a job's process is being started; ``total`` is None where not yet known."""

    def job_said(self, job: Job, event: Event | BadLine) -> None:
        """Hear one event of a job, or a line that was none."""

    def job_ended(self, job: Job, record: Record) -> None:
        """Hear how a job ended."""


class Lines:
    """An observer that prints a line per event, for terminals and logs alike."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, text: str) -> None:
        self._console.print(escape(text), highlight=False)

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        self._console.print(
            f"[bold]\\[{number}/{total or '?'}] {escape(job.id)}[/]", highlight=False
        )

    def job_said(self, job: Job, event: Event | BadLine) -> None:  # noqa: ARG002
        if isinstance(event, EpochEvent):
            self._console.print(
                f"  epoch {event.epoch}: {event.seconds:.2f} s, loss {event.loss:.4f}, "
                f"validation accuracy {event.val_accuracy:.4f}",
                highlight=False,
            )

    def job_ended(self, job: Job, record: Record) -> None:  # noqa: ARG002
        colour = "green" if record.status is Status.OK else "red"
        seconds = f" in {record.wall_seconds:.1f} s" if record.wall_seconds is not None else ""
        reason = f": {escape(record.reason)}" if record.reason else ""
        self._console.print(f"  [{colour}]{record.status}[/]{seconds}{reason}", highlight=False)
        for warning in record.warnings:
            self._console.print(f"  {escape(warning)}", highlight=False, style="dim")
