"""Makes docs/recording.svg: what a terminal shows in the middle of a real run on this machine.

    python docs/record.py --config tf-k3 jax-k3 --samples 512 --job 8

Every line and figure in it is the run's own: the lines of what had ended, and below them the live
view as it stood when the named epoch of the named job had ended. The run goes on to its end.
"""

from __future__ import annotations

import argparse
import os
import re
from functools import partial
from pathlib import Path

from rich.console import Console

from runner.execution.observer import Observer, Several
from runner.execution.session import execute_run
from runner.plan.history import History
from runner.plan.resume import Session
from runner.progress.forecast import Forecast
from runner.progress.live import LiveView
from runner.spec.choices import DeviceChoice, LauncherChoice
from runner.spec.configuration import Device
from runner.spec.job import Job
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimits
from runner.spec.workload import DataSource
from runner.store.events import BadLine, EpochEvent, Event

OUT = Path(__file__).with_name("recording.svg")


class Still(LiveView):
    """The view as it is drawn once, not again and again: so the picture holds each line once."""

    def __enter__(self) -> Still:
        return self

    def __exit__(self, *error: object) -> None: ...


class Snapshot(Observer):
    """Draws the view once, under the lines that it printed, and keeps the picture."""

    def __init__(self, console: Console, view: LiveView, job: int, epoch: int) -> None:
        self._console, self._view = console, view
        self._job, self._epoch = job, epoch
        self._now = 0
        self.picture: str | None = None

    def job_started(self, job: Job, number: int, total: int | None) -> None:  # noqa: ARG002
        self._now = number

    def job_event(self, job: Job, event: Event | BadLine) -> None:  # noqa: ARG002
        is_epoch = isinstance(event, EpochEvent) and event.epoch == self._epoch
        if self._now == self._job and is_epoch and self.picture is None:
            self._console.print(self._view)
            self._console.print()  # the picture cuts the last line
            # Without the fonts that it would fetch: a picture asks nobody for anything.
            drawn = self._console.export_svg(title="python -m runner", unique_id="recording")
            self.picture = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)


def arguments() -> argparse.Namespace:
    """Return what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", nargs="+", default=["jax-k3"])
    parser.add_argument("--model", nargs="+", default=[])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--launcher", type=LauncherChoice, default=LauncherChoice.LOCAL)
    parser.add_argument("--base-image")
    parser.add_argument("--ca-bundle", type=Path)
    parser.add_argument("--job", type=int, default=3, help="at which job the picture is taken")
    parser.add_argument("--epoch", type=int, default=2, help="after which of its epochs")
    parser.add_argument("--wait", type=float, default=600)
    parser.add_argument("--results", type=Path, default=Path("results", "runs"))
    return parser.parse_args()


def main() -> None:
    """Run, and write the picture."""
    asked = arguments()
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, file=nowhere, force_terminal=True, width=104, height=40)
        forecast = Forecast(partial(History, asked.results))
        view = Still(console, forecast)
        snapshot = Snapshot(console, view, asked.job, asked.epoch)
        names = ["--config", *asked.config] + (["--model", *asked.model] if asked.model else [])
        console.print(
            f"$ python -m runner --launcher {asked.launcher} --device cpu {' '.join(names)} "
            f"--epochs {asked.epochs} --samples {asked.samples} --data synthetic",
            highlight=False,
        )
        request = Request(
            config=tuple(asked.config), model=tuple(asked.model), epochs=asked.epochs,
            samples=asked.samples, data=DataSource.SYNTHETIC, device=DeviceChoice(Device.CPU),
            launcher=asked.launcher, base_image=asked.base_image, ca_bundle=asked.ca_bundle,
        )  # fmt: skip
        session = Session(root=asked.results, limits=TimeLimits(), wait=asked.wait)
        execute_run(request, session, Several([forecast, view, snapshot], print))
    if snapshot.picture is None:
        raise SystemExit(f"job {asked.job} never said epoch {asked.epoch}")
    OUT.write_text(snapshot.picture, encoding="utf-8")
    print(OUT)


if __name__ == "__main__":
    main()
