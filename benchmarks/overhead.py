"""What measuring costs: epochs of a job against those of a bare script in the same image.

Pairs of runs, interleaved and in alternating order: the MNIST MLP as a job of this project
(sandbox, event stream, clock), and ``bare_mlp.py`` in a plain container of the same image. Prints
each backend's median ratio with a 95 % bootstrap interval. Run it on a quiet machine:

    python benchmarks/overhead.py --config mxnet-k122 tf-cntk-k208 --pairs 10
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np

from runner import configurations, devices, jobs
from runner.configurations import Device
from runner.engine import Engine, connect
from runner.images import BuildOptions
from runner.jobs import Job, JobOptions, Status
from runner.launchers.base import Environment
from runner.launchers.docker import DockerLauncher, Limits
from runner.progress import Observer
from runner.results import RunStore, load
from runner.run import Conditions, run_job
from runner.workloads import DataSource, choose_workloads

BARE = Path(__file__).with_name("bare_mlp.py")


class Silent(Observer):
    """Hears everything and says nothing."""

    def note(self, text): ...

    def job_started(self, job, number, total): ...

    def job_said(self, job, event): ...

    def job_ended(self, job, record): ...


def bare_seconds(engine: Engine, job: Job, environment: Environment) -> float:
    """Return the median epoch after the first of the bare script, in seconds."""
    arguments = [str(job.samples), str(job.epochs), str(job.threads)]
    compiled = "base_compiledir=/cache/theano,floatX=float32,blas.ldflags=-lopenblas"
    said = engine.client.containers.run(
        environment.location,
        entrypoint=["python3", "-c", BARE.read_text()],
        command=arguments,
        environment={"KERAS_BACKEND": job.backend, "THEANO_FLAGS": compiled},
        nano_cpus=job.threads * 1_000_000_000,
        cpuset_cpus=devices.cpu_list(devices.cpus_of(job) or []),
        remove=True,
        network_mode="none",
    )
    return statistics.median(json.loads(said.splitlines()[-1])[1:])


def job_seconds(job: Job, environment: Environment, conditions: Conditions) -> float:
    """Return the same of the job, as the project measures it."""
    record = run_job(job, environment, conditions)
    if record.status is not Status.OK:
        raise SystemExit(f"{job.id}: {record.status}: {record.reason}")
    table = load(conditions.store.folder)
    mine = table[(table["job"] == job.id) & (table["epoch"] > 1)]
    return float(mine["seconds"].median())


def interval(ratios: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    random = np.random.default_rng(0)
    drawn = random.choice(ratios, size=(10_000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", nargs="+", default=[])
    parser.add_argument("--backend", nargs="+", default=[])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--base-image")
    parser.add_argument("--ca-bundle", type=Path)
    asked = parser.parse_args()
    engine = connect()
    chosen = configurations.load(asked.config)
    options = JobOptions(
        Device.CPU, DataSource.SYNTHETIC, epochs=asked.epochs, samples=asked.samples,
        repeats=asked.pairs, threads=asked.threads,
    )  # fmt: skip
    planned = jobs.plan(chosen, asked.backend, choose_workloads(["mnist_mlp"]), options)
    launcher = DockerLauncher(
        engine, Device.CPU, run="overhead", limits=Limits(4 << 30, asked.threads),
        build=BuildOptions(asked.base_image, asked.ca_bundle), data_dir=None, gpu_uuid=None,
        say=print,
    )  # fmt: skip
    store = RunStore.create(Path(tempfile.mkdtemp()), {})
    conditions = Conditions(launcher, store, Silent(), 3600)
    made = {c.name: launcher.prepare(c, store.folder / f"{c.name}.log") for c in chosen}
    ratios: dict[str, list[float]] = {}
    for job in planned:
        environment = made[job.configuration]
        if job.repeat % 2:
            ours = job_seconds(job, environment, conditions)
            bare = bare_seconds(engine, job, environment)
        else:
            bare = bare_seconds(engine, job, environment)
            ours = job_seconds(job, environment, conditions)
        ratios.setdefault(f"{job.configuration}/{job.backend}", []).append(ours / bare)
        print(f"{job.id}: job {ours:.4f} s, bare {bare:.4f} s, ratio {ours / bare:.4f}", flush=True)
    for name, found in ratios.items():
        low, high = interval(found)
        print(
            f"{name}: median ratio {statistics.median(found):.4f}, 95 % interval "
            f"{low:.4f} to {high:.4f}, {len(found)} pairs"
        )


if __name__ == "__main__":
    main()
