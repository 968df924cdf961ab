"""Histories of made runs: cells at chosen seconds run by run, a day between two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from steady_runs import steady_run

FIRST_DAY = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
TENSORFLOW, CNTK = ("mnist_mlp", "tensorflow"), ("mnist_mlp", "cntk")


def noisy(
    runs: int, steps: Mapping[int, float] | None = None, seed: int = 0, noise: float = 0.02
) -> list[float]:
    """Return the seconds of each run: 1, times its noise, times each step from its run on."""
    seconds = np.exp(np.random.default_rng(seed).normal(0, noise, runs))
    for first, size in (steps or {}).items():
        seconds[first:] *= 1 + size
    return [float(one) for one in seconds]


def run_name(day: int) -> str:
    """Return the name of a made run."""
    return f"night-{day:03d}"


def made_run(root: Path, day: int, cells: Mapping[tuple[str, str], float], **changes: Any) -> Path:
    """Write the run of a day; ``changes`` are those of ``steady_run``."""
    began = (FIRST_DAY + timedelta(days=day)).isoformat()
    folder = steady_run(root, cells, **{"repeats": 2, "started": began, **changes})
    named = folder.rename(root / run_name(day))
    manifest = json.loads((named / "manifest.json").read_text())
    manifest |= {"run": named.name, "started": began}
    (named / "manifest.json").write_text(json.dumps(manifest))
    return named


def made_history(
    root: Path,
    seconds: Sequence[float],
    changes: Mapping[int, Mapping[str, Any]] | None = None,
    cell: tuple[str, str] = TENSORFLOW,
) -> Path:
    """Write a run for each of ``seconds``; ``changes`` hold from their run on."""
    root.mkdir(parents=True, exist_ok=True)
    held: dict[str, Any] = {}
    for day, one in enumerate(seconds):
        held |= (changes or {}).get(day, {})
        made_run(root, day, {cell: one}, **held)
    return root
