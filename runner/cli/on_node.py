"""What the command that a cluster's queue calls on a node does once its options are read."""

import os
from pathlib import Path

from runner.cluster.worker import work_off
from runner.errors import ExitCode, UsageError
from runner.plan.resume import Session
from runner.progress.styles import Style, observer_for
from runner.report.console import print_note
from runner.schedulers.choose import task_here


def work_here(run: Path, job: str, session: Session) -> ExitCode:
    """Run one job on this node."""
    here = task_here(os.environ, print_note)
    if here is None:
        raise UsageError("work is called by a cluster's queue: see run --launcher slurm")
    observer = observer_for(Style.LINES, run.parent)
    with observer:
        return work_off(run, job, session, observer, here)
