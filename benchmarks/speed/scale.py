"""What many epochs and many jobs take: to a table, a summary, a plan, and a page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from launcher_contract import make_job
from made_runs import events, write_job
from runner.spec.job import Job
from runner.store.run_folder import RunStore
from speed.calls import in_turns, took
from speed.commands import Bench
from speed.line import FULL, Line, Size
from speed.opening import opening


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


# Run by an interpreter of its own, so that its memory is its own too.
_LOAD = """
import json, resource, sys, time
from pathlib import Path
from runner.report.html.page import render_page
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize

folder, *pages = map(Path, sys.argv[1:])
found = {}


def timed(name, call):
    began = time.perf_counter()
    made = call()
    found[name] = time.perf_counter() - began
    return made


def plain():
    for path in folder.glob("jobs/*/events.jsonl"):
        for line in path.read_bytes().splitlines():
            json.loads(line)


before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
table = timed("load", lambda: load_runs(folder))
found["bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
timed("summary", lambda: summarize(table))
for path in pages:
    page = timed("page", lambda: render_page(table, [folder]))
    found["page_bytes"] = path.write_bytes(page.encode())
timed("plain", plain)
print(json.dumps(found))
"""
MOST_TO_LOAD, MOST_BYTES, MOST_TO_SUMMARIZE = 3.0, 1.0, 1.0
# Ten times what a tenth of the rows takes, and what a machine adds that gives memory page by page.
MOST_OF_TEN = 1.25
MOST_TO_PLAN, MOST_TO_BUILD, MOST_OF_PAGE, MOST_TO_OPEN = 1.0, 5.0, 5.0, 2.0


def _measured(run: Path, *pages: Path) -> dict[str, float]:
    """Return what the code above measured of a run, in seconds and bytes; it writes the pages."""
    said = subprocess.run(
        [sys.executable, "-c", _LOAD, run, *pages], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(said.stdout)
    return found


def tables(size: Size, folder: Path) -> Iterator[Line]:
    """Measure how long many epochs take to a table and a summary, and how much memory."""
    rows = size.jobs * size.epochs
    share = rows / (FULL.jobs * FULL.epochs)
    found = of_epochs = _measured(make_run(folder / "epochs", size.jobs, size.epochs))
    plain, beside = found["plain"], "json.loads of each line"
    yield Line(f"{rows:,} epochs to the table", found["load"], "s", MOST_TO_LOAD, plain, beside)
    yield Line(
        f"{rows:,} epochs, memory at its peak", found["bytes"] / 1e9, "GB", MOST_BYTES,
        share, "the share of a million",
    )  # fmt: skip
    yield Line(f"{rows:,} epochs, summary", found["summary"], "s", MOST_TO_SUMMARIZE, plain, beside)
    jobs, page = size.page_jobs, folder / "page.html"
    found = _measured(make_run(folder / "jobs", jobs, 3), page)
    plain = found["plain"]
    yield Line(f"{jobs:,} jobs to the table", found["load"], "s", MOST_TO_LOAD, plain, beside)
    yield Line(f"{jobs:,} jobs, the page from it", found["page"], "s", MOST_TO_BUILD, plain, beside)
    yield Line(
        f"{jobs:,} jobs, size of the page", found["page_bytes"] / 1e6, "MB", MOST_OF_PAGE,
        jobs / FULL.page_jobs, "the share of ten thousand",
    )  # fmt: skip
    if size is FULL:  # of few and short ones, what is the same for all takes most
        tenth = make_run(folder / "fewer_epochs", size.jobs // 10, size.epochs)
        yield _in_proportion(f"{rows:,} epochs", of_epochs, _measured(tenth))
        tenth = make_run(folder / "fewer_jobs", jobs // 10, 3)
        yield _in_proportion(f"{jobs:,} jobs", found, _measured(tenth))
        yield from opening(page, f"{jobs:,} jobs, opening of the page", MOST_TO_OPEN, size.rounds)


def _in_proportion(name: str, found: dict[str, float], tenth: dict[str, float]) -> Line:
    """Return how much more a table takes than ten of a tenth of its rows, which begin alike."""
    reference = 10 * tenth["load"]
    return Line(f"{name} to the table, beside a tenth", found["load"], "s", MOST_OF_TEN * reference,
                reference, "ten times a tenth of them")  # fmt: skip


def plans(size: Size, folder: Path) -> Iterator[Line]:
    """Measure a plan of many jobs, and one that goes on with a run of as many that have ended."""
    bench = Bench(folder / "project")
    jobs = size.planned_jobs
    took(bench.run(2, "few"))
    begun = bench.root / "results" / "runs" / "many"
    shutil.copytree(begun.with_name("few"), begun)
    _fill(begun, jobs)
    found = in_turns(
        {
            "few": bench.call("plan", *bench.options(2)),
            "many": bench.call("plan", *bench.options(jobs)),
            "resumed": bench.call("plan", "--resume", "many"),
        },
        min(size.rounds, 5),
    )
    few, beside = found["few"].wall, "a plan of two jobs"
    yield Line(f"a plan of {jobs:,} jobs", found["many"].wall, "s", MOST_TO_PLAN, few, beside)
    yield Line(
        f"going on with {jobs:,} jobs that ended", found["resumed"].wall, "s", MOST_TO_PLAN,
        few, beside,
    )  # fmt: skip


def _fill(run: Path, jobs: int) -> None:
    """Let a copied run of two jobs have so many, all ended as the first did."""
    manifest = json.loads((run / "manifest.json").read_text())
    first = manifest["planned"][0]
    stem = manifest["jobs"][0].removesuffix("1")
    seed = first["seed"]
    manifest |= {
        "run": run.name,
        "jobs": [f"{stem}{number}" for number in range(1, jobs + 1)],
        "planned": [
            {**first, "repeat": number, "seed": seed + number - 1} for number in range(1, jobs + 1)
        ],
        "request": {**manifest["request"], "repeats": jobs},
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    record = (run / "jobs" / f"{stem}1" / "record.json").read_bytes()
    for name in manifest["jobs"][2:]:
        (run / "jobs" / name).mkdir()
        (run / "jobs" / name / "record.json").write_bytes(record)
