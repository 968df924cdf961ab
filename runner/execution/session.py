"""One call that measures: it begins a run or goes on with one, and says how far it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner import paths
from runner.environments.datasets import data_fingerprint, prepare_data
from runner.errors import BenchmarkError, ExitCode
from runner.execution.attempt import Conditions
from runner.execution.guard import device_guard
from runner.execution.interrupts import Interrupts
from runner.execution.loop import run_jobs
from runner.execution.observer import Announcement, Observer
from runner.launchers.choose import launcher_for
from runner.machine.identity import hardware_name
from runner.plan.needs import require_disks, run_needs
from runner.plan.plan import Plan, plan_run
from runner.plan.resume import Session, held_store
from runner.spec.choices import BuildOptions
from runner.spec.request import Request
from runner.store.run_folder import RunStore
from runner.words import Say

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Ended:
    """How a call ended. ``folder`` holds all that was measured, also where ``error`` cut it off."""

    folder: Path
    code: ExitCode
    error: BenchmarkError | None = None

    @property
    def has_rows(self) -> bool:
        """Return whether a job was begun, so that there is a table."""
        return any(self.folder.glob("jobs/*/job.json"))


def _announced(plan: Plan, conditions: Conditions) -> Announcement:
    return Announcement(
        conditions.store.name,
        conditions.store.folder,
        jobs=[job for job in plan.jobs if conditions.ended(job) is None],
        total=None if plan.is_open else len(plan.jobs),
        hardware=hardware_name(plan.machine),
        lanes=len(plan.machine.lanes),
    )


def _rows(folder: Path) -> pd.DataFrame:
    # Tables are not needed before a job has ended, and take as long to load as a short job.
    from runner.tables.load import load_runs

    return load_runs(folder)


def _measure(plan: Plan, folder: Path, lanes: Sequence[Conditions], build_jobs: int) -> Ended:
    """Run the jobs, and take whatever ends the run for its end."""
    try:
        jobs = plan.ordered(partial(_rows, folder))
        all_ok = run_jobs(plan.configurations, jobs, *lanes, build_jobs=build_jobs)
    except KeyboardInterrupt:
        return Ended(folder, ExitCode.INTERRUPTED)
    except BenchmarkError as error:
        return Ended(folder, error.exit_code, error)
    return Ended(folder, ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK)


@dataclass(frozen=True)
class Opened:
    """A run that was planned and whose folder this process holds."""

    plan: Plan
    store: RunStore
    build: BuildOptions
    data_dir: Path | None


def _lanes(
    opened: Opened, session: Session, observer: Observer, interrupts: Interrupts
) -> list[Conditions]:
    """Return what holds in each of a run's lanes; each has a launcher and a guard of its own."""
    plan, store, say = opened.plan, opened.store, observer.note
    build, data_dir = opened.build, opened.data_dir
    return [
        Conditions(
            launcher_for(plan.machine, lane, plan.request, store.name, build, data_dir, say),
            store,
            observer,
            session.limits,
            gpu=lane.gpu,
            guard=device_guard(
                lane.gpu, session.wait, say, share=lane.cpus, sleep=interrupts.sleep
            ),
            interrupts=interrupts,
            again=session.again,
            identity=plan.identity,
        )
        for lane in plan.machine.lanes
    ]


@contextmanager
def opened_run(request: Request, session: Session, say: Say) -> Iterator[Opened]:
    """Plan a request and give the run's folder, a new one or that of the run to go on with.

    Raises BenchmarkError for what stands against the run before any of it began.
    """
    build = session.build(request)
    plan = plan_run(request, say)
    needs = run_needs(plan, session.root, build)
    require_disks(session.root, needs, say)
    data_dir = prepare_data(plan.source, plan.datasets, paths.cache(), progress=session.progress)
    with held_store(session, plan, data_fingerprint(data_dir)) as store:
        yield Opened(plan, store, build, data_dir)


def execute_run(request: Request, session: Session, observer: Observer) -> Ended:
    """Plan a request, run its jobs here, and return how that ended.

    ``observer`` hears of several lanes from several threads; ``Several`` tells one thing after the
    other. Raises BenchmarkError for what stands against the run before any of it began.
    """
    interrupts = Interrupts()
    with interrupts.installed(), opened_run(request, session, observer.note) as opened:
        plan, store = opened.plan, opened.store
        lanes = _lanes(opened, session, observer, interrupts)
        for left in lanes[0].launcher.sweep():
            observer.note(f"removed what a run left that has ended: {left}")
        with observer:
            observer.run_started(_announced(plan, lanes[0]))
            ended = _measure(plan, store.folder, lanes, session.build_jobs)
            observer.run_ended(ended.code, str(ended.error) if ended.error else None)
        return ended
