"""Runs of steady cells at chosen paces, to be set beside each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher_contract import make_job
from made_runs import write_job
from runner.spec.job import Job, Status
from runner.store.run_folder import RunStore
from scripted import stream

# Repeats differ by these factors, epochs of one by a fifth of them.
SPREAD = (1.0, 1.01, 0.99, 1.005, 0.995)
CELLS = {("mnist_mlp", "tensorflow"): 1.0, ("mnist_mlp", "cntk"): 2.0}


def lines(job: Job, seconds: list[float], **changes: Any) -> list[bytes]:
    """Return a good job's stream with an epoch for each of ``seconds``."""
    start = {"model": job.model, "backend": job.backend, **job.axes,
             "versions": {"keras": "2.0.8", "python": "3.6.15", job.backend: "1.0"},
             **changes.get("start", {})}  # fmt: skip
    said = [json.loads(line) for line in stream(**{**changes, "start": start})]
    epoch = next(event for event in said if event["event"] == "epoch")
    before = [event for event in said if event["event"] in ("start", "data", "model")]
    epochs = [{**epoch, "epoch": n, "seconds": s} for n, s in enumerate(seconds, start=1)]
    return [json.dumps(event).encode() for event in [*before, *epochs, said[-1]]]


def steady_run(
    root: Path,
    cells: Mapping[tuple[str, str], float] = CELLS,
    *,
    repeats: int = 5,
    configuration: str = "tf-cntk-k208",
    job: Mapping[str, Any] | None = None,
    events: Mapping[str, Any] | None = None,
    commit: str = "a" * 40,
    **record: Any,
) -> Path:
    """Write a run whose cells take ``cells`` seconds an epoch; a cell at 0 seconds failed.

    ``job`` changes jobs, ``events`` what they say, ``record`` how they ended.
    """
    store = RunStore.create(
        root, {"identity": {"git_commit": commit, "cpu_model": "a processor", "kernel": "6.1"}}
    )
    for (model, backend), seconds in cells.items():
        for repeat in range(1, repeats + 1):
            made = make_job(model, configuration=configuration, backend=backend, repeat=repeat,
                            **{"seed": repeat, "threads": 2, **(job or {})})  # fmt: skip
            if not seconds:
                ended = {"status": Status.FAILED, "reason": "exit code 1", **record}
                write_job(store, made, [], **ended)
                continue
            pace = seconds * SPREAD[repeat % 5]
            epochs = [3 * pace, *(pace * (1 + (s - 1) / 5) for s in SPREAD)]
            write_job(store, made, lines(made, epochs, **(events or {})), **record)
    return store.folder
