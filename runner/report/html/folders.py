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

# Characters of all logs together, for jobs that are ok and for those that are not; one log's
# share lies within the bounds.
_LOG_BUDGET = {True: 500_000, False: 1_000_000}
_LOG_BOUNDS = {True: (80, 2_000), False: (200, 8_000)}
# Numbers of all telemetry together, and the points of one job's series.
_TELEMETRY_BUDGET = 60_000
# Two days of samples; about 400 bytes a second.
_MOST_TELEMETRY_BYTES = 64 << 20
_MOST_POINTS, _FEWEST_POINTS = 120, 8
_OF_CARD = {
    "gpu_utilization": "utilization_percent",
    "gpu_temperature": "temperature_c",
    "gpu_power_w": "power_w",
    "gpu_sm_mhz": "sm_mhz",
}
_OF_HOST = ("foreign_load", "cpu_mhz")


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
    found = []
    if folder.is_symlink():
        return []
    try:
        content = read_regular(folder / "telemetry.jsonl", _MOST_TELEMETRY_BYTES)
    except OSError:
        return []
    for line in content.decode("utf-8", "replace").splitlines():
        try:
            sample = json.loads(line)
            card = sample["gpu"] or {}
            row = {"at": sample["at"], **{name: sample[name] for name in _OF_HOST}}
            found.append({**row, **{name: card.get(key) for name, key in _OF_CARD.items()}})
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
    share = _TELEMETRY_BUDGET // (max(1, jobs) * (1 + len(_OF_HOST) + len(_OF_CARD)))
    return 0 if share < _FEWEST_POINTS else min(share, _MOST_POINTS)


def _limits(jobs: pd.DataFrame) -> dict[bool, int]:
    """Return how many bytes of log a job may show, by whether it is ok."""
    counts = jobs["status"].eq(Status.OK).value_counts()
    shares = {ok: _LOG_BUDGET[ok] // max(1, int(counts.get(ok, 0))) for ok in (True, False)}
    return {
        ok: min(max(share, _LOG_BOUNDS[ok][0]), _LOG_BOUNDS[ok][1]) for ok, share in shares.items()
    }


def _row(folder: Path, limit: int) -> dict[str, Any]:
    record, log = None, None
    if not folder.is_symlink():  # a link could lead anywhere
        with suppress(StoreError):  # where it cannot be read, the table says so already
            record = read_record(folder)
        log = log_tail(folder / "log.txt", limit)
    text, size = log or (None, None)
    return {
        "log": text,
        "log_bytes": size,
        "warnings": ("\n".join(record.warnings) or None) if record else None,
        "exit_code": record.exit_code if record else None,
    }


def read_extras(jobs: pd.DataFrame, folders: dict[str, Path]) -> Extras:
    """Return what the folders of ``jobs`` hold, one row per job; ``folders`` are runs by name."""
    limits = _limits(jobs)
    paths = [folders[run] / "jobs" / job for run, job in zip(jobs["run"], jobs["job"], strict=True)]
    rows = [
        _row(path, limits[bool(status == Status.OK)])
        for path, status in zip(paths, jobs["status"], strict=True)
    ]
    kinds = {"log": "string", "log_bytes": "Int64", "warnings": "string", "exit_code": "Int64"}
    points = _points(sum((path / "telemetry.jsonl").exists() for path in paths))
    telemetry = {
        n: thinned_series(_samples(path), points) for n, path in enumerate(paths) if points
    }
    return Extras(
        pd.DataFrame(rows, index=jobs.index).astype(kinds),
        {n: series for n, series in telemetry.items() if len(series.get("at", [])) > 1},
    )
