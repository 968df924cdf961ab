"""Room on disk: what a run will take, and whether that is there before anything is begun."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests.exceptions
from docker.errors import DockerException

from runner import data as datasets
from runner import environments, images, units
from runner.configurations import Configuration, Device
from runner.engine import Engine
from runner.errors import MachineError
from runner.images import BuildOptions
from runner.results import MAX_LOG_BYTES
from runner.workloads import DataSource

Say = Callable[[str], None]

# What a disk must have left beyond what is known to be needed: jobs' temporary files, the page
# cache's delayed writes, what others do meanwhile.
RESERVE = 256 << 20
# Less than this left is worth a word.
MARGIN = 2 * units.GIB
# A job's events, record and telemetry; 20 measured jobs took 0.3 MiB together, without logs.
JOB_BYTES = 1 << 20


@dataclass(frozen=True)
class Need:
    """Bytes that something will take in a folder, which need not exist yet; None: not known."""

    folder: Path
    bytes: int | None
    what: str


def of_images(
    engine: Engine, configurations: Iterable[Configuration], device: Device, options: BuildOptions
) -> Iterator[Need]:
    """Yield what building the images takes that are not there; nothing for an engine elsewhere."""
    root = engine.data_root
    if root is None:
        return
    extra = 0
    for configuration in configurations:
        try:
            if images.has_layers(engine, configuration, device, options):
                continue
        except (DockerException, requests.exceptions.RequestException) as error:
            raise MachineError(f"the Docker engine does not list its images: {error}") from error
        sizes = configuration.disk.on(device)
        what = f"image {configuration.name}"
        if sizes is None or sizes.image_gib is None:
            yield Need(root, None, what)
            continue
        yield Need(root, _bytes(sizes.image_gib), what)
        extra = max(extra, _bytes(sizes.build_gib or 0) - _bytes(sizes.image_gib))
    if extra > 0:
        # One is built after the other, so only the largest of these is there at a time.
        yield Need(root, extra, "building")


def of_environments(
    configurations: Iterable[Configuration], device: Device, cache: Path
) -> Iterator[Need]:
    """Yield what making the environments takes that are not there."""
    for configuration in configurations:
        folder = environments.folder_of(configuration, device, cache)
        if (folder / environments.MARKER).exists():
            continue
        sizes = configuration.disk.on(device)
        known = sizes.environment_gib if sizes is not None else None
        size = None if known is None else _bytes(known)
        yield Need(folder.parent, size, f"environment {configuration.name}")


def of_data(source: DataSource, wanted: Iterable[str], cache: Path) -> Iterator[Need]:
    """Yield what the data sets take that are not in the cache."""
    for dataset, size in datasets.missing_bytes(source, wanted, cache).items():
        yield Need(cache, size, f"data {dataset}")


def of_results(folder: Path, jobs: int) -> Iterator[Need]:
    """Yield what the results of some jobs take: one may fill its log, most write little."""
    yield Need(folder, jobs * JOB_BYTES + MAX_LOG_BYTES, "results")


def of_temporary_files() -> Iterator[Need]:
    """Yield that temporary files need some room; how much is not known."""
    yield Need(Path(tempfile.gettempdir()), 0, "temporary files")


def _bytes(gib: float) -> int:
    return int(gib * units.GIB)


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _by_disk(needs: Iterable[Need]) -> Iterator[list[Need]]:
    disks: dict[int, list[Need]] = {}
    for need in needs:
        disks.setdefault(_existing(need.folder).stat().st_dev, []).append(need)
    yield from disks.values()


def _named(needs: Sequence[Need]) -> str:
    largest_first = sorted(needs, key=lambda need: need.bytes or 0, reverse=True)
    return ", ".join(f"{n.what} {units.size(n.bytes)}" for n in largest_first if n.bytes)


def check(needs: Iterable[Need], say: Say) -> None:
    """Fail unless every disk has room for what is needed on it; say where little will be left.

    Raises MachineError that names the folder, what is needed, what is free, and the remedy.
    """
    problems = []
    for of_disk in _by_disk(needs):
        known = sum(need.bytes or 0 for need in of_disk)
        place = max(of_disk, key=lambda need: need.bytes or 0).folder
        free = shutil.disk_usage(_existing(place)).free
        for need in of_disk:
            if need.bytes is None:
                say(f"disk: how much {need.what} takes is not known; {units.size(free)} are free")
        if free < known + RESERVE:
            problems.append(
                f"the disk of {place} is too full: {units.size(known + RESERVE)} needed, "
                f"{units.size(free)} free" + (f"\nneeded for: {_named(of_disk)}" if known else "")
            )
        elif free - known < MARGIN:
            left = units.size(free - known)
            say(f"disk: only {left} will be left in {place} (python -m runner clean makes room)")
    if problems:
        remedy = "make room: python -m runner clean --dry-run shows what can go"
        raise MachineError("\n".join([*problems, remedy]))
