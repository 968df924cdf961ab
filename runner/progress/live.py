"""The live view of a run on a terminal: what runs now, the time left, and the table growing.

It is drawn once a second and costs next to nothing in between: the table is worked out only
between jobs, while nothing is timed in their lane. What has happened stays above it as plain lines.
"""

import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import chain
from typing import Self

import numpy as np
import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from runner.execution.observer import Announcement
from runner.plan.history import epochs_of
from runner.progress.forecast import Forecast
from runner.progress.lines import Printer
from runner.report.cells import pivot_cells, seconds_text
from runner.report.console import safe_markup
from runner.report.terminal import rich_table
from runner.spec.job import Job, Status
from runner.store.events import (
    BadLine,
    DataEvent,
    EndEvent,
    EpochEvent,
    Event,
    LatencyEvent,
    LimitsEvent,
    ModelEvent,
    StartEvent,
)
from runner.store.record import Record
from runner.tables.columns import ASKED
from runner.tables.disturbance import disturbance_of
from runner.tables.load import load_runs
from runner.tables.per_cell import counted
from runner.tables.statistics import Interval, cell_interval
from runner.words import clock_text, printable

REFRESH_PER_SECOND = 1.0
_STEP = re.compile(r"Step (\d+)/(\d+)\s*:\s*(.*)")
_BAR = 24
_WAITING, _RUNNING = ".", ">"
# What a job does after each of its events.
_NEXT: dict[type, str] = {
    StartEvent: "loading data",
    DataEvent: "building the model",
    ModelEvent: "first epoch",
    LatencyEvent: "limits",
    LimitsEvent: "ending",
    EndEvent: "ending",
}


@dataclass
class _Build:
    """An environment that is being made."""

    configuration: str
    number: int
    total: int
    began: float
    step: str = ""
    line: str = ""


@dataclass
class _Current:
    """A job that runs."""

    job: Job
    number: int
    began: float
    phase: str = "starting"
    last: EpochEvent | None = None
    later: list[float] = field(default_factory=list)


@dataclass
class _Cell:
    """One cell of the table: the later epochs of its ok jobs, and how the others ended.

    Each ok job is a row of what ``runner.tables.per_cell.counted`` chooses by.
    """

    jobs: list[dict[str, object]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    ended: int = 0
    running: int = 0
    figure: Interval | None = None

    def add(self, later: Sequence[float], samples: int, disturbance: str | None) -> None:
        """Count an ok job in, by the seconds of its epochs after the first."""
        fields = {
            "run": "",
            "model": "",
            "job": len(self.jobs),
            "status": str(Status.OK),
            "epoch": 2,
        }
        self.jobs.append({**fields, "samples": samples, "disturbance": disturbance, "later": later})
        kept = counted(pd.DataFrame(self.jobs))["later"]
        self.figure = cell_interval([np.asarray(seconds) for seconds in kept])

    def row(self) -> dict[str, object]:
        """Return what a summary has of the cell."""
        status = "/".join(sorted(set(self.bad))) or (
            _RUNNING if self.running and not self.figure
            else str(Status.OK) if self.ended else _WAITING
        )  # fmt: skip
        return {
            "seconds_per_epoch": self.figure.seconds if self.figure else None,
            "status": status,
        }


class LiveView(Printer):
    """Draws the view on ``console``. ``clock`` gives monotonic seconds."""

    def __init__(
        self, console: Console, forecast: Forecast, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(console)
        self._forecast = forecast
        self._clock = clock
        self._began = clock()
        self._total: int | None = None
        self._builds: dict[str, _Build] = {}
        self._running: dict[str, _Current] = {}
        self._ended = self._failed = 0
        self._cells: defaultdict[tuple[str, ...], _Cell] = defaultdict(_Cell)
        self._draw: Callable[[Console, int], list[list[Segment]]] | None = None
        self._live = Live(
            console=console,
            get_renderable=lambda: self,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        # Left visible: a process that is killed could not give it back.
        self._console.show_cursor(True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    # What is heard.

    def run_started(self, announced: Announcement) -> None:
        self._total = announced.total
        self._take_earlier(announced)
        for job in announced.jobs:
            self._cell(job)
        self._work_out_table()

    def _take_earlier(self, announced: Announcement) -> None:
        """Take the jobs of a resumed run that had ended before."""
        to_come = {job.id for job in announced.jobs}
        if not any(folder.name not in to_come for folder in announced.folder.glob("jobs/*")):
            return
        rows = load_runs(announced.folder)
        for _, job in rows[~rows["job"].isin(to_come)].groupby("job", sort=False):
            first = job.iloc[0]
            cell = self._cells[tuple(str(first[name]) for name in ASKED)]
            seconds = job.loc[job["epoch"] > 1, "seconds"].astype(float)
            samples = 0 if pd.isna(first["samples"]) else int(first["samples"])
            disturbance = None if pd.isna(first["disturbance"]) else str(first["disturbance"])
            ended = Status(first["status"])
            self._enter(cell, ended, seconds.tolist(), samples, disturbance)

    def note(self, text: str) -> None:
        self._print(safe_markup(text))

    def build_started(self, configuration: str, title: str, number: int, total: int) -> None:  # noqa: ARG002
        self._builds[configuration] = _Build(configuration, number, total, self._clock())

    def build_output(self, configuration: str, line: str) -> None:
        if (build := self._builds.get(configuration)) is None:
            return
        build.line = line
        if found := _STEP.match(line):
            build.step = f"step {found[1]}/{found[2]}"
            build.line = found[3]

    def build_ended(self, configuration: str, error: str | None) -> None:
        build = self._builds.pop(configuration, None)
        super().build_ended(configuration, error)
        if error is None and build is not None:
            took = self._clock() - build.began
            after = f", after {clock_text(took)}" if took >= 1 else ""
            self._print(f"{safe_markup(configuration)}: ready{after}")

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        self._total = total
        self._running[job.id] = _Current(job, number, self._clock())
        self._cell(job).running += 1
        self._work_out_table()

    def job_event(self, job: Job, event: Event | BadLine) -> None:
        current = self._running.get(job.id)
        if current is None:
            return
        if isinstance(event, EpochEvent):
            current.last = event
            current.later += [event.seconds] if event.epoch > 1 else []
            is_last = event.epoch >= epochs_of(job)
            current.phase = "test and limits" if is_last else f"epoch {event.epoch + 1}"
        else:
            current.phase = _NEXT.get(type(event), current.phase)

    def job_ended(self, job: Job, record: Record) -> None:
        current = self._running.pop(job.id, None)
        later = current.later if current else []
        cell = self._cell(job)
        cell.running -= current is not None
        disturbance = disturbance_of(record.telemetry)
        self._enter(cell, record.status, later, job.samples or 0, disturbance)
        self._work_out_table()
        is_timed = record.status is Status.OK and later
        each = f", {seconds_text(statistics.median(later))} s per epoch" if is_timed else ""
        count = f"\\[{current.number if current else self._ended}/{self._total or '?'}]"
        self._print(f"{count} {safe_markup(job.id)}: {self._ending(record)}{each}")
        for warning in record.warnings:
            self._print(f"  {safe_markup(warning)}", style="dim")

    def _enter(
        self,
        cell: _Cell,
        status: Status,
        later: Sequence[float],
        samples: int,
        disturbance: str | None,
    ) -> None:
        """Count an ended job in, and its later epochs where it is ok."""
        cell.ended += 1
        self._ended += 1
        if status is Status.OK:
            cell.add(later, samples, disturbance)
        else:
            cell.bad.append(str(status))
            self._failed += status is not Status.UNSUPPORTED

    def _cell(self, job: Job) -> _Cell:
        return self._cells[tuple(str(getattr(job, name)) for name in ASKED)]

    def _work_out_table(self) -> None:
        """Take the table of what there is, to be drawn once for each width of the terminal."""
        rows = [
            {**dict(zip(ASKED, key, strict=True)), "machine": "", "variant": "", **c.row()}
            for key, c in self._cells.items()
        ]
        summary = pd.DataFrame(rows).astype({"seconds_per_epoch": "Float64"})
        self._draw = lru_cache(maxsize=1)(partial(_drawn, pivot_cells(summary)))

    # What is drawn.

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._head()
        if self._draw is not None:
            yield Text("\nSeconds per epoch so far", no_wrap=True, overflow="crop")
            for line in self._draw(console, options.max_width):
                yield from line
                yield Segment.line()

    def _head(self) -> Text:
        """Return the lines above the table, each cut to the terminal's width."""
        now = self._clock()
        builds = [_of_build(one, now) for one in list(self._builds.values())]
        jobs = [_of_job(one, self._total, now) for one in list(self._running.values())]
        lines = Text("\n", no_wrap=True, overflow="ellipsis")
        return lines.join([Text(), *chain.from_iterable([*builds, *jobs]), *self._of_run(now)])

    def _of_run(self, now: float) -> list[Text]:
        done = Text(f"{self._ended} of {self._total or '?'} jobs done")
        if self._failed:
            done.append(", ").append(f"{self._failed} not ok", style="red")
        done.append(f", {clock_text(now - self._began)} so far")
        return [done, Text(f"time left: {self._forecast.left()}", style="bold")]


def _drawn(table: pd.DataFrame, console: Console, width: int) -> list[list[Segment]]:
    """Return the table as lines, its models across where it would be too wide otherwise."""
    shown = rich_table(table, "")
    if console.measure(shown, options=console.options.update(width=500)).maximum > width:
        across = table.set_index("model").T.rename_axis("configuration/backend")
        across.columns = pd.Index([str(name).replace("_", "/", 1) for name in across.columns])
        shown = rich_table(across.reset_index(), "")
    lines = console.render_lines(shown, console.options.update(width=width), pad=False)
    # A terminal has few lines: none for the space between rows.
    return [line for line in lines if any(segment.text.strip() for segment in line)]


def _of_build(build: _Build, now: float) -> list[Text]:
    head = Text.assemble(
        (f"environment {build.number}/{build.total} ", "bold"),
        (build.configuration, "bold cyan"),
        f"  {build.step}  {clock_text(now - build.began)}",
    )
    line = printable(build.line.encode("utf-8", "backslashreplace"))
    return [head, Text(f"  {line}", style="dim")]


def _of_job(current: _Current, total: int | None, now: float) -> list[Text]:
    job, last = current.job, current.last
    head = Text.assemble(
        (f"[{current.number}/{total or '?'}] ", "bold"),
        (f"{job.configuration} {job.backend} {job.model}", "bold cyan"),
        f" {job.settings}" if job.settings else "",
        f" #{job.repeat}" if job.repeat > 1 else "",
        f"  {current.phase}",
        f"  {clock_text(now - current.began)}",
    )
    epochs, done = epochs_of(job), last.epoch if last else 0
    # Of characters: the console's own bar is drawn in colours alone.
    filled = round(_BAR * min(done, epochs) / epochs) if epochs else 0
    bar = ("#" * filled, "green"), ("-" * (_BAR - filled), "dim")
    line = Text.assemble("  ", *bar, f" {done}/{epochs} epochs")
    if last is not None:
        loss = "" if last.loss is None else f", loss {last.loss:.4f}"
        line.append(f"  last {last.seconds:.3g} s{loss}")
    return [head, line]
