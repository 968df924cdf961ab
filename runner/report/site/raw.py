"""The rows of each run as CSV, beside its page."""

from collections.abc import Iterator

import pandas as pd


def csv_by_run(table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield each run's name and its rows as CSV, written at once and parted line by line.

    No text of a table holds a line's end: those are escaped when it is loaded.
    """
    ordered = table.sort_values("run", kind="stable")
    head, *lines = ordered.to_csv(index=False, lineterminator="\n").split("\n")
    counts = ordered.groupby("run", sort=False).size()
    begin = 0
    for run, count in zip(counts.index, counts, strict=True):
        yield str(run), "\n".join([head, *lines[begin : begin + count], ""])
        begin += count
