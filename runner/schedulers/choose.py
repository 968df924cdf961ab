"""Which cluster's queue a run hands its jobs to."""

from runner.schedulers.base import Allotment, Scheduler
from runner.schedulers.slurm import Slurm
from runner.spec.choices import DeviceChoice
from runner.spec.request import Request
from runner.words import Say


def scheduler_for(say: Say) -> Scheduler:
    """Return the queue of the cluster that this machine is of; waiting for it goes to ``say``."""
    return Slurm(say=say)


def allotment_for(request: Request) -> Allotment:
    """Return what each job of a run asks the queue for; one card unless it is for the CPU."""
    return Allotment(request.queue_options, 0 if request.device is DeviceChoice.CPU else 1)
