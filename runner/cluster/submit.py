"""Jobs of a run become tasks of a cluster's queue."""

import sys
from collections.abc import Sequence
from pathlib import Path

from runner import paths
from runner.cluster.submissions import Submission, keep_submission, new_folder
from runner.plan.resume import Session
from runner.schedulers.base import Allotment, Scheduler, Work
from runner.spec.job import Job
from runner.spec.time_limits import TimeLimit
from runner.store.run_folder import RunStore


def _command(run: Path, session: Session) -> list[str]:
    """Return what a node calls for a job, but for the job's name: by the same Python as here."""
    limits = session.limits
    values = {
        **{f"--{which}": limits.limit(which) for which in TimeLimit},
        "--build-timeout": session.build_seconds,
        "--pull-timeout": session.pull_seconds,
        "--wait": session.wait,
    }
    options = [text for name, value in values.items() for text in (name, f"{value:g}")]
    retry = ",".join(sorted(session.again))
    return [sys.executable, "-m", "runner", "work", *options, "--retry", retry, str(run)]


def work_for(run: Path, folder: Path, jobs: Sequence[Job], session: Session) -> Work:
    """Return the tasks of some jobs of the run in ``run``, to be handed in from ``folder``."""
    return Work(
        name=f"keras-bench-{run.name}",
        folder=folder,
        # Where a checkout is, its runner is found from there.
        home=paths.CHECKOUT or run,
        command=_command(run, session),
        lines=[job.id for job in jobs],
    )


def parts_of(jobs: Sequence[Job], most: int) -> list[Sequence[Job]]:
    """Return jobs in parts of at most ``most``: a queue takes no more together."""
    return [jobs[begin : begin + most] for begin in range(0, len(jobs), most)]


def submit_jobs(
    store: RunStore,
    jobs: Sequence[Job],
    session: Session,
    scheduler: Scheduler,
    allotment: Allotment,
) -> list[Submission]:
    """Hand jobs in, in their order, and write down under what names.

    Raises UsageError for what the queue refuses; nothing is left of it.
    """
    run, made = store.folder.resolve(), []
    for part in parts_of(jobs, scheduler.most_tasks()):
        folder = new_folder(run)
        work = work_for(run, folder, part, session)
        name = scheduler.submit(work, allotment)
        submission = Submission(folder, name, tuple(work.lines))
        keep_submission(submission)
        made.append(submission)
    return made
