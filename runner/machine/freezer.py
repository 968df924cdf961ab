"""Whether a process's control group is frozen: by an engine's pause, or by the system's manager."""

from pathlib import Path

PROC = Path("/proc")
GROUPS = Path("/sys/fs/cgroup")


def _state_files(line: str, groups: Path) -> list[Path]:
    """Return where the kernel may tell of one group in a line of ``/proc/<pid>/cgroup``."""
    _, kinds, path = line.split(":", 2)
    below = path.lstrip("/")
    if not kinds:
        return [root / below / "cgroup.events" for root in (groups, groups / "unified")]
    is_freezer = "freezer" in kinds.split(",")
    return [groups / "freezer" / below / "freezer.state"] if is_freezer else []


def is_frozen(pid: int, proc: Path = PROC, groups: Path = GROUPS) -> bool | None:
    """Return whether a process's control group keeps it from running; None where that is not told.

    A frozen process looks as if it slept. Control groups of version 2 and 1.
    """
    try:
        lines = (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    states = [file.read_text() for line in lines for file in _state_files(line, groups)
              if file.is_file()]  # fmt: skip
    if not states:
        return None
    return any("frozen 1" in text or text.startswith(("FROZEN", "FREEZING")) for text in states)
