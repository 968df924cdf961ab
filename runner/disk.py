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
from runner.config_files import Configuration, Device
from runner.engine import Engine
from runner.errors import MachineError
from runner.images import BuildOptions
from runner.store import MAX_LOG_BYTES
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


def image_bytes(configuration: Configuration, device: Device) -> int | None:
    """Return what an image of the configuration adds to its base, or None if it is not known."""
    sizes = configuration.disk.on(device)
    return None if sizes is None or sizes.image_gib is None else _bytes(sizes.image_gib)


def environment_bytes(configuration: Configuration, device: Device) -> int | None:
    """Return what an environment of the configuration takes, or None if it is not known."""
    sizes = configuration.disk.on(device)
    known = sizes.environment_gib if sizes is not None else None
    return None if known is None else _bytes(known)


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
            if images.find(engine, configuration, device, options).has_layers:
                continue
        except (DockerException, requests.exceptions.RequestException) as error:
            raise MachineError(f"the Docker engine does not list its images: {error}") from error
        size = image_bytes(configuration, device)
        yield Need(root, size, f"image {configuration.name}")
        sizes = configuration.disk.on(device)
        if size is not None and sizes is not None:
            extra = max(extra, _bytes(sizes.build_gib or 0) - size)
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
        size = environment_bytes(configuration, device)
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


def existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


@dataclass(frozen=True)
class Room:
    """What is needed on one disk, and what is free there, in bytes.

    ``folder`` is the one that takes the most of it.
    """

    folder: Path
    needs: tuple[Need, ...]
    free: int

    @property
    def known(self) -> int:
        """Return how much is known to be needed."""
        return sum(need.bytes or 0 for need in self.needs)

    @property
    def is_enough(self) -> bool:
        """Return whether there is room for what is known, with the reserve."""
        return self.free >= self.known + RESERVE

    @property
    def is_tight(self) -> bool:
        """Return whether little will be left of what is free."""
        return self.free - self.known < MARGIN


def rooms(needs: Iterable[Need]) -> list[Room]:
    """Return what is needed and free on each disk."""
    disks: dict[int, list[Need]] = {}
    for need in needs:
        disks.setdefault(existing(need.folder).stat().st_dev, []).append(need)
    return [_room(of_disk) for of_disk in disks.values()]


def _room(needs: Sequence[Need]) -> Room:
    place = max(needs, key=lambda need: need.bytes or 0).folder
    return Room(place, tuple(needs), shutil.disk_usage(existing(place)).free)


def named(needs: Sequence[Need]) -> str:
    """Return what is needed in words, the largest first; what is not known is left out."""
    largest_first = sorted(needs, key=lambda need: need.bytes or 0, reverse=True)
    return ", ".join(f"{n.what} {units.size(n.bytes)}" for n in largest_first if n.bytes)


def check(needs: Iterable[Need], say: Say) -> None:
    """Fail unless every disk has room for what is needed on it; say where little will be left.

    Raises MachineError that names the folder, what is needed, what is free, and the remedy.
    """
    problems = []
    for room in rooms(needs):
        known, free, place = room.known, room.free, room.folder
        for need in room.needs:
            if need.bytes is None:
                say(f"disk: how much {need.what} takes is not known; {units.size(free)} are free")
        if not room.is_enough:
            problems.append(
                f"the disk of {place} is too full: {units.size(known + RESERVE)} needed, "
                f"{units.size(free)} free" + (f"\nneeded for: {named(room.needs)}" if known else "")
            )
        elif room.is_tight:
            left = units.size(free - known)
            say(f"disk: only {left} will be left in {place} (python -m runner clean makes room)")
    if problems:
        remedy = "make room: python -m runner clean --dry-run shows what can go"
        raise MachineError("\n".join([*problems, remedy]))
