"""What the folders of jobs hold beside the table: the end of a log, warnings, telemetry."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pandas as pd

from runner.errors import StoreError
from runner.report.html.packed import plain_value
from runner.spec.job import Status
from runner.spec.regular import open_regular, read_regular
from runner.store.record import read_record
from runner.words import escaped_lines

# Characters of all logs together, and the least and the most of one log, for jobs that are ok and
# for those that are not.
_LOGS = {True: (500_000, 80, 2_000), False: (1_000_000, 200, 8_000)}
# Numbers of all telemetry together, and the points of one job's series.
_TELEMETRY_BUDGET = 60_000
# Two days of samples; about 400 bytes a second.
_MOST_TELEMETRY_BYTES = 64 << 20
_MOST_POINTS, _FEWEST_POINTS = 120, 8
_CARD_COLUMNS = {
    "gpu_utilization": "utilization_percent",
    "gpu_temperature": "temperature_c",
    "gpu_power_w": "power_w",
    "gpu_sm_mhz": "sm_mhz",
}
_KINDS = {"log": "string", "log_bytes": "Int64", "warnings": "string", "exit_code": "Int64"}
_HOST_COLUMNS = ("foreign_load", "cpu_mhz")


@dataclass(frozen=True)
class Extras:
    """What the table does not hold: a row per job in its order, and telemetry by its position."""

    rows: pd.DataFrame
    telemetry: dict[int, dict[str, list[Any]]]


def log_tail(path: Path, limit: int) -> tuple[str, int] | None:
    """Return the last ``limit`` bytes of a log as visible text, and how long it is in bytes."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - limit))
            text = file.read(limit).decode("utf-8", "replace")
    except OSError:
        return None
    if size > limit:
        rest = text.partition("\n")[2]
        text = rest or text
    return escaped_lines(text).rstrip(), size


def _samples(folder: Path) -> list[dict[str, float | None]]:
    """Return a job's samples flat, without the lines that are none."""
    found: list[dict[str, float | None]] = []
    content = b""
    if not folder.is_symlink():
        with suppress(OSError):
            content = read_regular(folder / "telemetry.jsonl", _MOST_TELEMETRY_BYTES)
    for line in content.decode("utf-8", "replace").splitlines():
        try:
            sample = json.loads(line)
            card = sample["gpu"] or {}
            row = {"at": sample["at"], **{name: sample[name] for name in _HOST_COLUMNS}}
            found.append({**row, **{name: card.get(key) for name, key in _CARD_COLUMNS.items()}})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return found


def _mean(values: list[Any]) -> float | None:
    known = [value for value in values if isinstance(value, int | float)]
    return plain_value(fmean(known)) if known else None


def thinned_series(
    samples: list[dict[str, float | None]], points: int
) -> dict[str, list[float | None]]:
    """Return a series per measure with at most ``points`` means of neighbouring samples."""
    step = max(1, -(-len(samples) // points))
    bins = [samples[start : start + step] for start in range(0, len(samples), step)]
    names = list(samples[0]) if samples else []
    series = {name: [_mean([sample[name] for sample in part]) for part in bins] for name in names}
    return {name: values for name, values in series.items() if any(v is not None for v in values)}


def _points(jobs: int) -> int:
    """Return how many points each job's series may have: 0 where that would show nothing."""
    share = _TELEMETRY_BUDGET // (max(1, jobs) * (1 + len(_HOST_COLUMNS) + len(_CARD_COLUMNS)))
    return 0 if share < _FEWEST_POINTS else min(share, _MOST_POINTS)


def _limit(is_ok: bool, jobs: int) -> int:
    """Return how many bytes of its log each of so many jobs may show."""
    budget, least, most = _LOGS[is_ok]
    return min(max(budget // max(1, jobs), least), most)


def _row(folder: Path, limit: int) -> dict[str, Any]:
    found = dict.fromkeys(_KINDS)
    if folder.is_symlink():  # it could lead anywhere
        return found
    with suppress(StoreError):  # where it cannot be read, the table says so already
        record = read_record(folder)
        found |= {"warnings": "\n".join(record.warnings) or None, "exit_code": record.exit_code}
    text, size = log_tail(folder / "log.txt", limit) or (None, None)
    return {**found, "log": text, "log_bytes": size}


def read_extras(jobs: pd.DataFrame, folders: dict[str, Path]) -> Extras:
    """Return what the folders of ``jobs`` hold, one row per job; ``folders`` are runs by name."""
    are_ok = jobs["status"].eq(Status.OK).tolist()
    limits = {is_ok: _limit(is_ok, are_ok.count(is_ok)) for is_ok in _LOGS}
    paths = [folders[run] / "jobs" / job for run, job in zip(jobs["run"], jobs["job"], strict=True)]
    rows = [_row(path, limits[is_ok]) for path, is_ok in zip(paths, are_ok, strict=True)]
    points = _points(sum((path / "telemetry.jsonl").exists() for path in paths))
    telemetry = {
        n: thinned_series(_samples(path), points) for n, path in enumerate(paths) if points
    }
    return Extras(
        pd.DataFrame(rows, index=jobs.index).astype(_KINDS),
        {n: series for n, series in telemetry.items() if len(series.get("at", [])) > 1},
    )
