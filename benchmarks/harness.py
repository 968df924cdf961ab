"""What the benchmarks share: jobs in containers on this machine's CPUs, without a word."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.environments.patience import Making
from runner.execution.attempt import Conditions, run_job
from runner.execution.observer import Observer
from runner.launchers.base import Environment
from runner.launchers.docker import ContainerLimits, DockerLauncher
from runner.machine.cpus import cpus_of
from runner.machine.docker_engine import Engine, connect_engine
from runner.spec.choices import BuildOptions, Threads
from runner.spec.configuration import Device, load_configurations
from runner.spec.job import Job, Status, planned_jobs
from runner.spec.request import Request
from runner.spec.study import choose_workloads
from runner.spec.time_limits import TimeLimits
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.statistics import Seconds


def _threads(text: str) -> Threads:
    return "framework" if text == "framework" else int(text)


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", nargs="+", default=[])
    parser.add_argument("--backend", nargs="+", default=[])
    parser.add_argument("--model", nargs="+", default=["mnist_mlp"])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--threads", type=_threads, default=2)
    parser.add_argument("--base-image")
    parser.add_argument("--ca-bundle", type=Path)
    parser.add_argument("--wheels", type=Path)
    return parser


@dataclass(frozen=True)
class Harness:
    """An engine, the environments of the chosen configurations, and a store to throw away."""

    engine: Engine
    planned: list[Job]
    environments: dict[str, Environment]
    conditions: Conditions

    def seconds(self, job: Job) -> Seconds:
        """Run a job and return the seconds of its epochs after the first."""
        record = run_job(job, self.environments[job.configuration], self.conditions)
        if record.status is not Status.OK:
            raise SystemExit(f"{job.id}: {record.status}: {record.reason}")
        table = load_runs(self.conditions.store.folder)
        mine = table[(table["job"] == job.id) & (table["epoch"] > 1)]
        return mine["seconds"].to_numpy(dtype=float)


def prepare(asked: argparse.Namespace, repeats: int) -> Harness:
    """Return a harness for what the command line asks, its images built."""
    engine = connect_engine()
    chosen = load_configurations(asked.config)
    request = Request.asked(
        device="cpu", data="synthetic", backend=asked.backend, epochs=asked.epochs,
        samples=asked.samples, repeats=repeats, threads=asked.threads,
    )  # fmt: skip
    launcher = DockerLauncher(
        engine, Device.CPU, run="benchmark",
        limits=ContainerLimits(8 << 30, cpus_of(asked.threads)),
        build=BuildOptions(asked.base_image, asked.ca_bundle, wheels=asked.wheels),
        data_dir=None, gpu=None, say=print,
    )  # fmt: skip
    store = RunStore.create(Path(tempfile.mkdtemp()), {})
    return Harness(
        engine,
        planned_jobs(chosen, choose_workloads(asked.model), request),
        {
            c.name: launcher.prepare(c, Making(store.folder / f"{c.name}.log", print))
            for c in chosen
        },
        Conditions(launcher, store, Observer(), TimeLimits(wall=3600)),
    )


def median_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median of ``values``."""
    drawn = np.random.default_rng(0).choice(values, size=(10_000, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(low), float(high)
