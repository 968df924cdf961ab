"""The runs that are kept: what each measured, where, how far it came, and what came of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from runner.errors import StoreError, UsageError, choose_names
from runner.locks import is_held
from runner.report.console import err, out, print_json, safe_text
from runner.spec.job import Status
from runner.store.find import (
    folder_of_run,
    list_resumable_runs,
    no_runs_yet,
    oldest_first,
    runs_under,
)
from runner.store.record import read_manifest
from runner.tables.columns import COLUMNS
from runner.tables.load import load_runs
from runner.tables.verdicts import Answer, find_answer

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class KeptRun:
    """A run, known by its folder's name.

    ``began`` is in this machine's time zone, None where that is not on record.
    ``jobs`` is how many there are or were planned, ``statuses`` counts those that were begun;
    ``verdict`` says in short which backend is fastest, or why that is not known.
    """

    run: str
    folder: Path
    began: datetime | None
    is_running: bool
    jobs: int
    statuses: dict[str, int]
    configurations: list[str]
    backends: list[str]
    models: list[str]
    devices: list[str]
    machine: list[str]
    verdict: str

    @property
    def state(self) -> str:
        """Return how far the run came."""
        ok = self.statuses.get(Status.OK, 0)
        progress = f"{ok} of {self.jobs} jobs ok"
        return f"running, {progress}" if self.is_running else progress

    @property
    def what(self) -> str:
        """Return what was measured: configurations, models and devices."""
        models = self.models[0] if len(self.models) == 1 else f"{len(self.models)} models"
        return "; ".join([", ".join(self.configurations), models, "/".join(self.devices)])

    def fields(self) -> dict[str, Any]:
        """Return the run as values that JSON can hold."""
        fields = {
            **vars(self),
            "folder": str(self.folder),
            "began": self.began.isoformat() if self.began else None,
            "state": "running" if self.is_running else "ended",
        }
        del fields["is_running"]
        return fields


def short_verdict(answer: Answer) -> str:
    """Return an answer in a few words, such as "jax fastest in 3 of 5 models, cannot tell in 2"."""
    counts = Counter(
        " ".join(filter(None, [" and ".join(one.name for one in found.fastest), str(found.kind)]))
        for found in answer.verdicts
    )
    total = len(answer.verdicts)
    if len(counts) > 1:
        return ", ".join(f"{text} in {count} of {total}" for text, count in counts.most_common())
    over = f" in all {total} models" if total > 1 else ""
    return "".join(f"{text}{over}" for text in counts) or "nothing to compare"


def _values(table: pd.DataFrame, column: str) -> list[str]:
    return list(dict.fromkeys(table[column].dropna().astype(str)))


def _began(manifest: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(manifest["started"]).astimezone()
    except (TypeError, ValueError, OverflowError):
        return None


def read_kept_run(folder: Path) -> KeptRun:
    """Return what is known of a run. Raises StoreError if its manifest cannot be read."""
    manifest = read_manifest(folder)
    begun, verdict = pd.DataFrame(columns=list(COLUMNS)), "no job was started"
    if any(folder.glob("jobs/*/*.json")):
        begun = load_runs(folder)
        verdict = short_verdict(find_answer(begun))
    jobs = begun.drop_duplicates("job")
    machine = _values(jobs, "device_name") or [manifest["identity"].get("cpu_model") or "unknown"]
    return KeptRun(
        run=folder.name,
        folder=folder,
        began=_began(manifest),
        is_running=is_held(folder),
        jobs=len({*manifest["jobs"], *jobs["job"]}),
        statuses={str(status): int(n) for status, n in jobs["status"].value_counts().items()},
        configurations=_values(jobs, "configuration"),
        backends=_values(jobs, "backend"),
        models=_values(jobs, "model"),
        devices=_values(jobs, "device"),
        machine=machine,
        verdict=verdict,
    )


def _readable(paths: Iterable[Path], read: Callable[[Path], Kept]) -> Iterator[Kept]:
    """Yield what is read of the runs that can be read; of one that cannot be, say why."""
    for path in paths:
        try:
            yield read(path)
        except StoreError as error:
            err.print(str(error), highlight=False, style="yellow")


def _checked_folder(path: Path) -> Path:
    folder = folder_of_run(path)
    read_manifest(folder)
    return folder


def read_places(places: Iterable[Path]) -> list[Path]:
    """Return the folders of all runs at some places, oldest first; of one that is none, say why.

    A place is a run, a pack, or a folder that holds such. Raises StoreError where none is left.
    """
    places = list(places)
    under = (path for place in places for path in runs_under(place))
    found = list(_readable(under, _checked_folder))
    if not found:
        raise StoreError(f"{', '.join(map(str, places))}: no run there can be read")
    return oldest_first(found)


def _table(runs: Iterable[KeptRun]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("began", "run", "what", "machine", "jobs", "verdict"):
        table.add_column(title, overflow="fold", no_wrap=title == "run")
    for run in runs:
        began = f"{run.began:%Y-%m-%d %H:%M}" if run.began else "unknown"
        cells = (began, run.run, run.what, ", ".join(run.machine), run.state, run.verdict)
        table.add_row(*map(safe_text, cells))
    return table


def print_runs(root: Path, limit: int, as_json: bool) -> None:
    """Print the ``limit`` newest runs under ``root``, the newest last."""
    folders = list_resumable_runs(root)
    found = _readable(folders[-limit:], read_kept_run)
    if as_json:
        for run in found:
            print_json(run.fields())
        return
    if not folders:
        out.print(no_runs_yet(root), highlight=False, soft_wrap=True)
        return
    out.print(_table(found))
    if len(folders) > limit:
        out.print(f"the newest {limit} of {len(folders)} runs; more with --limit", highlight=False)


def chosen_rows(
    tables: Sequence[pd.DataFrame], wanted: Mapping[str, list[str]], named: Sequence[str]
) -> list[pd.DataFrame]:
    """Return the tables with the wanted configurations, models and backends only.

    ``named`` is what each of them is called. Raises UsageError for an unknown name, and where
    nothing is left.
    """
    kept = list(tables)
    for column, names in wanted.items():
        known = list(dict.fromkeys(name for table in tables for name in table[column]))
        some = choose_names(names, known, column)
        kept = [table[table[column].isin(some)] for table in kept]
    for name, table in zip(named, kept, strict=True):
        if table.empty:
            raise UsageError(f"{name} has no job of the chosen configurations, models and backends")
    return kept
