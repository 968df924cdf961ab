"""How often and in which order jobs run: repeats interleaved, each round in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.spec.job import Job
from runner.tables.columns import ASKED
from runner.words import parse_percentage

if TYPE_CHECKING:
    import pandas as pd


def parse_width(text: str) -> float:
    """Return how narrow an interval must be, as a part of its median."""
    return parse_percentage(text, "--until")


def shuffled_rounds(jobs: Sequence[Job], seed: int) -> list[Job]:
    """Return the jobs round by round, each round in an order that ``seed`` decides.

    So neither the configuration nor the model follows the clock: a machine that slows down over
    an hour slows all of them.
    """
    rounds: dict[int, list[Job]] = {}
    for job in jobs:
        rounds.setdefault(job.repeat, []).append(job)
    for repeat, members in rounds.items():
        random.Random(f"{seed}:{repeat}").shuffle(members)  # noqa: S311 - an order
    return [job for repeat in sorted(rounds) for job in rounds[repeat]]


def _is_narrow(rows: pd.DataFrame, width: float) -> bool:
    """Return whether a cell needs no further repeat. A cell that failed needs none either."""
    from runner.tables.per_cell import repeats_of
    from runner.tables.statistics import cell_interval

    repeats = repeats_of(rows)
    if len(repeats) < rows["job"].nunique():
        return True
    found = cell_interval(repeats)
    return found is not None and found.repeats >= 2 and found.relative_width <= width


def rounds_until(
    planned: Sequence[Job],
    width: float,
    cap: int,
    seed: int,
    measured: Callable[[], pd.DataFrame],
) -> Iterator[Job]:
    """Yield jobs until every cell's interval is within plus or minus ``width`` of its figure.

    ``planned`` are the jobs that are run in any case; each of its cells gets at least two repeats
    and at most ``cap``. ``measured`` returns the table so far.
    """
    waiting = [job for job in planned if job.repeat == 1]
    least = max(job.repeat for job in planned)
    for repeat in range(1, max(cap, least) + 1):
        again = [replace(job, repeat=repeat, seed=job.seed + repeat - 1) for job in waiting]
        yield from shuffled_rounds(again, seed)
        if repeat < least:
            continue
        narrow = {
            key: _is_narrow(rows, width) for key, rows in measured().groupby(ASKED, sort=False)
        }
        waiting = [job for job in waiting if not narrow.get(cell_of(job), True)]
        if not waiting:
            return


def cell_of(job: Job) -> tuple[str, ...]:
    """Return the cell of a job, by its values of ``ASKED``."""
    return tuple(str(getattr(job, name)) for name in ASKED)
