"""All checks, in order, and what they find.

Each check is a function of the run that is asked about. What decides is what a run itself decides
with: preflight, devices, environments, data.
"""

from collections.abc import Callable, Iterable, Iterator

from runner.errors import BenchmarkError
from runner.spec.choices import LauncherChoice
from runner.tools.doctor.asked import AskedRun, text_and_remedy
from runner.tools.doctor.cluster import cluster_nodes, shared_folders
from runner.tools.doctor.data import data_files, network_answers
from runner.tools.doctor.disk import disk_room, engine_disk, folders_writable
from runner.tools.doctor.engine import container_gpu, engine_answers, machine_suffices
from runner.tools.doctor.gpu import card_fits, device_free, gpu_cards, other_cards
from runner.tools.doctor.local import local_needs, local_pythons, something_left
from runner.tools.findings import Finding, Reporter

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
        return [Reporter(name).problem(check.__name__, *text_and_remedy(error))]
    except Exception as error:
        text = f"this check could not be made: {type(error).__name__}: {error}"
        return [Reporter(name).problem(check.__name__, text)]


def examine(asked: AskedRun) -> Iterator[Finding]:
    """Yield the findings of all checks, in order, as they come."""
    on_cluster = asked.launcher is LauncherChoice.SLURM
    for name, checks in (CLUSTER_CHECKS if on_cluster else DOCTOR_CHECKS).items():
        for check in checks:
            yield from _one(name, check, asked)
