"""A run's progress as lines: for pipes, files and CI; and what went wrong only."""

import time
from collections.abc import Callable

from rich.console import Console

from runner.execution.observer import Announcement, Observer
from runner.plan.history import epochs_of
from runner.progress.forecast import Forecast
from runner.report.console import safe_markup
from runner.spec.job import Job, Status
from runner.store.events import BadLine, EpochEvent, Event
from runner.store.record import Record

# Between two lines on the time left.
SAY_EVERY_SECONDS = 60.0
FINE = (Status.OK, Status.UNSUPPORTED)


def epoch_line(job: Job, event: EpochEvent) -> str:
    """Return an epoch in words."""
    measured = {"loss": event.loss, "validation accuracy": event.val_accuracy}
    parts = [f"{name} {value:.4f}" for name, value in measured.items() if value is not None]
    seconds = f"{event.seconds:.3g} s"
    return f"epoch {event.epoch}/{epochs_of(job)}: {', '.join([seconds, *parts])}"


class Printer(Observer):
    """Prints on a console; of itself, what builds failed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._failed_builds: set[str] = set()

    def _print(self, markup: str, style: str = "") -> None:
        self._console.print(markup, highlight=False, soft_wrap=True, style=style, markup=True)

    def build_ended(self, configuration: str, error: str | None) -> None:
        if error is not None:
            self._failed_builds.add(error)
            self._print(
                f"[red]{safe_markup(configuration)}: the build failed:[/] {safe_markup(error)}"
            )

    def _ending(self, record: Record) -> str:
        """Return how a job ended, in rich's markup, in one line. A failed build is said once."""
        colour = "green" if record.status in FINE else "red"
        seconds = f" in {record.wall_seconds:.1f} s" if record.wall_seconds is not None else ""
        is_new = record.reason and record.reason not in self._failed_builds
        reason = f": {safe_markup(record.reason or '')}" if is_new else ""
        return f"[{colour}]{record.status}[/]{seconds}{reason}"


class Lines(Printer):
    """Prints a line per thing that happened: for pipes, files and CI.

    Where several jobs run at the same time, or several environments are made, each line names its
    own.
    """

    def __init__(
        self, console: Console, forecast: Forecast, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(console)
        self._forecast = forecast
        self._clock = clock
        self._noted_at: float | None = None
        self._lanes = 1
        self._builds: set[str] = set()
        self._most_builds = 0

    def run_started(self, announced: Announcement) -> None:
        self._lanes = announced.lanes

    def _print_of(self, job: Job, markup: str, style: str = "") -> None:
        named = f"{safe_markup(job.id)}: " if self._lanes > 1 else ""
        self._print(f"  {named}{markup}", style=style)

    def note(self, text: str) -> None:
        self._print(safe_markup(text))

    def build_started(self, configuration: str, title: str, number: int, total: int) -> None:  # noqa: ARG002
        self._builds.add(configuration)
        self._most_builds = max(self._most_builds, len(self._builds))
        self._print(safe_markup(f"{configuration}: {title}"))

    def build_output(self, configuration: str, line: str) -> None:
        named = f"{safe_markup(configuration)}: " if self._most_builds > 1 else ""
        self._print(f"  {named}{safe_markup(line)}", style="dim")

    def build_ended(self, configuration: str, error: str | None) -> None:
        self._builds.discard(configuration)
        super().build_ended(configuration, error)

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        self._print(f"[bold]\\[{number}/{total or '?'}] {safe_markup(job.id)}[/]")

    def job_event(self, job: Job, event: Event | BadLine) -> None:
        if isinstance(event, EpochEvent):
            self._print_of(job, epoch_line(job, event))

    def job_ended(self, job: Job, record: Record) -> None:
        self._print_of(job, self._ending(record))
        for warning in record.warnings:
            self._print_of(job, safe_markup(warning), style="dim")
        self._say_left()

    def _say_left(self) -> None:
        """Say now and then what is left, not after each of many short jobs."""
        now, left = self._clock(), self._forecast.left()
        is_soon = self._noted_at is not None and now - self._noted_at < SAY_EVERY_SECONDS
        if is_soon or not (left.seconds or left.unknown_jobs):
            return
        self._noted_at = now
        self._print(f"  time left: {left}", style="dim")


class Quiet(Printer):
    """Prints what went wrong, and nothing else."""

    def job_ended(self, job: Job, record: Record) -> None:
        if record.status not in FINE:
            self._print(f"{safe_markup(job.id)}: {self._ending(record)}")
