"""Which cluster's queue a run hands its jobs to."""

from collections.abc import Mapping
from typing import Protocol

from runner.schedulers.base import Allotment, Scheduler, TaskHere
from runner.schedulers.slurm import Slurm
from runner.spec.choices import DeviceChoice, LauncherChoice
from runner.spec.request import Request
from runner.words import Say


class _Making(Protocol):
    def __call__(self, *, say: Say) -> Scheduler: ...


# Every queue, by the launcher that chooses it.
SCHEDULERS: Mapping[LauncherChoice, _Making] = {LauncherChoice.SLURM: Slurm}


def scheduler_for(launcher: LauncherChoice, say: Say) -> Scheduler:
    """Return the queue that a launcher hands jobs to; waiting for it goes to ``say``."""
    return SCHEDULERS[launcher](say=say)


def task_here(environ: Mapping[str, str], say: Say) -> TaskHere | None:
    """Return the task that a process with these variables is in, or None if it is in none."""
    found = (making(say=say).this_task(environ) for making in SCHEDULERS.values())
    return next((task for task in found if task is not None), None)


def allotment_for(request: Request) -> Allotment:
    """Return what each job of a run asks the queue for; one card unless it is for the CPU."""
    return Allotment(request.queue_options, 0 if request.device is DeviceChoice.CPU else 1)
