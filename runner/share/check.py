"""Whether a run's rows derive from its events, and whether a pack is what it says."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from runner.errors import StoreError
from runner.share.write import table_csv
from runner.spec.job import Status
from runner.spec.regular import read_regular
from runner.store.find import find_run
from runner.store.pack import is_pack, read_pack
from runner.store.record import read_record
from runner.tables.load import load_runs
from runner.words import foreign

# How many differences are told; the rest are counted.
_MOST_SHOWN = 10
# Of a table: as much as a pack may hold.
_MOST_BYTES = 2 << 30
Row = Mapping[str, str]


@dataclass(frozen=True)
class Checked:
    """What a check found: ``facts`` that hold, and ``problems``, each in a line."""

    facts: list[str]
    problems: list[str]


def _csv_rows(content: bytes, name: str) -> list[Row]:
    with foreign(f"{name}: is no table", StoreError):
        reader = csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
        return [{str(k): str(v) for k, v in row.items()} for row in reader]


def differing_rows(kept: Sequence[Row], derived: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each value of the kept rows that the events do not give.

    Only columns that both have are compared: another version of the runner may have more.
    """
    for old, new in zip_longest(kept, derived):
        if old is None or new is None:
            yield f"{len(kept)} rows are kept, the events give {len(derived)}"
            return
        place = f"job {new.get('job', '?')}, epoch {new.get('epoch') or '-'}"
        for name in old.keys() & new.keys():
            if old[name] != new[name]:
                yield f"{place}: {name} is {old[name]!r}, the events give {new[name]!r}"


def _damaged(folder: Path) -> Iterator[str]:
    """Yield a line for each job that is ok by its record and not by its events."""
    jobs = load_runs(folder).drop_duplicates("job")
    for name, status, reason in zip(jobs["job"], jobs["status"], jobs["reason"], strict=True):
        try:
            status_there = read_record(folder / "jobs" / str(name)).status
        except StoreError as error:
            yield str(error)
            continue
        if status_there == Status.OK and status != Status.OK:
            yield f"job {name}: {reason}"


def check_run(place: str, root: Path) -> Checked:
    """Return what holds of a run, or of a pack, and what does not.

    Raises StoreError where there is no run, or a pack that was changed.
    """
    folder = find_run(root, place)
    facts = []
    if is_pack(Path(place)):
        pack = read_pack(Path(place))
        facts += [
            f"{len(pack.files)} files are as they were packed, by their SHA-256",
            f"licence: {pack.licence}",
            f"cite as: {pack.citation}",
        ]
    problems = list(_damaged(folder))
    try:
        kept = _csv_rows(read_regular(folder / "table.csv", _MOST_BYTES), f"{folder}/table.csv")
    except FileNotFoundError:
        return Checked([*facts, "it keeps no table.csv"], problems)
    except OSError as error:
        raise StoreError(f"{folder}/table.csv: cannot be read: {error.strerror}") from error
    derived = _csv_rows(table_csv(load_runs(folder)), f"the table of {folder}")
    differing = list(differing_rows(kept, derived))
    problems += differing[:_MOST_SHOWN]
    if len(differing) > _MOST_SHOWN:
        problems.append(f"and {len(differing) - _MOST_SHOWN} more values")
    if not differing:
        facts.append(f"the {len(kept)} rows of table.csv derive from the events")
    return Checked(facts, problems)
