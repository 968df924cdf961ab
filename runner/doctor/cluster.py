"""What of a cluster a run can use: its nodes, and folders that all of them see."""

from collections.abc import Iterator
from pathlib import Path

import psutil

from runner.doctor.asked import AskedRun
from runner.errors import MachineError
from runner.plan.findings import Finding, Reporter
from runner.plan.preflight import check_cluster
from runner.schedulers.choose import allotment_for, scheduler_for

_say = Reporter("cluster")
# A folder on one of these is seen by this machine alone, unless it is exported.
_SINGLE_MACHINE_KINDS = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "ramfs", "overlay", "squashfs"}
)


def cluster_nodes(asked: AskedRun) -> Iterator[Finding]:
    """Say which nodes the run's jobs could be given, and which are out of service."""
    notes: list[str] = []
    scheduler = scheduler_for(asked.request.launcher, notes.append)
    try:
        machine = check_cluster(asked.request, scheduler, notes.append)
    except MachineError as error:
        yield _say.error(scheduler.name, error)
        return
    assert machine.cluster is not None
    found = machine.cluster
    text = "; ".join([f"{found.nodes} nodes, {found.cpus} CPUs each or more", *notes])
    yield _say.ok(f"{scheduler.name}, {found.name}", f"{text}; jobs are for the {machine.device}")
    out = [node for node in scheduler.nodes(allotment_for(asked.request)) if not node.is_usable]
    if out:
        listed = ", ".join(f"{node.name} is {node.state}" for node in out)
        yield _say.warning("out of service", listed, "the others take the jobs")
    yield _say.ok("tasks handed in together", f"{scheduler.most_tasks()} at most")


def _file_system(folder: Path) -> str:
    """Return the kind of file system that a folder lies on, or would."""
    resolved = folder.absolute().resolve()
    mounts = [
        (Path(part.mountpoint), part.fstype)
        for part in psutil.disk_partitions(all=True)
        if resolved.is_relative_to(part.mountpoint)
    ]
    return max(mounts, key=lambda mount: len(mount[0].parts), default=(Path(), ""))[1]


def shared_folders(asked: AskedRun) -> Iterator[Finding]:
    """Say whether the nodes can be expected to see what a run writes and reads."""
    named = {"results": (asked.results, "--results"), "cache": (asked.cache, "XDG_CACHE_HOME")}
    for subject, (folder, option) in named.items():
        kind = _file_system(folder)
        if kind in _SINGLE_MACHINE_KINDS:
            yield _say.warning(
                subject,
                f"{folder.absolute()} lies on {kind}, which other machines see only if it is "
                "exported to them under the same name",
                f"if it is not, name a folder that all nodes share: {option}",
            )
        else:
            yield _say.ok(subject, f"{folder.absolute()} lies on {kind or 'what is not known'}")
