"""The default command: jobs in fresh processes, and the table of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import psutil
import typer

from runner import configurations as configs
from runner import data as datasets
from runner import identity, jobs, options, paths, preflight, repetition, results
from runner.commands.console import err, note, out
from runner.commands.tables import show
from runner.configurations import Configuration
from runner.errors import ExitCode, choose
from runner.images import BuildOptions
from runner.launchers.base import Launcher
from runner.launchers.docker import DockerLauncher, Limits
from runner.launchers.local import LocalLauncher
from runner.occupancy import guard_for
from runner.progress import Lines
from runner.results import RunStore
from runner.run import Conditions
from runner.run import run as run_all
from runner.workloads import DataSource, choose_workloads, require_source

NONE: list[str] = []


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


def _default_source(wanted: list[str]) -> DataSource:
    """Return real data where all its files are cached, else synthetic, said aloud."""
    there = {item.dataset for item, _, state in datasets.states(paths.cache()) if state == "ok"}
    if there.issuperset(wanted):
        return DataSource.REAL
    note("data: synthetic, because the real files are not cached (python -m runner data fetch)")
    return DataSource.SYNTHETIC


def _launcher(
    machine: preflight.Machine,
    run_name: str,
    limits: Limits,
    build: BuildOptions,
    data_dir: Path | None,
    python: Path | None,
) -> Launcher:
    """Return the launcher for what the machine has."""
    gpu_uuid = machine.gpu.uuid if machine.gpu else None
    if machine.engine is None:
        return LocalLauncher(
            machine.device,
            cache=paths.cache(),
            build=build,
            data_dir=data_dir,
            gpu_uuid=gpu_uuid,
            python=python,
            say=note,
        )
    return DockerLauncher(
        machine.engine,
        machine.device,
        run=run_name,
        limits=limits,
        build=build,
        data_dir=data_dir,
        gpu_uuid=gpu_uuid,
        say=note,
    )


def _finish(
    chosen: list[Configuration], ordered: Iterable[jobs.Job], conditions: Conditions
) -> int:
    """Run the jobs, print the tables of what there is then, and return the exit code."""
    try:
        all_ok = run_all(chosen, ordered, conditions)
        code = ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK
    except KeyboardInterrupt:
        err.print("interrupted; what was measured so far is kept", highlight=False)
        code = ExitCode.INTERRUPTED
    if any(conditions.store.folder.glob("jobs/*")):
        show(conditions.store.folder)
    return code


def run(
    config: options.Configs = NONE,
    model: options.Models = NONE,
    backend: options.Backends = NONE,
    device: options.RunDevice = preflight.DeviceChoice.GPU,
    gpu: options.Gpu = None,
    epochs: options.Epochs = None,
    samples: options.Samples = None,
    seed: options.Seed = 2017,
    repeats: options.Repeats = 1,
    until: options.Until = None,
    max_repeats: options.MaxRepeats = 20,
    threads: options.Threads = None,
    data: options.Data = None,
    results_dir: options.Results = paths.RESULTS,
    launcher: options.Launcher = preflight.LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    memory: options.Memory = None,
    timeout: options.Timeout = 12 * 3600,
    wait: options.Wait = 0,
    image_data_format: options.ImageDataFormat = None,
    recurrent_activation: options.RecurrentActivation = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
) -> None:
    """Train models in fresh processes and print the table (the default command)."""
    width = repetition.parse_width(until) if until is not None else None
    chosen = configs.load(config)
    choose(backend, jobs.known_backends(chosen), "backend")
    workloads = choose_workloads(model)
    if data is not None:
        require_source(workloads, data)
    if python is not None:
        launcher = preflight.LauncherChoice.LOCAL
    machine = preflight.check(chosen, device, gpu, launcher, engine, note)
    wanted = sorted({workload.dataset for workload in workloads})
    asked = jobs.JobOptions(
        device=machine.device,
        data=data or _default_source(wanted),
        epochs=epochs,
        samples=samples,
        seed=seed,
        repeats=repeats,
        threads=threads or _cpus(),
        image_data_format=image_data_format,
        recurrent_activation=recurrent_activation,
    )
    planned = preflight.refuse_cards(
        jobs.plan(chosen, backend, workloads, asked), chosen, machine.gpu
    )
    chosen = [c for c in chosen if any(job.configuration == c.name for job in planned)]
    data_dir = datasets.prepare(asked.data, wanted, paths.cache(), progress=err.is_terminal)
    manifest = {
        "arguments": sys.argv[1:],
        "jobs": [job.id for job in planned],
        "identity": identity.describe(),
    }
    store = RunStore.create(results_dir, manifest)
    limits = Limits(
        memory_bytes=memory << 30 if memory else int(psutil.virtual_memory().total * 0.8),
        cpus=asked.threads,
    )
    build = BuildOptions(base_image, ca_bundle, package_index, wheels)
    started = _launcher(machine, store.name, limits, build, data_dir, python)
    conditions = Conditions(
        started, store, Lines(out), timeout, machine.gpu, guard_for(machine.gpu, wait)
    )
    ordered: Iterable[jobs.Job] = repetition.shuffled(planned, seed)
    if width is not None:
        table = partial(results.load, store.folder)
        ordered = repetition.until(planned, width, max_repeats, seed, table)
    raise typer.Exit(_finish(chosen, ordered, conditions))
