"""What watching a job costs: CPU seconds per second of this process, and the time of a sample.

Watches a process with threads and children as a run does, with the real probes; where there is a
card, the driver's part is in it. What the watched process uses is not counted.

    python benchmarks/watch_cost.py --seconds 30
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from runner.execution.guard import device_guard
from runner.execution.watch import INTERVAL_SECONDS, Probe, Sample, Watch
from runner.launchers.base import Exit, Process, ProcessTree
from runner.machine.visible import list_gpus

# As a training job looks from outside: one process with many threads, and some children.
JOB = """
import subprocess, sys, threading, time
children = [subprocess.Popen(["sleep", "600"]) for _ in range(int(sys.argv[1]))]
for _ in range(64):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
for child in children:
    child.kill()
"""


class Stand(Process):
    """A process of this machine that is only watched."""

    def __init__(self, pid: int) -> None:
        self._tree = ProcessTree(pid)

    def pids(self) -> list[int]:
        return self._tree.pids()

    def read(self, timeout: float) -> None: ...

    def wait(self) -> Exit:
        return Exit(0)

    def stop(self, urgent: Callable[[], bool] = lambda: False) -> None: ...

    def close(self) -> None: ...


class Timed:
    """A probe that notes what each sample took of its thread's CPU, and of the clock."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def __call__(self) -> Sample:
        cpu, wall = time.thread_time(), time.perf_counter()
        sample = self._probe()
        self.cpu.append(time.thread_time() - cpu)
        self.wall.append(time.perf_counter() - wall)
        return sample


def watched(process: Process, seconds: float) -> tuple[float, Timed]:
    """Return the CPU seconds per second that this process used while it watched."""
    card = next(iter(list_gpus().usable.values()), None)
    probe = Timed(device_guard(card).probe(process))
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), time.process_time()
        with Watch(lambda: probe, Path(folder, "telemetry.jsonl")) as watch:
            time.sleep(seconds)
        cost = (time.process_time() - used) / (time.perf_counter() - began)
    if watch.problem:
        raise SystemExit(watch.problem)
    return cost, probe


def idle(seconds: float) -> float:
    """Return the same while it only sleeps."""
    began, used = time.perf_counter(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - used) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--children", type=int, default=4)
    asked = parser.parse_args()
    with subprocess.Popen(
        [sys.executable, "-c", JOB, str(asked.children)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as job:
        assert job.stdout is not None
        job.stdout.readline()
        base = idle(asked.seconds / 3)
        cost, probe = watched(Stand(job.pid), asked.seconds)
        job.communicate()
    print(
        f"{psutil.cpu_count()} CPUs, {len(psutil.pids())} processes on the machine, "
        f"{asked.children + 1} in the job, a sample every {INTERVAL_SECONDS:g} s, "
        f"{len(probe.cpu)} samples"
    )
    print(f"watching: {cost:.5f} CPU seconds per second (asleep: {base:.5f})")
    print(
        f"a sample: median {statistics.median(probe.cpu) * 1000:.2f} ms of CPU, "
        f"{statistics.median(probe.wall) * 1000:.2f} ms of the clock, "
        f"longest {max(probe.wall) * 1000:.2f} ms"
    )


if __name__ == "__main__":
    main()
