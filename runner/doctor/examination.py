"""All checks, in order, and what they find.

Each check is a function of the run that is asked about. What decides is what a run itself decides
with: its preflight, and the needs of its plan.
"""

from collections.abc import Callable, Iterable, Iterator

from runner.doctor.asked import AskedRun
from runner.doctor.backends import (
    card_fits,
    local_needs,
    local_pythons,
    other_cards,
    something_left,
)
from runner.doctor.cluster import cluster_nodes, shared_folders
from runner.doctor.data import data_files, network_answers
from runner.doctor.disk import disk_room, engine_disk, folders_writable
from runner.doctor.machine import (
    container_gpu,
    device_free,
    engine_answers,
    gpu_cards,
    machine_suffices,
)
from runner.errors import BenchmarkError
from runner.plan.findings import Finding, Reporter

Check = Callable[[AskedRun], Iterable[Finding]]
DOCTOR_CHECKS: dict[str, tuple[Check, ...]] = {
    "engine": (engine_answers, machine_suffices, container_gpu),
    "gpu": (gpu_cards, device_free),
    "configurations": (card_fits, other_cards),
    "disk": (folders_writable, disk_room, engine_disk),
    "data": (data_files,),
    "network": (network_answers,),
    "local": (local_pythons, local_needs, something_left),
}

# Of jobs on the nodes of a cluster: what those have is seen there.
CLUSTER_CHECKS: dict[str, tuple[Check, ...]] = {
    "cluster": (cluster_nodes, shared_folders),
    "disk": (folders_writable, disk_room),
    "data": (data_files,),
    "network": (network_answers,),
}


def _one(name: str, check: Check, asked: AskedRun) -> list[Finding]:
    """Return a check's findings. One that breaks is a finding, so that it hides no other."""
    try:
        return list(check(asked))
    except BenchmarkError as error:
        return [Reporter(name).error(check.__name__, error)]
    except Exception as error:
        text = f"this check could not be made: {type(error).__name__}: {error}"
        return [Reporter(name).problem(check.__name__, text)]


def examine(asked: AskedRun) -> Iterator[Finding]:
    """Yield the findings of all checks, in order, as they come."""
    on_cluster = asked.request.launcher.is_of_cluster
    for name, checks in (CLUSTER_CHECKS if on_cluster else DOCTOR_CHECKS).items():
        for check in checks:
            yield from _one(name, check, asked)
