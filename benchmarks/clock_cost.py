"""What the clock costs: epochs with it against epochs with a stopwatch, within one process.

Two processes of one script differ by several percent on many machines, which hides a cost below
that (``overhead.py`` compares processes all the same, sandbox and all). Here one training hands its
epochs to the project's clock and to a plain stopwatch in turns. Prints, per model and backend, the
median ratio of neighbouring epochs with its 95 % bootstrap interval, and the difference in
milliseconds. Run it on a quiet machine:

    python benchmarks/clock_cost.py --config mxnet-k122 tf-cntk-k208 --samples 1024 --pairs 40
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from harness import Harness, arguments, median_interval, prepare

from runner.launchers.compile_cache import CACHE_DIR
from runner.machine.cpus import cpu_list, cpus_for
from runner.spec.job import Job

TURNS = Path(__file__).with_name("turns.py")


def periods(harness: Harness, job: Job, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds of ``pairs`` epochs with our clock and of as many with a stopwatch."""
    asked = {"job": json.dumps(job.spec(None, CACHE_DIR)), "pairs": pairs}
    said = harness.engine.client.containers.run(
        harness.environments[job.configuration].location,
        entrypoint=["python3", "-c", TURNS.read_text()],
        command=[json.dumps(asked)],
        nano_cpus=job.threads * 1_000_000_000,
        cpuset_cpus=cpu_list(cpus_for(job) or []),
        remove=True,
        network_mode="none",
    )
    turns = json.loads(said.splitlines()[-1])
    return np.array(turns["ours"]), np.array(turns["bare"])


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=40)
    asked = parser.parse_args()
    harness = prepare(asked, repeats=1)
    for job in harness.planned:
        ours, bare = periods(harness, job, asked.pairs)
        low, high = median_interval(ours / bare)
        print(
            f"{job.configuration}/{job.backend} {job.model}: median ratio "
            f"{np.median(ours / bare):.4f}, 95 % interval {low:.4f} to {high:.4f}, "
            f"{len(ours)} pairs of {np.median(bare):.3f} s, "
            f"difference {1000 * np.median(ours - bare):.2f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
