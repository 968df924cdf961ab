"""Which runner made a thing, in words that another runner can check: does it still live?"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self


def _text_or_empty(ask: Callable[[], str]) -> str:
    """Return what the system says of itself, "?" where it says nothing."""
    try:
        return ask().strip() or "?"
    except OSError:
        return "?"


def _began(pid: int) -> str | None:
    """Return when a process began, in the kernel's ticks since boot; None if it is gone.

    Numbers of processes come again, so a number alone names nobody.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


@dataclass(frozen=True)
class Owner:
    """A runner, as it signs what it makes: containers, processes, scratch folders."""

    machine: str
    boot: str
    namespace: str
    pid: int
    began: str

    @classmethod
    def this(cls) -> Self:
        """Return the runner that asks."""
        machine = _text_or_empty(Path("/etc/machine-id").read_text)
        # What tells this start of this machine from every other.
        boot = _text_or_empty(Path("/proc/sys/kernel/random/boot_id").read_text)
        # Numbers of processes mean what they mean here; a container has its own.
        namespace = _text_or_empty(lambda: str(Path("/proc/self/ns/pid").stat().st_ino))
        return cls(machine, boot, namespace, os.getpid(), _began(os.getpid()) or "?")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the owner that ``text`` names, or None if it names none."""
        parts = text.split("_")
        if len(parts) != 5 or not parts[3].isdecimal():
            return None
        machine, boot, namespace, pid, began = parts
        return cls(machine, boot, namespace, int(pid), began)

    def __str__(self) -> str:
        return f"{self.machine}_{self.boot}_{self.namespace}_{self.pid}_{self.began}"

    @property
    def is_dead(self) -> bool:
        """Return whether it is certain that this runner has ended.

        False for one of another machine or another container: it cannot be seen from here. True
        for one of this machine before its last start.
        """
        here = Owner.this()
        if "?" in (self.machine, self.boot, self.namespace, self.began):
            return False
        if self.machine != here.machine:
            return False
        if self.boot != here.boot:
            return here.boot != "?"
        return self.namespace == here.namespace and _began(self.pid) != self.began


def is_of_dead(text: str) -> bool:
    """Return whether ``text`` names an owner that has certainly ended."""
    owner = Owner.parse(text)
    return owner is not None and owner.is_dead
