"""What every form of a report is made from: the table, its cells, and the answer."""

from dataclasses import dataclass
from typing import Self

import pandas as pd

from runner.tables.per_cell import summarize
from runner.tables.verdicts import Answer, find_answer


@dataclass(frozen=True)
class Report:
    """A tidy table of ``load_runs``, its summary, and which backend is fastest by it."""

    table: pd.DataFrame
    summary: pd.DataFrame
    answer: Answer

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """Work out what is reported of a table."""
        return cls(table, summarize(table), find_answer(table))
