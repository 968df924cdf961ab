"""Where a run writes: whether it may, and whether there is room for what it would make."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner.machine.disk import RESERVE, Need, Room, existing_folder, named_needs, rooms_on_disks
from runner.plan.needs import (
    data_needs,
    environment_needs,
    image_needs,
    result_needs,
    temporary_needs,
)
from runner.spec.choices import DeviceChoice
from runner.spec.configuration import Device
from runner.spec.workload import DataSource
from runner.tools.doctor.asked import AskedRun, SeenMachine
from runner.tools.findings import Finding, Reporter
from runner.words import size_text

_say = Reporter("disk")
_REMEDY = "make room: python -m runner clean --dry-run shows what can go"


def _obstacle(folder: Path) -> str | None:
    """Return why nothing can be written there, found out by writing; None if it can."""
    try:
        with tempfile.TemporaryFile(dir=existing_folder(folder)):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _written(subject: str, folder: Path, remedy: str) -> Finding:
    obstacle = _obstacle(folder)
    if obstacle is not None:
        return _say.problem(subject, f"{folder} cannot be written to: {obstacle}", remedy)
    return _say.ok(subject, f"{folder.absolute()}: can be written to")


def results_writable(asked: AskedRun, _seen: SeenMachine) -> list[Finding]:
    """Say whether results can be kept."""
    return [_written("results", asked.results, "name another folder: --results")]


def cache_writable(asked: AskedRun, _seen: SeenMachine) -> list[Finding]:
    """Say whether data sets and environments can be kept."""
    remedy = "make it yours, or set XDG_CACHE_HOME to a folder that is"
    return [_written("cache", asked.cache, remedy)]


def _device(asked: AskedRun, seen: SeenMachine) -> Device:
    """Return the device whose packages the run would take, also where it has not got it."""
    is_cpu = asked.device is DeviceChoice.CPU or (
        asked.device is DeviceChoice.AUTO and seen.card.value is None
    )
    return Device.CPU if is_cpu else Device.GPU


def _needs(asked: AskedRun, seen: SeenMachine) -> Iterator[Need]:
    """Yield what the run would take, reckoned as it reckons itself."""
    device = _device(asked, seen)
    jobs = len(asked.workloads) * sum(len(chosen.backends) for chosen in asked.configurations)
    datasets = {workload.dataset for workload in asked.workloads}
    yield from data_needs(asked.data or DataSource.SYNTHETIC, datasets, asked.cache)
    yield from result_needs(asked.results, jobs)
    yield from temporary_needs()
    if seen.engine.value is not None:
        yield from image_needs(seen.engine.value, asked.configurations, device, asked.build)
    elif seen.runs_locally and asked.python is None:
        yield from environment_needs(asked.configurations, device, asked.cache)


def _room(room: Room) -> Finding:
    """Say how much is free on a disk, against what the run would take of it."""
    subject = f"disk of {room.folder}"
    text = f"{size_text(room.free)} free, {size_text(room.known + RESERVE)} needed"
    named = named_needs(room.needs)
    text += f" for {named}" if named else ""
    unknown = ", ".join(need.what for need in room.needs if need.bytes is None)
    if not room.is_enough:
        return _say.problem(subject, text, _REMEDY)
    if room.is_tight:
        return _say.warning(subject, f"{text}: little will be left", _REMEDY)
    if unknown:
        return _say.warning(subject, f"{text}; not known: {unknown}")
    return _say.ok(subject, text)


def disk_room(asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say of each disk whether it has room for the run."""
    return [_room(found) for found in rooms_on_disks(_needs(asked, seen))]


def engine_disk(_asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say where the engine's disk is not this machine's, so that its room cannot be seen."""
    found = seen.engine.value
    if found is None or found.data_root is not None or not found.info.get("DockerRootDir"):
        return []
    return [_say.ok("engine's data", f"{found.info['DockerRootDir']}: not to be seen from here")]
