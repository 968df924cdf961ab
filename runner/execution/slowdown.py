"""What jobs on several cards cost each other: one cell, alone and on every card at once."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from runner.errors import EngineError
from runner.execution.attempt import Conditions, run_job
from runner.execution.guard import Obstacle
from runner.execution.lanes import side_by_side
from runner.execution.observer import Observer
from runner.launchers.base import Environment
from runner.spec.job import Job, Status
from runner.store.run_folder import RunStore

# The first one holds one-time work.
EPOCHS = 3
# The folder of these jobs in the run's, and what the manifest calls what they told.
FOLDER = "side-by-side"
ENTRY = "side_by_side"


class UnknownSlowdownError(Exception):
    """One of the jobs that tell it could not be run, or was not ok."""


@dataclass(frozen=True)
class Slowdown:
    """Median seconds per epoch after the first: ``alone``, and ``beside`` on each card at once."""

    job: Job
    alone: float
    beside: tuple[float, ...]

    def __str__(self) -> str:
        ratio = max(self.beside) / self.alone
        return (
            f"{self.job.configuration}/{self.job.backend} {self.job.model}: an epoch takes "
            f"{self.alone:.3g} s alone, and up to {max(self.beside):.3g} s with a job on each of "
            f"{len(self.beside)} cards, {ratio:.2f} times as long (one process each)"
        )


def _run(job: Job, environment: Environment, obstacle: Obstacle, conditions: Conditions) -> None:
    """Run a job that must be ok."""
    if (reason := obstacle()) is not None:
        raise UnknownSlowdownError(reason)
    try:
        record = run_job(job, environment, conditions)
    except EngineError as error:
        raise UnknownSlowdownError(str(error)) from error
    if record.status is not Status.OK:
        raise UnknownSlowdownError(f"{job.id}: {record.status}: {record.reason}")


def measure_slowdown(
    job: Job, environment: Environment, obstacles: Sequence[Obstacle], lanes: Sequence[Conditions]
) -> Slowdown:
    """Run a cell once alone, then once in each lane at the same time, in a few epochs.

    The jobs are kept in a folder of the run, apart from its own. Raises UnknownSlowdownError where
    one of them is not ok, so that nothing is told.
    """
    run = lanes[0].store.folder
    shutil.rmtree(run / FOLDER, ignore_errors=True)
    store = RunStore.create(run, {}, FOLDER)
    quiet = [replace(lane, store=store, observer=Observer()) for lane in lanes]
    first, *others = (
        replace(job, epochs=EPOCHS, repeat=number) for number in range(1, len(lanes) + 2)
    )
    _run(first, environment, obstacles[0], quiet[0])
    works = [
        partial(_run, other, environment, obstacle, conditions)
        for other, obstacle, conditions in zip(others, obstacles, quiet, strict=True)
    ]
    side_by_side(works, lambda: None, lanes[0].interrupts, lanes[0].observer.note)
    from runner.tables.load import load_runs

    table = load_runs(store.folder)
    later = table[table["epoch"] > 1].groupby("job")["seconds"].median()
    return Slowdown(job, float(later[first.id]), tuple(float(later[one.id]) for one in others))


def tell_slowdown(
    job: Job, environment: Environment, obstacles: Sequence[Obstacle], lanes: Sequence[Conditions]
) -> None:
    """Measure it, say it, and enter it into the manifest; once in a run."""
    store, say = lanes[0].store, lanes[0].observer.note
    if ENTRY in store.manifest():
        return
    say(f"measuring what jobs on {len(lanes)} cards cost each other: {job.model}, {EPOCHS} epochs")
    try:
        found = measure_slowdown(job, environment, obstacles, lanes)
    except UnknownSlowdownError as error:
        say(f"what the jobs on several cards cost each other is not known: {error}")
        return
    entry = {"job": job.id, "alone_seconds": found.alone, "beside_seconds": list(found.beside)}
    store.amend(**{ENTRY: entry})
    say(str(found))
