"""What many epochs and many jobs take: to a table, a summary, a plan, and a page."""

from __future__ import annotations

import json
from pathlib import Path

from launcher_contract import make_job
from made_runs import events, write_job
from runner.spec.job import Job
from runner.store.run_folder import RunStore


def _lines(job: Job, epochs: int) -> bytes:
    """Return a good job's stream with so many epochs."""
    said = [json.loads(line) for line in events(job, is_stamped=False)]
    head = [one for one in said if one["event"] in ("start", "data", "model")]
    middle = next(one for one in said if one["event"] == "epoch")
    numbered = (
        {**middle, "epoch": n, "seconds": 1 + (n * 7919 % 101 + job.seed * 31 % 17) / 5000}
        for n in range(1, epochs + 1)
    )
    written = [*head, *numbered, said[-1]]
    return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in written)


def make_run(root: Path, jobs: int, epochs: int, models: int = 5) -> Path:
    """Write a run of so many jobs: two backends by some models, the rest repeats of these."""
    names = [
        make_job(backend=backend, model=model, repeat=repeat, seed=repeat)
        for repeat in range(1, jobs // (2 * models) + 1)
        for model in ("mnist_mlp", "mnist_cnn", "cifar10_cnn", "mnist_hrnn", "babi_rnn")[:models]
        for backend in ("tensorflow", "cntk")
    ]
    store = RunStore.create(root, {"jobs": [job.id for job in names]})
    for job in names:
        write_job(store, job, [])
        (store.folder / "jobs" / job.id / "events.jsonl").write_bytes(_lines(job, epochs))
    return store.folder
