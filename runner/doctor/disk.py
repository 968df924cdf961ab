"""Where a run writes: whether it may, and whether there is room for what it would make."""

from collections.abc import Iterator
from dataclasses import replace

from runner.doctor.asked import AskedRun
from runner.machine.disk import RESERVE, Need, Room, named_needs, rooms_on_disks, unwritable
from runner.plan.findings import Finding, Reporter
from runner.plan.needs import data_needs, making_needs, result_needs, written_folders
from runner.spec.choices import DeviceChoice
from runner.spec.configuration import Device
from runner.spec.workload import DataSource
from runner.words import size_text

_say = Reporter("disk")
_REMEDY = "make room: python -m runner clean --dry-run shows what can go"


def folders_writable(asked: AskedRun) -> Iterator[Finding]:
    """Say whether results, data sets and environments can be kept."""
    for folder, remedy in written_folders(asked.results, asked.cache).items():
        subject = "cache" if folder == asked.cache else "results"
        if (problem := unwritable(folder)) is not None:
            yield _say.problem(subject, problem, remedy)
        else:
            yield _say.ok(subject, f"{folder.absolute()}: can be written to")


def _needs(asked: AskedRun) -> Iterator[Need]:
    """Yield what the run would take, estimated as the run itself does."""
    preflight, request, workloads = asked.preflight, asked.request, asked.workloads
    jobs = len(workloads) * sum(len(chosen.backends) for chosen in preflight.chosen)
    datasets = {workload.dataset for workload in workloads}
    yield from data_needs(request.data or DataSource.SYNTHETIC, datasets, asked.cache)
    yield from result_needs(asked.results, jobs)
    if preflight.engine.error is None:
        machine = preflight.machine
        if request.device is DeviceChoice.GPU:
            # That whose packages it would take, also where this machine has not got it.
            machine = replace(machine, device=Device.GPU)
        yield from making_needs(
            machine, preflight.chosen, request.python, request.build, asked.cache
        )


def _room(room: Room) -> Finding:
    """Say how much is free on a disk, against what the run would take of it."""
    subject = f"disk of {room.folder}"
    text = f"{size_text(room.free)} free, {size_text(room.known + RESERVE)} needed"
    if named := named_needs(room.needs):
        text += f" for {named}"
    if not room.is_enough:
        return _say.problem(subject, text, _REMEDY)
    if room.is_tight:
        return _say.warning(subject, f"{text}: little will be left", _REMEDY)
    if unknown := ", ".join(need.what for need in room.needs if need.bytes is None):
        return _say.warning(subject, f"{text}; not known: {unknown}")
    return _say.ok(subject, text)


def disk_room(asked: AskedRun) -> Iterator[Finding]:
    """Say of each disk whether it has room for the run."""
    return map(_room, rooms_on_disks(_needs(asked)))


def engine_disk(asked: AskedRun) -> list[Finding]:
    """Say where the engine's disk is not this machine's, so that its room cannot be seen."""
    found = asked.preflight.engine.value
    if found is None or found.data_root is not None or not found.info.get("DockerRootDir"):
        return []
    return [_say.ok("engine's data", f"{found.info['DockerRootDir']}: not to be seen from here")]
