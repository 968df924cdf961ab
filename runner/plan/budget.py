"""Within a time: which processes to run, so that as many verdicts as possible can be told.

A first process of each cell, of few steps, tells what it costs. Then all cells of a model train on
more samples, so that epochs are long enough to be timed, as far as the time allows. Every cell is
repeated, and at fixed numbers of processes the data are looked at: a model whose verdict is told is
not repeated any more, and the others go on until the time is spent. Each look may be wrong by
chance, so the error of 5 % is divided among all of them (see
``runner.tables.verdicts.Terms``), and the verdicts hold although they were looked at repeatedly.
``benchmarks/budget.py`` simulates how often they are wrong, and what is saved.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from runner.plan.rounds import cell_of, shuffled_rounds
from runner.spec.axes import declared_axes
from runner.spec.job import Job, Status
from runner.tables.columns import ASKED, CELL
from runner.tables.per_cell import counted, repeats_of
from runner.tables.verdicts import LOOKS, VerdictKind, find_answer

Cell = tuple[str, ...]
# The model, and the axes whose values are other work: what its cells must share.
Compared = tuple[object, ...]
# The first epoch holds one-time work.
EPOCHS = 2
# Of three timed ones the median stands, although one of them was held up.
_MOST_EPOCHS = 4
# Between processes there is more to learn than between epochs: the epochs after the second may take
# this part of a process's time.
_MORE_EPOCHS = 0.4
_FIRST_STEPS = 5
_LEAST_STEPS = 30
_LEAST_SECONDS = 1.0
_LITTLE = 0.2
# Of a row, what a cost rests on.
_COST_COLUMNS = dict.fromkeys(
    ["run", "job", *CELL, *ASKED, "status", "epoch", "seconds", "samples", "wall_seconds",
     "disturbance"]
)  # fmt: skip
# An epoch that is nearly long enough is not measured anew.
_NEARLY = 0.8


@dataclass(frozen=True)
class _Cost:
    """What a cell has taken so far: its processes' mean wall time, and seconds per sample.

    ``epochs`` is how many those processes had on average.
    """

    processes: int
    wall: float
    per_sample: float
    samples: int
    epochs: float

    def of(self, job: Job) -> float:
        """Return what a process of ``job`` will take, which may have more samples and epochs."""
        assert job.samples is not None and job.epochs is not None
        more = job.samples * job.epochs - self.samples * self.epochs
        return self.wall + max(0.0, more) * self.per_sample

    def epoch_of(self, job: Job) -> float:
        """Return what an epoch of ``job`` will take."""
        assert job.samples is not None
        return job.samples * self.per_sample


def _compared(job: Job) -> Compared:
    work = (name for name, axis in declared_axes().items() if not axis.is_same_work)
    return job.model, *(job.axes[name] for name in work if name != "samples")


def _first_of(job: Job) -> Job:
    """Return a cell's first process, with epochs and samples where none were asked for."""
    assert job.workload is not None
    samples = min(_FIRST_STEPS * job.workload.batch_size, job.workload.train)
    return replace(job, epochs=job.epochs or EPOCHS, samples=job.samples or samples)


def _costs(table: pd.DataFrame) -> dict[Cell, _Cost]:
    """Return the costs of the cells that have no job but ok ones."""
    found = {}
    # A row of the table has a hundred columns, which every choice of rows would copy.
    for key, rows in table[[*_COST_COLUMNS]].groupby(ASKED, sort=False):
        later = counted(rows[rows["epoch"] > 1])
        if later.empty or not (rows["status"] == Status.OK).all():
            continue
        rows = counted(rows)
        jobs = rows.drop_duplicates(["run", "job"])
        seconds = float(later["seconds"].median())
        found[tuple(map(str, key))] = _Cost(
            len(repeats_of(rows)),
            float(jobs["wall_seconds"].mean()),
            seconds / float(rows["samples"].max()),
            int(rows["samples"].max()),
            float(rows.groupby(["run", "job"])["epoch"].max().mean()),
        )
    return found


def _spent(table: pd.DataFrame) -> float:
    return float(table.drop_duplicates(["run", "job"])["wall_seconds"].sum())


def _sized(job: Job, costs: Sequence[_Cost], share: float) -> Job:
    """Return a job with as many samples as its model needs, or as ``share`` seconds allow.

    Needed are 30 steps, and a second for the fastest cell's epoch; the slowest cell's process is
    the one that must fit into ``share``. Where the fastest has less than a second, a little more
    than the share is allowed: what is too short to be timed tells nothing.
    """
    assert job.workload is not None and job.samples is not None
    batch, train = job.workload.batch_size, job.workload.train
    fastest = min(cost.per_sample for cost in costs)
    slowest = max(costs, key=lambda cost: cost.per_sample)
    wanted = max(_LEAST_STEPS * batch, math.ceil(_LEAST_SECONDS / fastest / batch) * batch)
    is_short = fastest * job.samples < _LEAST_SECONDS
    spare = max(share - slowest.wall, _LITTLE * slowest.wall * is_short)
    more = int(spare / slowest.per_sample / (job.epochs or EPOCHS) // batch)
    samples = min(wanted, job.samples + max(0, more) * batch, train)
    return job if _NEARLY * samples <= job.samples else replace(job, samples=samples)


def _with_epochs(jobs: Sequence[Job], costs: dict[Cell, _Cost], left: float) -> list[Job]:
    """Return the jobs with more epochs, up to four, where there is time after the first look.

    The cells whose epochs take least come first; ``left`` is in seconds.
    """
    needed = {cell_of(job): LOOKS[0] - (job.samples == costs[cell_of(job)].samples) for job in jobs}
    left -= sum(needed[cell_of(job)] * costs[cell_of(job)].of(job) for job in jobs)
    found = {}
    for job in sorted(jobs, key=lambda job: costs[cell_of(job)].epoch_of(job)):
        cost = costs[cell_of(job)]
        little = min(_MORE_EPOCHS * cost.of(job), left / needed[cell_of(job)])
        more = max(0, min(int(little / cost.epoch_of(job)), _MOST_EPOCHS - EPOCHS))
        left -= more * cost.epoch_of(job) * needed[cell_of(job)]
        found[cell_of(job)] = replace(job, epochs=EPOCHS + more)
    return [found[cell_of(job)] for job in jobs]


def _undecided(table: pd.DataFrame) -> set[Cell]:
    """Return the cells of which more processes may tell what is not told yet."""
    answer = find_answer(table)
    return {
        one.cell[: len(ASKED)]
        for found in (*answer.verdicts, *answer.effects)
        if found.kind is VerdictKind.CANNOT_TELL
        for pair in found.open_pairs
        for one in (pair.fast, pair.slow)
    }


def _all_sized(
    asked: Sequence[Job], first: dict[Cell, Job], costs: dict[Cell, _Cost], left: float
) -> list[Job]:
    """Return the cells that ended well, those of one model with the same samples.

    Each process gets the part of the seconds ``left`` with which every cell reaches the first look.
    """
    of_model: dict[Compared, list[_Cost]] = {}
    for cell, cost in costs.items():
        of_model.setdefault(_compared(first[cell]), []).append(cost)
    share = left / max(1, len(costs) * LOOKS[0])
    sized = [
        first[cell_of(job)]
        if job.samples is not None
        else _sized(first[cell_of(job)], of_model[_compared(job)], share)
        for job in asked
        if cell_of(job) in costs
    ]
    are_asked = any(job.epochs is not None for job in asked)
    return sized if are_asked else _with_epochs(sized, costs, left)


def _again(job: Job, repeat: int) -> Job:
    return replace(job, repeat=repeat, seed=job.seed + repeat - 1)


def rounds_within(
    asked: Sequence[Job], seconds: float, seed: int, measured: Callable[[], pd.DataFrame]
) -> Iterator[Job]:
    """Yield jobs until every verdict is told or their wall times would exceed ``seconds``.

    ``asked`` has one job a cell, ``measured`` returns the table so far. Every cell is run once,
    whatever it takes: nothing is known of it before.
    """
    first = {cell_of(job): _first_of(job) for job in asked}
    yield from shuffled_rounds(list(first.values()), seed)
    table = measured()
    waiting = _all_sized(asked, first, _costs(table), seconds - _spent(table))
    ran = dict.fromkeys(first, 1)
    for look in LOOKS:
        for jobs in _in_turn(waiting, measured(), look, seconds):
            while due := _due(jobs, _costs(table := measured()), ran, look):
                again = [_again(job, ran[cell_of(job)] + 1) for job in due]
                afforded = _afforded(shuffled_rounds(again, seed), table, seconds)
                if not afforded:
                    break
                for job in afforded:
                    ran[cell_of(job)] += 1
                    yield job
        undecided = _undecided(measured())
        waiting = [job for job in waiting if cell_of(job) in undecided]


def _in_turn(
    jobs: Sequence[Job], table: pd.DataFrame, look: int, seconds: float
) -> list[list[Job]]:
    """Return what is brought to a look together: all cells, where the time is enough for that.

    Else model by model, the one that takes least first: a verdict on some is more than on none.
    Cells of a model are always measured in turn, so that none has a quieter time than the others.
    """
    costs = _costs(table)
    takes: dict[Compared, float] = {}
    of_model: dict[Compared, list[Job]] = {}
    for job in jobs:
        if cost := costs.get(cell_of(job)):
            is_counted = job.samples == cost.samples
            needed = max(0, look - cost.processes * is_counted)
            one = _compared(job)
            takes[one] = takes.get(one, 0.0) + needed * cost.of(job)
            of_model.setdefault(one, []).append(job)
    if _spent(table) + sum(takes.values()) <= seconds:
        return [list(jobs)]
    return [of_model[model] for model in sorted(of_model, key=lambda model: takes[model])]


def _afforded(jobs: Sequence[Job], table: pd.DataFrame, seconds: float) -> list[Job]:
    """Return the jobs of a round for which there is time, by what their cells took so far."""
    costs, spent = _costs(table), _spent(table)
    found = []
    for job in jobs:
        taking = costs[cell_of(job)].of(job)
        if spent + taking <= seconds:
            spent += taking
            found.append(job)
    return found


def _due(
    waiting: Sequence[Job], costs: dict[Cell, _Cost], ran: dict[Cell, int], look: int
) -> list[Job]:
    """Return the cells that have too few processes to be looked at.

    One process more than that may have been needed to learn the cost. A cell whose processes no
    longer end well is left alone.
    """
    return [
        job
        for job in waiting
        if (cost := costs.get(cell_of(job))) and cost.processes < look and ran[cell_of(job)] <= look
    ]
