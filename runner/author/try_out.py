"""What the commands that check do: they print findings as they come, and run short jobs."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import typer

from runner.author.trial import LIMITS, trial_findings, trial_jobs
from runner.errors import ExitCode
from runner.execution.attempt import Conditions
from runner.launchers.choose import launcher_for
from runner.machine.machine import Machine
from runner.plan.findings import Finding, FindingState
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.lines import Lines
from runner.report.console import out, print_line, print_note
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration
from runner.spec.request import Request
from runner.spec.workload import Workload
from runner.store.run_folder import RunStore


class Tally:
    """Prints findings as they come and counts what stands against."""

    def __init__(self) -> None:
        self.problems = 0
        self.skipped = 0

    def take(self, findings: Iterable[Finding]) -> bool:
        """Print findings; return whether none of these is a problem."""
        before = self.problems
        for found in findings:
            self.problems += found.state is FindingState.PROBLEM
            self.skipped += found.state is FindingState.SKIPPED
            for line in found.lines:
                print_line(line)
        return self.problems == before

    def end(self, name: str) -> typer.Exit:
        """Print the sum and return the exit to raise."""
        if self.problems:
            print_line(f"{name}: {self.problems} problem{'s' if self.problems > 1 else ''}")
            return typer.Exit(ExitCode.JOBS_NOT_OK)
        result = "has no problem, but not all was tried" if self.skipped else "is fit to run"
        print_line(f"{name} {result}")
        return typer.Exit(ExitCode.OK)


def run_trial(
    configuration: Configuration,
    workload: Workload,
    machine: Machine,
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
        asked = Request(threads=(threads,), python=python)
        [lane, *_] = machine.lanes
        launcher = launcher_for(machine, lane, asked, store.name, build, None, print_note)
        conditions = Conditions(
            launcher,
            store,
            Lines(out, Forecast(partial(History, store.folder.parent))),
            LIMITS,
            machine.gpu,
        )
        todo = trial_jobs(configuration, workload, machine, threads)
        is_well = tally.take(trial_findings(configuration, todo, workload, conditions))
        if not is_well:
            print_line(f"logs: {store.folder}")
    finally:
        if is_well:
            shutil.rmtree(scratch)
