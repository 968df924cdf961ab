"""Prints what a run would do, for a person or for a program."""

import json
from collections import Counter
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from runner.machine.disk import Room
from runner.plan.history import epochs_of, samples_of
from runner.plan.preview import EnvironmentAhead, JobAhead, Preview
from runner.progress.json_lines import PROGRESS_SCHEMA, job_fields
from runner.report.console import out, safe_markup
from runner.spec.workload import DataSource
from runner.words import duration_text, size_text

_UNKNOWN = "not known"


def _print(line: str, style: str = "") -> None:
    out.print(line, highlight=False, soft_wrap=True, style=style, markup=True)


def _seconds(value: float | None) -> str:
    return _UNKNOWN if value is None else duration_text(value)


def _environment(ahead: EnvironmentAhead) -> list[str]:
    """Return the lines of one environment."""
    known = _UNKNOWN if ahead.size is None else size_text(ahead.size)
    size = "" if ahead.size is None and ahead.is_there else f", size {known}"
    if ahead.problem is not None:
        lines = [f"  [red]{ahead.configuration}: cannot be made:[/] {safe_markup(ahead.problem)}"]
    elif ahead.is_there:
        lines = [f"  [green]{ahead.configuration}: {escape(ahead.why)}[/]{size}"]
    else:
        took = f"time {_seconds(ahead.seconds)}{size}"
        lines = [f"  [yellow]{ahead.configuration}: to be made:[/] {escape(ahead.why)}; {took}"]
    return [*lines, f"    {escape(ahead.name)}"] if ahead.name else lines


def _job_table(jobs: list[JobAhead]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("model", "configuration"):
        table.add_column(name, overflow="fold")
    for name in ("jobs", "epochs", "samples", "time each"):
        table.add_column(name, justify="right", no_wrap=True)
    cells: dict[tuple[str, str, str], list[JobAhead]] = {}
    for ahead in jobs:
        key = (ahead.job.model, ahead.job.configuration, ahead.job.backend)
        cells.setdefault(key, []).append(ahead)
    for (model, configuration, backend), (first, *others) in cells.items():
        table.add_row(
            model,
            f"{configuration}/{backend}",
            str(1 + len(others)),
            str(epochs_of(first.job)),
            f"{samples_of(first.job):,}",
            _seconds(first.estimate.seconds if first.estimate else None),
        )
    return table


def _jobs(preview: Preview) -> None:
    run = [ahead for ahead in preview.jobs if ahead.is_run]
    _print(f"[bold]Jobs[/] on the {preview.plan.machine.device}, {escape(preview.hardware)}")
    if run:
        out.print(_job_table(run))
    unsupported = Counter(
        f"not run, {ahead.job.configuration}/{ahead.job.backend} {ahead.job.model}: "
        f"{ahead.job.unsupported}"
        for ahead in preview.jobs
        if ahead.job.unsupported is not None
    )
    for reason, count in unsupported.items():
        _print(f"  [yellow]{safe_markup(reason)}[/]{f' ({count} jobs)' if count > 1 else ''}")
    for problem, count in Counter(a.blocked for a in preview.jobs if a.blocked).items():
        _print(f"  [red]cannot run: {count} jobs:[/] {safe_markup(problem)}")
    for status, count in Counter(a.ended for a in preview.jobs if a.ended).items():
        _print(f"  skipped, because they have ended before: {count} {status}")
    rests = Counter(a.estimate.rests_on if a.estimate else _UNKNOWN for a in run)
    for text, count in rests.items():
        _print(f"  times of {count} job{'s' * (count > 1)}: {text}", style="dim")
    at_a_time = f", {preview.lanes} at a time" if preview.lanes > 1 else ""
    _print(f"  {len(run)} to run{at_a_time}; time together: {preview.job_time}")


def _data(preview: Preview) -> str:
    if preview.to_fetch:
        sizes = ", ".join(f"{name} {size_text(n)}" for name, n in preview.to_fetch.items())
        return f"to be fetched and unpacked: {sizes}"
    return "each job makes its own" if preview.plan.source is DataSource.SYNTHETIC else "is there"


def _room(room: Room) -> str:
    unknown = [need.what for need in room.needs if need.bytes is None]
    beside = f", and for {', '.join(unknown)} what is not known" if unknown else ""
    colour = "green" if room.is_enough else "red"
    return (
        f"  [{colour}]{escape(str(room.folder))}: up to {size_text(room.known)} needed{beside}; "
        f"{size_text(room.free)} free[/]"
    )


def _text(preview: Preview) -> None:
    if preview.resumed is not None:
        _print(f"Goes on with run {escape(preview.resumed)}")
    launcher = preview.plan.request.launcher
    kind = "Images" if preview.plan.machine.engine is not None else "Environments"
    _print(f"[bold]{kind}[/] (launcher {launcher})")
    for ahead in preview.environments:
        for line in _environment(ahead):
            _print(line)
    _print(f"[bold]Data[/] {preview.plan.source}: {_data(preview)}")
    _jobs(preview)
    _print("[bold]Disk[/]")
    for room in preview.rooms:
        _print(_room(room))
    _print("Nothing was built, fetched or run.")


def _job(ahead: JobAhead) -> dict[str, Any]:
    job, estimate = ahead.job, ahead.estimate
    return {
        **job_fields(job),
        "samples": samples_of(job),
        "is_run": ahead.is_run,
        "blocked": ahead.blocked,
        "ended": ahead.ended,
        "seconds": estimate.seconds if estimate else None,
        "rests_on": estimate.rests_on if estimate else None,
    }


def preview_object(preview: Preview) -> dict[str, Any]:
    """Return a preview as the object that ``--json`` prints; docs/progress.md describes it."""
    left = preview.job_time
    return {
        "event": "plan",
        "schema": PROGRESS_SCHEMA,
        "launcher": preview.plan.request.launcher,
        "device": preview.plan.machine.device,
        "hardware": preview.hardware,
        "resumed": preview.resumed,
        "environments": [vars(ahead) for ahead in preview.environments],
        "data": {"source": preview.plan.source, "bytes_to_fetch": preview.to_fetch},
        "jobs": [_job(ahead) for ahead in preview.jobs],
        "seconds": left.seconds,
        "unknown_jobs": left.unknown_jobs,
        "more_jobs_may_follow": preview.plan.is_open,
        "jobs_at_a_time": preview.lanes,
        "disks": [
            {
                "folder": str(room.folder),
                "bytes_needed": room.known,
                "not_known": [need.what for need in room.needs if need.bytes is None],
                "bytes_free": room.free,
                "is_enough": room.is_enough,
            }
            for room in preview.rooms
        ],
        "refusal": str(preview.refusal) if preview.refusal else None,
    }


def show_preview(preview: Preview, is_json: bool) -> None:
    """Print a preview. Raises the error with which the run would end instead, if there is one."""
    if is_json:
        _print(escape(json.dumps(preview_object(preview), allow_nan=False)))
    else:
        _text(preview)
    if preview.refusal is not None:
        raise preview.refusal
