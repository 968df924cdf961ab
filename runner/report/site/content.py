"""What the pages are made from: the rows of all runs, without what says whose they are."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from runner.report.contents import Report
from runner.report.runs import read_places
from runner.store.scrub import Names, Scrubber
from runner.tables.columns import ASKED, CELL
from runner.tables.comparable import cell_facts, classes
from runner.tables.history.series import Point, Series, machine_name, read_series, words_apart
from runner.tables.load import load_runs
from runner.tables.per_cell import counted
from runner.tables.per_job import job_rows
from runner.tables.variants import with_variants

# A name of a file that no system takes for another thing.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,79}")
_FACTS = {
    "configuration": "configurations",
    "backend_version": "backends",
    "keras_version": "Keras",
    "python_version": "Python",
    "device_name": "device",
    "driver": "driver",
    "cpu_model": "processor",
    "kernel": "kernel",
    "launcher": "launcher",
    "data_source": "data",
    "threads": "threads",
    "precision": "precision",
    "image_digest": "image",
    "lock_sha256": "lock",
    "git_commit": "commit",
    "runner_version": "runner",
}
# Texts that somebody's programs and habits may have written; the rest are words of the table.
_FREE = (
    "run", "reason", "disturbance", "node", "kernel", "variables", "device_name", "device_uuid",
    "base_repo_digest", "machine", "variant", "throttle", "exclusive",
)  # fmt: skip


def page_name(text: str) -> str:
    """Return the name of a page for a run or a model, whatever that is called."""
    if _PLAIN.fullmatch(text):
        return text
    plain = re.sub(r"[^A-Za-z0-9_+-]+", "-", text).strip("-")[:60]
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def scrubbed_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without names, paths and addresses in its texts."""
    free = {name: table[name].dropna().unique() for name in _FREE}
    texts = (str(text) for found in free.values() for text in found)
    words = {str(value).lower() for name in ASKED for value in table[name].dropna().unique()}
    scrubber = Scrubber(Names.of(texts, table["node"].dropna().unique(), words))
    columns = {
        name: table[name].map({text: scrubber.text(str(text)) for text in texts}).astype("string")
        for name, texts in free.items()
    }
    return table.assign(**columns)


def _placed(report: Report) -> pd.DataFrame:
    """Return the cells of one model with their ``run`` and ``where``."""
    rows = counted(with_variants(report.table))
    of_cell = dict(list(rows.groupby(CELL, sort=False)))
    facts = {key: cell_facts(part) for key, part in of_cell.items()}
    alike = classes(list(of_cell), facts.__getitem__)
    groups = [pd.concat([of_cell[key] for key in keys]) for keys in alike]
    where = {
        key: ", ".join(dict.fromkeys([machine_name(group), *words]))
        for keys, group, words in zip(alike, groups, words_apart(rows, groups), strict=True)
        for key in keys
    }
    extra = pd.DataFrame(
        {"run": {key: part["run"].iloc[-1] for key, part in of_cell.items()}, "where": where}
    )
    return report.summary.join(extra.rename_axis(CELL), on=CELL)


@dataclass(frozen=True)
class RunFigure:
    """What a run says of a cell, and the series that it is a point of."""

    series: Series
    point: Point


@dataclass(frozen=True)
class Site:
    """All that the pages show. ``runs`` are in the order of time; ``table`` is scrubbed."""

    table: pd.DataFrame
    series: list[Series]

    @classmethod
    def of(cls, places: Sequence[Path]) -> "Site":
        """Return the content for some places, each a folder of runs, a run or a pack."""
        table = scrubbed_table(load_runs(*read_places(places)))
        return cls(table, read_series(table))

    @cached_property
    def runs(self) -> list[str]:
        return list(dict.fromkeys(self.table["run"]))

    @cached_property
    def models(self) -> list[str]:
        return sorted(set(self.table["model"]))

    @cached_property
    def newest(self) -> Report:
        """Return the report of each series' newest run with a time."""
        wanted = {
            (one.newest.run, *(one.cell[name] for name in ASKED))
            for one in self.series
            if one.newest.figure
        }
        keys = zip(*(self.table[name] for name in ("run", *ASKED)), strict=True)
        return Report.of(self.table[[key in wanted for key in keys]])

    @cached_property
    def newest_of(self) -> dict[str, Report]:
        """Return the same model by model: what other models' runs are like is no part of it."""
        by_model = self.newest.table.groupby("model", sort=False)
        return {str(model): Report.of(rows) for model, rows in by_model}

    @cached_property
    def newest_cells(self) -> pd.DataFrame:
        """Return the summary of those with the published figures.

        ``run`` is the run of each; ``where`` is the machine and what else tells it from cells of
        its model that it may not be compared with.
        """
        found = [_placed(report) for report in self.newest_of.values()]
        return pd.concat(found, ignore_index=True) if found else self.newest.summary

    @cached_property
    def by_run(self) -> dict[str, list[RunFigure]]:
        """Return what each run says of its cells."""
        found: dict[str, list[RunFigure]] = {run: [] for run in self.runs}
        for series in self.series:
            for point in series.points:
                found[point.run].append(RunFigure(series, point))
        return found

    @cached_property
    def jobs(self) -> dict[str, pd.DataFrame]:
        """Return the jobs of each run, a row each."""
        return {str(run): rows for run, rows in job_rows(self.table).groupby("run", sort=False)}

    @cached_property
    def facts(self) -> dict[str, dict[str, str]]:
        """Return what each run ran in, in words."""
        named = (self.table["backend"] + " ").str.cat(self.table["backend_version"])
        rows = self.table.assign(backend_version=named)[["run", *_FACTS]].drop_duplicates()
        found: dict[str, dict[str, dict[str, None]]] = {run: {} for run in self.runs}
        for row in rows.to_dict("records"):
            labels = found[str(row["run"])]
            for name, label in _FACTS.items():
                if pd.notna(row[name]):
                    labels.setdefault(label, {})[str(row[name])] = None
        return {run: {k: _some(v) for k, v in labels.items()} for run, labels in found.items()}


def _some(values: Iterable[str], most: int = 6) -> str:
    """Return values in a line, the first few of many."""
    listed = list(values)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest
