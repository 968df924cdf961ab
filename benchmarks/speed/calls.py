"""Commands called in turns, with the seconds that each took and those of its processors."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
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
    """Seconds until a command ended, and those of processors that it and its children used.

    ``own`` is the part of ``cpu`` that is not its children's, to a hundredth of a second.
    """

    wall: float
    cpu: float
    own: float


TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def _own_seconds(process: int) -> float:
    """Return the processors' seconds of a process without its children, once it has ended."""
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS_A_SECOND


def took(call: Call) -> Took:
    """Call a command and return what it took. Ends the program where the command fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            call.words, cwd=call.cwd, env={**os.environ, **call.environment},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        own = _own_seconds(process.pid)
        code = process.wait()
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if code not in call.codes:
            output.seek(0)
            raise SystemExit(f"{call.words} ended with {code}:\n{output.read()[-2000:]}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, own)


def in_turns(calls: Mapping[str, Call], rounds: int) -> dict[str, Took]:
    """Return the medians of each command, after a first round that warms up what is cached.

    Of ``own`` it is the least: others' work on the machine only adds to it, and a small difference
    of two is asked for.
    """
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
            min(one.own for one in several),
        )
        for name, several in found.items()
    }
