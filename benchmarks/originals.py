"""Our jobs against the examples of Keras's own repository, untouched but for their epochs.

Pairs of processes in alternating order, in the same image and on the same CPUs and data: an
example in a plain container, and a job of this project. It needs a checkout of Keras, or its git
folder, with the tags 1.2.2 and 2.0.8. Prints a table in Markdown: our seconds per epoch over the
original's, after the first epoch, and the parameters of both. Run it on a quiet machine:

    python benchmarks/originals.py --keras-git ~/keras --config mxnet-k122 --model mnist_mlp
"""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from docker.errors import ContainerError
from harness import Harness, arguments, prepare

from runner.execution.guard import device_guard
from runner.machine.cpus import cpu_list, cpus_for, cpus_of
from runner.spec.configuration import load_configurations
from runner.spec.job import Job
from runner.spec.workload import WORKLOADS
from runner.tables.load import load_runs
from runner.tables.statistics import Seconds, cell_ratio

ORIGINAL = Path(__file__).with_name("original.py")
LEAST_PAIRS = 5
# Where an example has another name than our model.
EXAMPLES = {"mnist_hrnn": "mnist_hierarchical_rnn"}


@dataclass
class Compared:
    """A cell's two sides: the later epochs of each process in seconds, and the parameters."""

    originals: list[Seconds] = field(default_factory=list)
    jobs: list[Seconds] = field(default_factory=list)
    parameters: set[tuple[int, int]] = field(default_factory=set)


def example(repository: Path, tag: str, model: str) -> str:
    """Return the source of a model's example at a tag of Keras."""
    path = f"{tag}:examples/{EXAMPLES.get(model, model)}.py"
    said = subprocess.run(
        ["git", "-C", str(repository), "show", path], capture_output=True, text=True, check=False
    )
    if said.returncode:
        raise SystemExit(f"--keras-git {repository}: {said.stderr.strip()}")
    return said.stdout


def run_original(harness: Harness, job: Job, source: str) -> tuple[Seconds, int]:
    """Run an example as ``job`` would run, and return its later epochs and its parameters."""
    asked = {
        "source": source, "model": job.model, "seed": job.seed, "epochs": job.epochs,
        "image_data_format": job.image_data_format,
    }  # fmt: skip
    compiled = "floatX=float32,blas.ldflags=-lopenblas,base_compiledir=/tmp/theano"
    try:
        said = harness.engine.client.containers.run(
            harness.environments[job.configuration].location,
            entrypoint=["python3", "-c", ORIGINAL.read_text()],
            command=[json.dumps(asked)],
            environment={
                "KERAS_BACKEND": job.backend,
                **({"THEANO_FLAGS": compiled} if job.backend == "theano" else {}),
            },
            nano_cpus=cpus_of(job.threads) * 1_000_000_000,
            cpuset_cpus=cpu_list(cpus_for(job) or []),
            remove=True,
            network_mode="none",
        )
    except ContainerError as error:
        said = error.stderr[-500:].decode(errors="replace")
        raise SystemExit(f"the example {job.model} failed: {said}") from None
    result = json.loads(said)
    return np.array(result["seconds"][1:]), int(result["parameters"])


def run_pair(harness: Harness, job: Job, source: str, compared: Compared) -> None:
    """Run an example and a job, in an order that alternates, and add what they took."""
    job_first = job.repeat % 2 == 1
    ours = harness.seconds(job) if job_first else None
    original, parameters = run_original(harness, job, source)
    ours = harness.seconds(job) if ours is None else ours
    table = load_runs(harness.conditions.store.folder)
    own = int(table.loc[table["job"] == job.id, "parameters"].iloc[0])
    compared.originals.append(original)
    compared.jobs.append(ours)
    compared.parameters.add((parameters, own))
    print(
        f"{job.id}: original {np.median(original):.4g} s, job {np.median(ours):.4g} s", flush=True
    )


def table_row(cell: str, compared: Compared) -> str:
    """Return a row of the table: medians, the ratio with its interval, the parameters."""
    original, ours = (
        float(np.median(np.concatenate(side))) for side in (compared.originals, compared.jobs)
    )
    ratio = cell_ratio(compared.originals, compared.jobs)
    assert ratio is not None
    counts = "; ".join(
        f"{theirs:,} and {own:,}" if theirs != own else f"{own:,} in both"
        for theirs, own in sorted(compared.parameters)
    )
    return (
        f"| {cell} | {len(compared.jobs)} | {original:.4g} | {ours:.4g} | "
        f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f}) | {counts} |"
    )


def parse() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--keras-git", type=Path, required=True, help="a checkout of Keras")
    parser.add_argument("--pairs", type=int, default=LEAST_PAIRS)
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for the CPUs")
    # The examples train on all their samples, and set no threads.
    parser.set_defaults(samples=None, epochs=3, threads="framework")
    asked = parser.parse_args()
    if asked.pairs < LEAST_PAIRS:
        parser.error(f"--pairs {asked.pairs}: at least {LEAST_PAIRS} are needed for an interval")
    if asked.epochs < 2:
        parser.error(f"--epochs {asked.epochs}: the first epoch is not counted, so 2 are needed")
    return asked


def main() -> None:
    """Measure and print."""
    asked = parse()
    harness = prepare(asked, repeats=asked.pairs)
    tags = {found.name: found.keras for found in load_configurations(asked.config)}
    found: dict[str, Compared] = {}
    with device_guard(None, asked.wait, print).hold():
        for job in harness.planned:
            source = example(asked.keras_git, tags[job.configuration], job.model)
            cell = f"{job.configuration}/{job.backend} {WORKLOADS[job.model].title}"
            run_pair(harness, job, source, found.setdefault(cell, Compared()))
    print("\n| cell | pairs | original, s | job, s | job / original (95 %) | parameters |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(table_row(cell, compared) for cell, compared in found.items()))


if __name__ == "__main__":
    main()
