"""What a process inherits that changes its time: a quota of its control group, its scheduling.

Of a job it is read once it runs, of this process before a run.
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from runner.machine.cpus import cores_of
from runner.machine.freezer import GROUPS, PROC

NORMAL = "normal"
NO_QUOTA = "none"
_POLICIES = {os.SCHED_BATCH: "batch", os.SCHED_IDLE: "idle", os.SCHED_FIFO: "fifo",
             os.SCHED_RR: "round robin"}  # fmt: skip


def _groups_of(pid: int, proc: Path, groups: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folders of a process's control group for CPUs, each with its hierarchy's root."""
    for line in (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines():
        _, kinds, path = line.split(":", 2)
        named = kinds.split(",")
        if kinds and "cpu" not in named:
            continue
        for root in (groups / kinds, groups / "cpu") if kinds else (groups, groups / "unified"):
            yield root / path.lstrip("/"), root


def _limit(folder: Path) -> float:
    """Return how many CPUs' time one control group may use; infinite where there is no limit."""
    for quota, period in (("cpu.max", None), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError, ValueError, ZeroDivisionError):
            words = (folder / quota).read_text().split()
            words += (folder / period).read_text().split() if period else []
            if words[0] not in ("max", "-1"):
                return int(words[0]) / int(words[1])
    return math.inf


def cpu_quota(pid: int | None = None, proc: Path = PROC, groups: Path = GROUPS) -> float:
    """Return how many CPUs' time a process may use by its control groups; infinite without a limit.

    The least of its group and of those above it, of version 2 and 1 of control groups. In a
    container the group's own folder is the root of what is seen.
    """
    least = math.inf
    with suppress(OSError, ValueError):
        for folder, root in _groups_of(os.getpid() if pid is None else pid, proc, groups):
            above = [one for one in (folder, *folder.parents) if one.is_relative_to(root)]
            least = min([least, *map(_limit, above)])
    return least


def throttled_seconds(pid: int, proc: Path = PROC, groups: Path = GROUPS) -> float | None:
    """Return for how long a process's control group was kept from its CPUs by its quota so far.

    None where the kernel does not tell.
    """
    with suppress(OSError, ValueError):
        for folder, _ in _groups_of(pid, proc, groups):
            with suppress(OSError):
                lines = (folder / "cpu.stat").read_text().split()
                found = dict(zip(lines[::2], lines[1::2], strict=True))
                for name, unit in (("throttled_usec", 1e-6), ("throttled_time", 1e-9)):
                    if name in found:
                        return int(found[name]) * unit
    return None


def scheduling(pid: int | None = None) -> str:
    """Return how a process is scheduled, in words: "normal", or what differs from that."""
    process, number = psutil.Process(pid), pid or 0
    parts = []
    if policy := _POLICIES.get(os.sched_getscheduler(number)):
        parts.append(policy)
    if nice := process.nice():
        parts.append(f"nice {nice}")
    io = process.ionice()
    if io.ioclass in (psutil.IOPRIO_CLASS_IDLE, psutil.IOPRIO_CLASS_RT):
        parts.append("idle I/O" if io.ioclass == psutil.IOPRIO_CLASS_IDLE else "real-time I/O")
    return ", ".join(parts) or NORMAL


def quota_text(quota: float, cpus: int) -> str:
    """Return a quota as rows say it: "0.5", or "none" where it is no less than the CPUs."""
    return NO_QUOTA if quota >= cpus else f"{quota:g}"


def limits_of_this_process() -> list[str]:
    """Return what jobs will inherit of this process that makes their times no others', in lines."""
    cpus = len(os.sched_getaffinity(0))
    quota, how = quota_text(cpu_quota(), cpus), scheduling()
    found = []
    if quota != NO_QUOTA:
        found.append(
            f"CPU quota: this process's control group may use {quota} of its {cpus} CPUs: such "
            "times are compared with others of that quota alone"
        )
    if how != NORMAL:
        found.append(
            f"scheduling: {how}: such times are compared with others of that scheduling alone"
        )
    return found


def inherited_by(pids: Sequence[int]) -> dict[str, str]:
    """Return what the first of a job's processes inherited, by the table's columns.

    Nothing where it is not seen from here, or has ended.
    """
    with suppress(IndexError, OSError, psutil.Error):
        cpus = sorted(os.sched_getaffinity(pids[0]))
        cores = cores_of(cpus)
        return {
            "cpu_quota": quota_text(cpu_quota(pids[0]), len(cpus)),
            "scheduling": scheduling(pids[0]),
            **({"cores": str(cores)} if cores else {}),
        }
    return {}
