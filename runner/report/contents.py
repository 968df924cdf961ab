"""What every form of a report is made from: the table, its cells, and the answer."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import pandas as pd

from runner.tables.against_published import OrderVerdict, order_verdicts
from runner.tables.per_cell import summarize
from runner.tables.published import with_published
from runner.tables.verdicts import Answer, find_answer


@dataclass(frozen=True)
class Report:
    """A tidy table of ``load_runs``, its cells, and which backend is fastest by it.

    ``summary`` has the published figures beside the measured ones.
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    answer: Answer

    @classmethod
    def of(cls, table: pd.DataFrame) -> Self:
        """Work out what is reported of a table."""
        summary = summarize(table)
        return cls(table, with_published(summary), find_answer(table, summary))

    @cached_property
    def orders(self) -> list[OrderVerdict]:
        """Return whether the published orders of backends hold."""
        return order_verdicts(self.summary)
