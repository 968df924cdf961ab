"""What the commands for runs on a cluster do once their options are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.cli.ended import tell_end
from runner.cli.streams import unfailing
from runner.cluster.follow import standing_text
from runner.cluster.session import (
    ClusterRun,
    Standing,
    cancel_run,
    follow_run,
    scripts_ahead,
    standing_of,
    submit_run,
)
from runner.errors import ExitCode
from runner.plan.plan import Plan
from runner.plan.resume import Session
from runner.progress.styles import Style, observer_for
from runner.report.console import err, out, print_json, safe_text
from runner.schedulers.base import TaskState
from runner.spec.request import Request
from runner.store.find import find_run, list_resumable_runs

_GOES_ON = "no longer followed; the jobs go on by themselves (end them with: cancel)"


def _say(line: str) -> None:
    err.print(safe_text(line), highlight=False)


def _run(root: Path, name: str) -> ClusterRun:
    return ClusterRun.of(find_run(root, name, list_resumable_runs), _say)


def hand_in(request: Request, session: Session, style: Style) -> ExitCode:
    """Hand a run's jobs in and leave them to the cluster."""
    folder = submit_run(request, session, observer_for(style, session.root))
    _say(
        f"run {folder.name} goes on without this command: see how far it is with "
        f"status {folder.name}, wait for its table with collect {folder.name}"
    )
    return ExitCode.OK


def measure_on_cluster(request: Request, session: Session, style: Style) -> ExitCode:
    """Hand a run's jobs in, follow them to their ends and print the table."""
    folder = submit_run(request, session, observer_for(style, session.root))
    ended = follow_run(folder, observer_for(style, session.root), session)
    return tell_end(ended, style, _GOES_ON)


def wait_for_run(root: Path, name: str, style: Style) -> ExitCode:
    """Wait for the jobs that a run handed in, and print its table."""
    run = _run(root, name)
    with unfailing("stdout"):
        return tell_end(follow_run(run.store.folder, observer_for(style, root)), style, _GOES_ON)


def show_status(root: Path, name: str, as_json: bool) -> None:
    """Print how far a run is."""
    run = _run(root, name)
    found = standing_of(run)
    if as_json:
        print_json(_standing_json(run, found))
        return
    for line in _standing_lines(run, found):
        _print(line)


def _standing_json(run: ClusterRun, found: Standing) -> dict[str, Any]:
    return {
        "run": run.store.name,
        "jobs": len(run.jobs),
        "ended": found.ended,
        "tasks": {name: vars(task) for name, task in found.tasks.items()},
        "not_handed_in": found.never,
    }


def _standing_lines(run: ClusterRun, found: Standing) -> Iterator[str]:
    """Yield how many jobs have ended, what the queue says of the others, and of each that runs."""
    how = ", ".join(f"{count} {status}" for status, count in sorted(found.ended.items()))
    ended = f"{sum(found.ended.values())} of {len(run.jobs)} jobs have ended"
    yield f"{run.store.name}: {ended}{f' ({how})' if how else ''}"
    if found.tasks:
        yield standing_text(found.tasks)
    for job, task in found.tasks.items():
        where = f" on {task.node}" if task.node else ""
        if task.state is TaskState.RUNNING:
            yield f"  {job}: running{where}"
        elif task.state is TaskState.ENDED:
            yield f"  {job}: its task has ended{where} ({task.reason}), and it has no result yet"
    if found.never:
        yield f"{len(found.never)} not handed in: go on with --resume {run.store.name}"


def _print(line: str) -> None:
    out.print(safe_text(line), highlight=False, soft_wrap=True)


def cancel_tasks(root: Path, name: str) -> None:
    """End all jobs of a run."""
    run = _run(root, name)
    ended = cancel_run(run)
    _say(f"{ended} tasks of run {run.store.name} cancelled; what was measured is kept: "
         f"go on with --resume {run.store.name}")  # fmt: skip


def show_scripts(plan: Plan, session: Session) -> None:
    """Print what a run would hand in."""
    for script in scripts_ahead(plan, session, lambda _: None):
        _print("")
        for line in script.splitlines():
            _print(line)
