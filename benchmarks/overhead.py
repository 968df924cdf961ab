"""What measuring costs: epochs of a job against those of a bare script in the same image.

Pairs of runs, interleaved and in alternating order: a model as a job of this project (sandbox,
event stream, clock), and ``bare.py`` in a plain container of the same image. Prints the median
ratio of each with a 95 % bootstrap interval. Run it on a quiet machine:

    python benchmarks/overhead.py --config mxnet-k122 tf-cntk-k208 --pairs 10
    python benchmarks/overhead.py --config jax-k3 --model mnist_mlp mnist_cnn cifar10_cnn \
        mnist_hrnn babi_rnn --samples 512
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import numpy as np
from harness import Harness, arguments, median_interval, prepare

from runner.machine.cpus import cpu_list, cpus_for
from runner.spec.job import Job

BARE = Path(__file__).with_name("bare.py")


def bare_seconds(harness: Harness, job: Job) -> float:
    """Return the median epoch after the first of the bare script, in seconds."""
    told = [job.model, job.samples, job.epochs, job.threads, job.image_data_format]
    compiled = "base_compiledir=/cache/theano,floatX=float32,blas.ldflags=-lopenblas"
    said = harness.engine.client.containers.run(
        harness.environments[job.configuration].location,
        entrypoint=["python3", "-c", BARE.read_text()],
        command=[str(value) for value in told],
        environment={"KERAS_BACKEND": job.backend, "THEANO_FLAGS": compiled},
        nano_cpus=job.threads * 1_000_000_000,
        cpuset_cpus=cpu_list(cpus_for(job) or []),
        remove=True,
        network_mode="none",
    )
    return statistics.median(json.loads(said.splitlines()[-1])[1:])


def ratio(harness: Harness, job: Job) -> float:
    """Return the job's median epoch over the bare script's, the two in alternating order."""
    if job.repeat % 2:
        ours = float(np.median(harness.seconds(job)))
        bare = bare_seconds(harness, job)
    else:
        bare = bare_seconds(harness, job)
        ours = float(np.median(harness.seconds(job)))
    print(f"{job.id}: job {ours:.4f} s, bare {bare:.4f} s, ratio {ours / bare:.4f}", flush=True)
    return ours / bare


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=10)
    asked = parser.parse_args()
    harness = prepare(asked, repeats=asked.pairs)
    ratios: dict[str, list[float]] = {}
    for job in harness.planned:
        cell = f"{job.configuration}/{job.backend} {job.model}"
        ratios.setdefault(cell, []).append(ratio(harness, job))
    for cell, found in ratios.items():
        low, high = median_interval(np.array(found))
        print(
            f"{cell}: median ratio {statistics.median(found):.4f}, 95 % interval "
            f"{low:.4f} to {high:.4f}, {len(found)} pairs"
        )


if __name__ == "__main__":
    main()
