"""What the live view costs while a job trains: CPU seconds per second of this process.

Draws the view of a run of all configurations and models as a run does, on a pseudo-terminal whose
other end is read and thrown away, while a job says an epoch every so often.

    python benchmarks/live_cost.py --seconds 30
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import threading
import time
from functools import partial
from pathlib import Path

from rich.console import Console

from runner.execution.observer import Announcement, Observer, Several
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.live import REFRESH_PER_SECOND, LiveView
from runner.spec.configuration import load_configurations
from runner.spec.job import Job, planned_jobs
from runner.spec.request import Request
from runner.spec.study import choose_workloads
from runner.store.events import BadLine, Event, parse_event


def epoch(number: int) -> Event | BadLine:
    """Return the event of an epoch."""
    line = {"event": "epoch", "schema": 1, "epoch": number, "seconds": 1.0, "samples": 60000,
            "loss": 0.1, "accuracy": 0.9, "val_loss": 0.1, "val_accuracy": 0.9}  # fmt: skip
    return parse_event(json.dumps(line).encode())


def swallow(file: int) -> None:
    """Read what is drawn, as a terminal would, until the other end closes."""
    try:
        while os.read(file, 1 << 16):
            pass
    except OSError:
        return


def used(observer: Observer, job: Job, seconds: float, every: float) -> float:
    """Return the CPU seconds per second while a job says an epoch every so often."""
    began, before = time.perf_counter(), time.process_time()
    number = 0
    while time.perf_counter() - began < seconds:
        time.sleep(every)
        number += 1
        observer.job_event(job, epoch(number))
    return (time.process_time() - before) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between epochs")
    asked = parser.parse_args()
    request = Request(device="cpu", data="synthetic", epochs=10_000, threads=1)
    planned = planned_jobs(load_configurations([]), choose_workloads([]), request)
    primary, secondary = pty.openpty()
    threading.Thread(target=swallow, args=(primary,), daemon=True).start()
    with os.fdopen(secondary, "w") as terminal:
        console = Console(file=terminal, force_terminal=True, width=120, height=40)
        forecast = Forecast(partial(History, Path("results", "runs")))
        shown = {"nothing": Observer(), "live view": LiveView(console, forecast)}
        for name, view in shown.items():
            with Several([forecast, view], print) as observer:
                observer.run_started(Announcement("run", Path(), planned, len(planned)))
                observer.job_started(planned[0], 1, len(planned))
                cost = used(observer, planned[0], asked.seconds, asked.every)
            print(
                f"{name}: {cost:.5f} CPU seconds per second, an epoch every {asked.every:g} s, "
                f"{len(planned)} jobs, {REFRESH_PER_SECOND:g} drawings a second"
            )


if __name__ == "__main__":
    main()
