"""One call that measures: it begins a run or goes on with one, and says how far it came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from runner import data as datasets
from runner import disk, paths, planning, results, resuming
from runner.clocks import Clocks
from runner.errors import BenchmarkError, ExitCode, UsageError
from runner.images import BuildOptions
from runner.interrupts import Interrupts
from runner.jobs import Status
from runner.launchers.base import Launcher
from runner.launchers.choose import launcher_for
from runner.observer import Announcement, Observer
from runner.occupancy import guard_for
from runner.planning import Plan
from runner.preflight import Say
from runner.request import Request
from runner.running import Conditions
from runner.running import run as run_all
from runner.store import RunStore
from runner.text import REDACTED

# Of a request, what another session may say anew: how to reach things, not what is measured.
_OF_SESSION = frozenset({"engine", "ca_bundle", "memory", "package_index", "wheels"})


@dataclass(frozen=True)
class Session:
    """What holds for one call alone, whether it begins a run or goes on with one.

    ``resumed`` is the folder of the run to go on with. The seconds are those of the options;
    ``progress`` shows downloads as they come.
    """

    arguments: list[str] = field(default_factory=list)
    root: Path = paths.RESULTS
    resumed: Path | None = None
    again: frozenset[Status] = frozenset({Status.INTERRUPTED})
    clocks: Clocks = field(default_factory=Clocks)
    build_seconds: float = BuildOptions.build_seconds
    pull_seconds: float = BuildOptions.pull_seconds
    wait: float = 0.0
    progress: bool = False

    def build(self, request: Request) -> BuildOptions:
        """Return how environments are made."""
        return replace(
            request.build, build_seconds=self.build_seconds, pull_seconds=self.pull_seconds
        )

    def store(self, plan: Plan, data_dir: Path | None) -> RunStore:
        """Return the run's folder, a new one or the one to go on with."""
        if self.resumed is None:
            return resuming.begin(self.root, plan, data_dir, self.arguments)
        return RunStore(self.resumed)


@dataclass(frozen=True)
class Ended:
    """How a call ended. ``folder`` holds all that was measured, also where ``error`` cut it off."""

    folder: Path
    code: ExitCode
    error: BenchmarkError | None = None

    @property
    def has_rows(self) -> bool:
        """Return whether a job was begun, so that there is a table."""
        return any(self.folder.glob("jobs/*/job.json"))


def resumed_request(folder: Path, asked: Request, given: set[str]) -> Request:
    """Return a kept request, with what this call may say anew.

    Raises UsageError for an option that would measure something else.
    """
    fixed = sorted(given - _OF_SESSION)
    if fixed:
        named = ", ".join("--" + name.replace("_", "-") for name in fixed)
        raise UsageError(
            f"--resume goes on with what run {folder.name} asked for; leave out {named}"
        )
    kept = Request.of_manifest(RunStore(folder).manifest(), folder)
    if "package_index" not in given and REDACTED in (kept.package_index or ""):
        raise UsageError("the package index of this run has a password, which is not kept: "
                         "say it again with --package-index")  # fmt: skip
    return kept.model_copy(update={name: getattr(asked, name) for name in given})


def _launcher(
    plan: Plan, run_name: str, data_dir: Path | None, build: BuildOptions, say: Say
) -> Launcher:
    """Return the launcher for what the machine has."""
    request = plan.request
    assert request.threads is not None
    return launcher_for(
        plan.machine,
        run=run_name,
        memory=request.memory << 30 if request.memory else None,
        cpus=request.threads,
        build=build,
        data_dir=data_dir,
        python=request.python,
        say=say,
    )


def needs(plan: Plan, root: Path, build: BuildOptions) -> list[disk.Need]:
    """Return what of the disks a run will take, for what it makes and what it writes."""
    machine, cache = plan.machine, paths.cache()
    needed = [
        *disk.of_data(plan.source, plan.datasets, cache),
        *disk.of_results(root, len(plan.jobs)),
        *disk.of_temporary_files(),
    ]
    if machine.engine is not None:
        needed += disk.of_images(machine.engine, plan.configurations, machine.device, build)
    elif plan.request.python is None:
        needed += disk.of_environments(plan.configurations, machine.device, cache)
    return needed


def _announced(conditions: Conditions, plan: Plan) -> Announcement:
    gpu = plan.machine.gpu
    return Announcement(
        conditions.store.name,
        conditions.store.folder,
        jobs=[job for job in plan.jobs if conditions.ended(job) is None],
        total=None if plan.width is not None else len(plan.jobs),
        hardware=gpu.name if gpu else conditions.identity["cpu_model"],
    )


def _measure(conditions: Conditions, plan: Plan) -> Ended:
    """Run the jobs, and take whatever ends the run for its end."""
    folder = conditions.store.folder
    try:
        all_ok = run_all(
            plan.configurations, plan.ordered(partial(results.load, folder)), conditions
        )
    except KeyboardInterrupt:
        return Ended(folder, ExitCode.INTERRUPTED)
    except BenchmarkError as error:
        return Ended(folder, error.exit_code, error)
    return Ended(folder, ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK)


def execute(request: Request, session: Session, observer: Observer) -> Ended:
    """Plan a request, run its jobs, and return how that ended.

    Raises BenchmarkError for what stands against the run before any of it began.
    """
    interrupts = Interrupts()
    with interrupts.installed():
        plan = planning.plan(request, observer.note)
        build = session.build(plan.request)
        disk.check(needs(plan, session.root, build), observer.note)
        data_dir = datasets.prepare(
            plan.source, plan.datasets, paths.cache(), progress=session.progress
        )
        store = session.store(plan, data_dir)
        with store.hold():
            if session.resumed is not None:
                resuming.go_on(store, plan, data_dir, session.arguments)
            launcher = _launcher(plan, store.name, data_dir, build, observer.build_said)
            for left in launcher.sweep():
                observer.note(f"removed what a run left that has ended: {left}")
            conditions = Conditions(
                launcher,
                store,
                observer,
                session.clocks,
                gpu=plan.machine.gpu,
                guard=guard_for(plan.machine.gpu, session.wait, observer.note),
                interrupts=interrupts,
                again=session.again,
            )
            with observer:
                observer.run_started(_announced(conditions, plan))
                ended = _measure(conditions, plan)
                observer.run_ended(ended.code, str(ended.error) if ended.error else None)
            return ended
