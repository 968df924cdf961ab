"""What the commands that check do: they print findings as they come, and run short jobs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import typer
from rich.markup import escape

from runner import check as checks
from runner import preflight
from runner.check import Finding, Mark
from runner.choices import BuildOptions
from runner.commands.console import note, out
from runner.config_files import Configuration
from runner.errors import ExitCode
from runner.forecast import Forecast
from runner.history import History
from runner.launchers.choose import launcher_for
from runner.progress import Lines
from runner.running import Conditions
from runner.store import RunStore
from runner.workloads import Workload

_COLOURS = {Mark.OK: "green", Mark.NOTE: "yellow", Mark.PROBLEM: "red", Mark.SKIPPED: "dim"}


class Tally:
    """Prints findings as they come and counts what stands against."""

    def __init__(self) -> None:
        self.problems = 0
        self.skipped = 0

    def take(self, findings: Iterable[Finding]) -> bool:
        """Print findings; return whether none of these is a problem."""
        before = self.problems
        for found in findings:
            self.problems += found.mark is Mark.PROBLEM
            self.skipped += found.mark is Mark.SKIPPED
            mark = f"[{_COLOURS[found.mark]}]{found.mark:<8}[/]"
            text = f"{mark} {found.step:<12} {escape(found.text)}"
            out.print(text, highlight=False, soft_wrap=True)
            if found.remedy is not None:
                out.print(f"{'':<21} -> {escape(found.remedy)}", highlight=False, soft_wrap=True)
        return self.problems == before

    def end(self, name: str) -> typer.Exit:
        """Print the sum and return the exit to raise."""
        if not self.problems:
            said = "has no problem, but not all was tried" if self.skipped else "is fit to run"
            out.print(f"{name} {said}", highlight=False)
            return typer.Exit(ExitCode.OK)
        counted = f"{self.problems} problem{'s' if self.problems > 1 else ''}"
        out.print(f"{name}: {counted}", highlight=False)
        return typer.Exit(ExitCode.JOBS_NOT_OK)


def trial(
    configuration: Configuration,
    workload: Workload,
    machine: preflight.Machine,
    build: BuildOptions,
    python: Path | None,
    tally: Tally,
) -> None:
    """Run short jobs in a folder that stays where one of them is not well, for its logs."""
    threads = len(os.sched_getaffinity(0))
    scratch = Path(tempfile.mkdtemp(prefix="bench-check-"))
    is_well = True
    try:
        store = RunStore.create(scratch, {})
        launcher = launcher_for(
            machine,
            run=store.name,
            memory=None,
            cpus=threads,
            build=build,
            data_dir=None,
            python=python,
            say=note,
        )
        conditions = Conditions(
            launcher,
            store,
            Lines(out, Forecast(partial(History, store.folder.parent))),
            checks.CLOCKS,
            machine.gpu,
        )
        todo = checks.planned(configuration, workload, machine, threads)
        is_well = tally.take(checks.trial(configuration, todo, workload, conditions))
        if not is_well:
            out.print(f"logs: {store.folder}", highlight=False, soft_wrap=True)
    finally:
        if is_well:
            shutil.rmtree(scratch)
