"""What a job in a container takes, beside ``docker run`` of the same image and job."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from runner.store.record import read_job, read_record
from speed.calls import Call, took
from speed.line import Line, Size

ROOT = Path(__file__).parents[2]
CONFIGURATION, MODEL = "mxnet-k122", "mnist_mlp"
MOST_OF_COMMAND, MOST_OF_JOB, MOST_UNCHANGED = 1.5, 1.1, 1.0


def _options(results: Path) -> list[str]:
    return [
        "--config", CONFIGURATION, "--model", MODEL, "--device", "cpu", "--data", "synthetic",
        "--launcher", "docker", "--samples", "4000", "--epochs", "2", "--results", str(results),
    ]  # fmt: skip


def containers(size: Size, folder: Path) -> Iterator[Line]:
    """Measure whole commands with one job, in turns with the same job in a plain container.

    How the image is built is taken from the environment, as the tests take it.
    """
    if not has_engine("containers"):
        return
    built = build_options()
    results = folder / "runs"
    ours = Call([sys.executable, "-m", "runner", "run", *_options(results), *built], ROOT)
    took(ours)
    bare = _bare(next(results.iterdir()))
    image = Call([sys.executable, "-m", "runner", "build", "--config", CONFIGURATION,
                  "--device", "cpu", *built], ROOT)  # fmt: skip
    whole, alone, unchanged = [], [], []
    for _ in range(size.rounds):
        whole.append(took(ours).wall)
        alone.append(took(bare).wall)
        unchanged.append(took(image).wall)
    runs = sorted(results.iterdir())[1:]
    jobs = [
        record.wall_seconds
        for run in runs
        for path in run.glob("jobs/*")
        if (record := read_record(path)).wall_seconds
    ]
    beside = "docker run of the same image and job"
    reference = statistics.median(alone)
    yield Line("a command with one MNIST MLP in a container", statistics.median(whole), "s",
               MOST_OF_COMMAND * reference, reference, beside)  # fmt: skip
    yield Line("its job, from its begin to its end", statistics.median(jobs), "s",
               MOST_OF_JOB * reference, reference, beside)  # fmt: skip
    yield Line("an image that is unchanged", statistics.median(unchanged), "s",
               MOST_UNCHANGED, reference, beside)  # fmt: skip


def has_engine(group: str) -> bool:
    """Return whether there is an engine, and say which group is left out where there is none."""
    is_there = shutil.which("docker") is not None and not subprocess.run(
        ["docker", "version"], capture_output=True, check=False
    ).returncode
    if not is_there:
        print(f"{group}: not measured, because docker version finds no engine")
    return is_there


def build_options() -> list[str]:
    """Return how images are built, from the environment as the tests take it."""
    named = {"--base-image": "BENCH_BASE_IMAGE", "--ca-bundle": "BENCH_CA_BUNDLE"}
    return [word for option, name in named.items() if name in os.environ
            for word in (option, os.environ[name])]  # fmt: skip


def _bare(run: Path) -> Call:
    """Return ``docker run`` of a run's only job, without a sandbox or a word kept."""
    folder = next(run.glob("jobs/*"))
    spec = read_job(folder).spec(None, "/tmp")  # noqa: S108 - the container's own
    record = read_record(folder)
    return Call(
        ["docker", "run", "--rm", f"--cpuset-cpus={record.cpus}",
         record.identity["image_digest"], json.dumps(spec)], ROOT,
    )  # fmt: skip
