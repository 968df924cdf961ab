"""All checks, in order, and what they find.

Each check is a function of the run that is asked about and of the machine as it was seen. What
decides is what a run itself decides with: preflight, devices, environments, data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runner.doctor import data, disk, engine, gpu, local
from runner.doctor.asked import Asked, Seen, halves, look
from runner.doctor.findings import Finding, Reporter
from runner.errors import BenchmarkError

Check = Callable[[Asked, Seen], list[Finding]]

CHECKS: dict[str, tuple[Check, ...]] = {
    "engine": (engine.answers, engine.nvidia_runtime),
    "gpu": (gpu.cards, gpu.free),
    "configurations": (gpu.fit, gpu.other_cards),
    "disk": (disk.results, disk.cache, disk.room, disk.engine),
    "data": (data.files,),
    "network": (data.network,),
    "local": (local.python, local.needs),
}


def _one(name: str, check: Check, asked: Asked, seen: Seen) -> list[Finding]:
    """Return a check's findings. One that breaks is a finding, so that it hides no other."""
    try:
        return check(asked, seen)
    except BenchmarkError as error:
        return [Reporter(name).problem(check.__name__, *halves(error))]
    except Exception as error:
        text = f"this check could not be made: {type(error).__name__}: {error}"
        return [Reporter(name).problem(check.__name__, text)]


def examine(asked: Asked) -> Iterator[Finding]:
    """Yield the findings of all checks, in order, as they come."""
    seen = look(asked)
    for name, checks in CHECKS.items():
        for check in checks:
            yield from _one(name, check, asked, seen)
