"""What a run will take of this machine's disks, and whether it is there."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner import paths
from runner.environments.datasets import missing_bytes
from runner.environments.venv import MARKER, environment_folder
from runner.errors import MachineError
from runner.machine.disk import RESERVE, Need, named_needs, rooms_on_disks, unwritable
from runner.machine.docker_engine import Engine
from runner.machine.machine import Machine
from runner.plan.plan import Plan
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.spec.workload import DataSource
from runner.store.run_folder import MAX_LOG_BYTES
from runner.words import GIB, Say, size_text


def run_needs(plan: Plan, root: Path, build: BuildOptions) -> list[Need]:
    """Return what of the disks a run will take, for what it makes and what it writes."""
    machine, cache = plan.machine, paths.cache()
    return [
        *result_needs(root, len(plan.jobs)),
        *making_needs(machine, plan.configurations, plan.request.python, build, cache),
        *data_needs(plan.source, plan.datasets, cache),
    ]


def require_disks(root: Path, needs: Iterable[Need], say: Say) -> None:
    """Fail unless a run can write to its folders, and the disks have room for what it needs."""
    for folder, remedy in written_folders(root, paths.cache()).items():
        if (problem := unwritable(folder)) is not None:
            raise MachineError(f"{problem}\n{remedy}")
    require_room(needs, say)


def written_folders(root: Path, cache: Path) -> dict[Path, str]:
    """Return the folders that every run writes to, and what helps where it may not."""
    return {
        root: "name another folder: --results",
        cache: "make it yours, or set XDG_CACHE_HOME to a folder that is",
    }


# A job's events, record and telemetry; 20 measured jobs took 0.3 MiB together, without logs.
JOB_BYTES = 1 << 20


def image_bytes(configuration: Configuration, device: Device) -> int | None:
    """Return what an image of the configuration adds to its base, or None if it is not known."""
    sizes = configuration.disk.on(device)
    return _bytes(sizes.image_gib) if sizes is not None else None


def environment_bytes(configuration: Configuration, device: Device) -> int | None:
    """Return what an environment of the configuration takes, or None if it is not known."""
    sizes = configuration.disk.on(device)
    return _bytes(sizes.environment_gib) if sizes is not None else None


def making_needs(
    machine: Machine, configurations: Iterable[Configuration], python: Path | None,
    build: BuildOptions, cache: Path,
) -> Iterator[Need]:  # fmt: skip
    """Yield what making environments takes; nothing where none is made, or not on this machine."""
    if machine.engine is not None:
        return image_needs(machine.engine, configurations, machine.device, build)
    if machine.cluster is None and python is None:
        return environment_needs(configurations, machine.device, cache)
    return iter(())


def image_needs(
    engine: Engine, configurations: Iterable[Configuration], device: Device, options: BuildOptions
) -> Iterator[Need]:
    """Yield what building the images takes that are not there; nothing for an engine elsewhere."""
    from runner.environments.image import find_image

    root = engine.data_root
    if root is None:
        return
    extra = 0
    for configuration in configurations:
        if find_image(engine, configuration, device, options).has_layers:
            continue
        size = image_bytes(configuration, device)
        yield Need(root, size, f"image {configuration.name}")
        sizes = configuration.disk.on(device)
        if size is not None and sizes is not None:
            extra = max(extra, (_bytes(sizes.build_gib) or 0) - size)
    if extra > 0:
        # One is built after the other, so only the largest of these is there at a time.
        yield Need(root, extra, "building")


def environment_needs(
    configurations: Iterable[Configuration], device: Device, cache: Path
) -> Iterator[Need]:
    """Yield what making the environments takes that are not there."""
    for configuration in configurations:
        folder = environment_folder(configuration, device, cache)
        if (folder / MARKER).exists():
            continue
        size = environment_bytes(configuration, device)
        yield Need(folder.parent, size, f"environment {configuration.name}")


def data_needs(source: DataSource, wanted: Iterable[str], cache: Path) -> Iterator[Need]:
    """Yield what the data sets take that are not in the cache."""
    for dataset, size in missing_bytes(source, wanted, cache).items():
        yield Need(cache, size, f"data {dataset}")


def result_needs(folder: Path, jobs: int) -> Iterator[Need]:
    """Yield what the results of some jobs take: one may fill its log, most write little.

    And temporary files: how much is not known.
    """
    yield Need(folder, jobs * JOB_BYTES + MAX_LOG_BYTES, "results")
    yield Need(Path(tempfile.gettempdir()), 0, "temporary files")


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else int(gib * GIB)


def require_room(needs: Iterable[Need], say: Say) -> None:
    """Fail unless every disk has room for what is needed on it; say where little will be left.

    Raises MachineError that names the folder, what is needed, what is free, and the remedy.
    """
    problems = []
    for room in rooms_on_disks(needs):
        known, free, place = room.known, room.free, room.folder
        for need in room.needs:
            if need.bytes is None:
                say(f"disk: how much {need.what} takes is not known; {size_text(free)} are free")
        if not room.is_enough:
            problems.append(
                f"the disk of {place} is too full: {size_text(known + RESERVE)} needed, "
                f"{size_text(free)} free"
                + (f"\nneeded for: {named_needs(room.needs)}" if known else "")
            )
        elif room.is_tight:
            left = size_text(free - known)
            say(f"disk: only {left} will be left in {place} (python -m runner clean makes room)")
    if problems:
        remedy = "make room: python -m runner clean --dry-run shows what can go"
        raise MachineError("\n".join([*problems, remedy]))
