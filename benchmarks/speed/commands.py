"""What the commands take beyond their jobs, and beyond a bare interpreter."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from given_python import make_python
from made_project import NAME, make
from runner.store.record import read_job
from speed.calls import Call, in_turns, took
from speed.line import Line, Size

PYTHON = sys.executable
MOST_OF_ONE_JOB, MOST_OF_A_FURTHER_JOB = 1.0, 0.05
MOST_TO_ANSWER, MOST_TO_READ = 0.15, 0.7
JOBS_REPORTED = 10
ANSWERS = {
    "--help": ["--help"],
    "--version": ["--version"],
    "list": ["list"],
}
READS = {
    "published": ["published"],
    "plan": ["plan", "--config", NAME, "--device", "cpu", "--launcher", "local"],
    "runs": ["runs"],
    "report": ["report", "latest"],
}


class Bench:
    """A project whose jobs train nothing, and its commands."""

    def __init__(self, root: Path, pace: float = 0.0) -> None:
        """Make it in ``root``; an epoch takes ``pace`` seconds."""
        root.mkdir(parents=True, exist_ok=True)
        self.root = make(root, pace)
        self.python = make_python(root / "venv", keras="1.0", mxnet="1.0")
        self.environment = {"XDG_CACHE_HOME": str(root / "cache")}

    def call(self, *words: str) -> Call:
        """Return a call of the runner's command."""
        return Call([PYTHON, "-m", "runner", *words], self.root, self.environment)

    def options(self, jobs: int, epochs: int = 1) -> list[str]:
        """Return the options that ask for so many jobs."""
        return [
            "--config", NAME, "--model", "mnist_mlp", "--data", "synthetic",
            "--device", "cpu", "--launcher", "local", "--python", str(self.python),
            "--samples", "8", "--epochs", str(epochs), "--repeats", str(jobs),
        ]  # fmt: skip

    def run(self, jobs: int, name: str | None = None, epochs: int = 1) -> Call:
        """Return a call that measures so many jobs."""
        named = ["--name", name] if name else []
        return self.call("run", *self.options(jobs, epochs), *named)

    def bare_job(self) -> Call:
        """Return a call of the job alone, as the launcher calls it."""
        folder = next((self.root / "results" / "runs").glob("*/jobs/*"))
        spec = read_job(folder).spec(None, None)
        return Call([self.python, "-m", "models", json.dumps(spec)], self.root)


def _completion(bench: Bench) -> Call:
    asked = {"_KERAS_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": "keras-bench --con",
             "COMP_CWORD": "1"}  # fmt: skip
    return Call([PYTHON, "-m", "runner"], bench.root, {**bench.environment, **asked})


def whole_commands(size: Size, folder: Path) -> Iterator[Line]:
    """Measure a run of a job that does nothing, of more of them, and what only answers or reads."""
    bench = Bench(folder / "project")
    more = 41
    took(bench.run(JOBS_REPORTED, "reported", epochs=4))
    calls = {
        "bare": Call([PYTHON, "-c", "pass"], bench.root),
        "job": bench.bare_job(),
        "one": bench.run(1),
        "more": bench.run(more),
        "completion": _completion(bench),
        **{name: bench.call(*words) for name, words in ANSWERS.items()},
    }
    found = in_turns(calls, size.rounds)
    bare, job = found["bare"], found["job"]
    yield Line(
        "a run of one job that does nothing, without the job", found["one"].cpu - job.cpu,
        "CPU s", MOST_OF_ONE_JOB, job.cpu, "the job alone",
    )  # fmt: skip
    yield Line(
        "each further job, without the job itself",
        (found["more"].own - found["one"].own) / (more - 1),
        "CPU s", MOST_OF_A_FURTHER_JOB, job.cpu, "the job alone",
    )  # fmt: skip
    for name in (*ANSWERS, "completion"):
        yield Line(
            f"{name}, beyond a bare interpreter", found[name].wall - bare.wall, "s",
            MOST_TO_ANSWER, bare.wall, "a bare interpreter",
        )  # fmt: skip


def reading_commands(size: Size, folder: Path) -> Iterator[Line]:
    """Measure the commands that read a run of ten jobs, or the files of a project."""
    bench = Bench(folder / "reading")
    took(bench.run(JOBS_REPORTED, "reported", epochs=4))
    calls = {"bare": Call([PYTHON, "-c", "pass"], bench.root)}
    found = in_turns(
        calls | {name: bench.call(*words) for name, words in READS.items()}, size.rounds
    )
    for name in READS:
        yield Line(
            f"{name}, beyond a bare interpreter", found[name].wall - found["bare"].wall, "s",
            MOST_TO_READ, found["bare"].wall, "a bare interpreter",
        )  # fmt: skip
