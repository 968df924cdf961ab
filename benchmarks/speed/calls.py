"""Commands called in turns, with the seconds that each took and those of its processors."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Words = Sequence[str | Path]


@dataclass(frozen=True)
class Call:
    """A command, where it is called, and what its environment has beside this process's."""

    words: Words
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class Took:
    """Seconds until a command ended, and those of processors that it and its children used."""

    wall: float
    cpu: float


def took(call: Call) -> Took:
    """Call a command and return what it took. Ends the program where the command fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        call.words, cwd=call.cwd, env={**os.environ, **call.environment}, text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in call.codes:
        raise SystemExit(f"{call.words} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def in_turns(calls: Mapping[str, Call], rounds: int) -> dict[str, Took]:
    """Return the medians of each command, after a first round that warms up what is cached."""
    found: dict[str, list[Took]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            one = took(call)
            if number:
                found[name].append(one)
    return {
        name: Took(
            statistics.median(one.wall for one in several),
            statistics.median(one.cpu for one in several),
        )
        for name, several in found.items()
    }
