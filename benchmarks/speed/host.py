"""What the host does while a job runs: a flood of events, and how little when all is calm."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from launcher_contract import make_job
from runner.execution.attempt import run_job
from runner.execution.watch import INTERVAL_SECONDS
from runner.launchers.base import Environment
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from scripted import ScriptedLauncher, conditions, stream
from speed.calls import Call, in_turns
from speed.commands import Bench
from speed.line import FULL, Line, Size

EVENTS = 50_000
MOST_FOR_EVENTS, MOST_OF_A_CORE = 1.0, 0.005
# One for each sample; which of them fall into the time that is counted is chance.
MOST_WAKE_UPS = 1 / INTERVAL_SECONDS + 0.1
_CHUNK = 64 << 10
_CALM_SECONDS = 20


def _flood() -> list[bytes]:
    """Return the chunks of a job that says 50,000 epochs as fast as it can."""
    said = [bytes(line) for line in stream()]
    epoch = json.loads(said[3])
    many = ({**epoch, "epoch": n, "loss": 1 / n} for n in range(1, EVENTS + 1))
    lines = [json.dumps(one).encode() + b"\n" for one in many]
    whole = b"".join([*said[:3], *lines, said[-1]])
    return [whole[at : at + _CHUNK] for at in range(0, len(whole), _CHUNK)]


def _seconds_of_flood(folder: Path, chunks: list[bytes]) -> float:
    store = RunStore.create(folder, {})
    launcher = ScriptedLauncher({"mxnet": chunks})
    began = time.perf_counter()
    job = make_job(configuration="mxnet-k122", epochs=EVENTS)
    here = Environment("mxnet-k122", "here")
    record = run_job(job, here, conditions(launcher, store, folder))
    if record.status is not Status.OK:
        raise SystemExit(f"the flood was not taken: {record.reason}")
    return time.perf_counter() - began


def host(size: Size, folder: Path) -> Iterator[Line]:
    """Measure a flood of events, checked and kept, and the processor's time in a calm run."""
    chunks = _flood()
    took = sorted(_seconds_of_flood(folder / str(n), chunks) for n in range(min(size.rounds, 5)))
    began = time.perf_counter()
    for line in b"".join(chunks).splitlines():
        json.loads(line)
    plain = time.perf_counter() - began
    yield Line(f"{EVENTS:,} events of a flood, checked and kept", took[len(took) // 2], "s",
               MOST_FOR_EVENTS, plain, "json.loads of each line")  # fmt: skip
    if size is FULL:  # a short one cannot tell so little
        yield from _calm(size, folder / "project")


def _calm(size: Size, folder: Path) -> Iterator[Line]:
    """Measure a run of one epoch of some seconds beside one of none: the rest is the same."""
    short, long = Bench(folder / "short"), Bench(folder / "long", pace=float(_CALM_SECONDS))
    found = in_turns({"short": short.run(1), "long": long.run(1)}, max(1, size.rounds // 5))
    share = max(found["long"].cpu - found["short"].cpu, 0.0) / _CALM_SECONDS
    yield Line("processor's time while a job trains, of a core", share, "of 1", MOST_OF_A_CORE,
               1.0, "a core")  # fmt: skip
    yield Line("wake-ups while a job trains, each second", _woken(long.run(1)), "of all threads",
               MOST_WAKE_UPS, 1 / INTERVAL_SECONDS, "a sample")  # fmt: skip


def _woken(call: Call) -> float:
    """Return how often a second the runner's threads are woken within a job's only epoch."""
    with subprocess.Popen(
        call.words, cwd=call.cwd, env={**os.environ, **call.environment},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as runner:  # fmt: skip
        time.sleep(_CALM_SECONDS / 4)
        before = _waits(runner.pid)
        time.sleep(_CALM_SECONDS / 2)
        return (_waits(runner.pid) - before) / (_CALM_SECONDS / 2)


def _waits(pid: int) -> int:
    """Return how often the threads of a process gave their processor up to wait."""
    tasks = Path(f"/proc/{pid}/task").glob("*/status")
    lines = (line.split() for task in tasks for line in task.read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0] == "voluntary_ctxt_switches:")
