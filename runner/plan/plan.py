"""From a request to the jobs of a run, on what this machine has. Nothing is made or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from runner import paths
from runner.environments.datasets import dataset_states
from runner.errors import UsageError, choose_names
from runner.machine.docker_engine import Engine
from runner.machine.identity import describe_identity
from runner.machine.machine import Machine
from runner.plan.preflight import Preflight, check_cluster
from runner.plan.resources import ELSEWHERE
from runner.plan.rounds import parse_width, rounds_until, shuffled_rounds
from runner.schedulers.choose import scheduler_for
from runner.spec.choices import DeviceChoice, LauncherChoice
from runner.spec.configuration import Configuration, load_configurations
from runner.spec.job import Job, known_backends, planned_jobs
from runner.spec.request import Request
from runner.spec.study import choose_workloads, with_study
from runner.spec.workload import DataSource, Workload, require_source
from runner.store.identity import code_identity
from runner.words import Say, parse_duration, parse_percentage

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Plan:
    """What a run will do. ``request`` is the one asked for with every choice made.

    ``configurations`` are those that a job needs made: none whose jobs are all unsupported.

    ``jobs`` are those of every round that is known beforehand; with ``width`` or ``budget``, in
    seconds, more may follow.
    """

    request: Request
    machine: Machine
    configurations: list[Configuration]
    workloads: list[Workload]
    jobs: list[Job]
    width: float | None
    budget: float | None = None

    @cached_property
    def identity(self) -> dict[str, str | None]:
        """Return the identity of the code and of the host: of a cluster's nodes, each job tells."""
        if self.machine.cluster is not None:
            return code_identity()
        return describe_identity(self.machine.engine)

    @property
    def is_open(self) -> bool:
        """Return whether more jobs may follow than are known beforehand."""
        return self.width is not None or self.budget is not None

    @property
    def source(self) -> DataSource:
        """Return where the samples come from."""
        assert self.request.data is not None
        return self.request.data

    @property
    def datasets(self) -> list[str]:
        """Return the data sets that the models need."""
        return sorted({workload.dataset for workload in self.workloads})

    def ordered(self, measured: Callable[[], pd.DataFrame]) -> Iterable[Job]:
        """Return the jobs in the order in which they run; ``measured`` gives the table so far."""
        seed = self.request.seed
        if self.budget is not None:
            # With the statistics, which other runs need at their end only.
            from runner.plan.budget import rounds_within

            return rounds_within(self.jobs, self.budget, seed, measured)
        if self.width is None:
            return shuffled_rounds(self.jobs, seed)
        return rounds_until(self.jobs, self.width, self.request.max_repeats, seed, measured)


def _default_source(workloads: list[Workload], engine: Engine | None, say: Say) -> DataSource:
    """Return real data where all its files are cached, else synthetic, and say so.

    Of models whose data are made there is nothing to say.
    """
    if not any(DataSource.REAL in workload.sources for workload in workloads):
        return DataSource.SYNTHETIC
    wanted = {workload.dataset for workload in workloads}
    if engine is not None and not engine.is_local:
        say(f"data: synthetic, because {ELSEWHERE}, where data of this one cannot be mounted")
        return DataSource.SYNTHETIC
    there = {item.dataset for item, _, state in dataset_states(paths.cache()) if state == "ok"}
    if there.issuperset(wanted):
        return DataSource.REAL
    say("data: synthetic, because the real files are not cached (python -m runner data fetch)")
    return DataSource.SYNTHETIC


def _decided(
    request: Request,
    machine: Machine,
    chosen: list[Configuration],
    workloads: list[Workload],
    say: Say,
) -> Request:
    """Return the request with nothing left open, so that another day decides nothing else."""
    here = LauncherChoice.DOCKER if machine.engine is not None else LauncherChoice.LOCAL
    return request.model_copy(
        update={
            "config": tuple(configuration.name for configuration in chosen),
            "model": tuple(workload.name for workload in workloads),
            "device": DeviceChoice(machine.device),
            "gpu": ",".join(card.uuid for card in machine.gpus) or None,
            "launcher": request.launcher if machine.cluster is not None else here,
            "data": request.data or _default_source(workloads, machine.engine, say),
            "threads": request.threads or (machine.cpus,),
        }
    )


def _require_one_lane(machine: Machine) -> None:
    """Raise UsageError where jobs that each depend on the ones before would run side by side."""
    why = "--until and --budget choose each job by the results so far, so they take"
    if machine.cluster is not None:
        raise UsageError(f"{why} one machine\nsay how often: --repeats 5")
    if len(machine.gpus) > 1:
        raise UsageError(
            f"{why} one card\nname one (--gpu {machine.gpus[0].uuid}), or say how often: "
            "--repeats 5"
        )


def fitted(planned: list[Job], preflight: Preflight, say: Say) -> list[Job]:
    """Return jobs with those marked unsupported that cannot run on this machine.

    Raises MachineError where it has less than every job is to get, or nothing that they need.
    """
    preflight.resources.take(say)
    preflight.installed.take(say)
    planned = preflight.card_fit.marked(planned)
    for found in (preflight.packages, preflight.libraries):
        found.require_one_left()
        planned = found.marked(planned)
    return planned


def _open_end(request: Request) -> tuple[float | None, float | None]:
    """Return how narrow, or how long, a run measures until. Raises UsageError for a wrong value."""
    width = parse_width(request.until) if request.until is not None else None
    budget = parse_duration(request.budget, "--budget") if request.budget is not None else None
    if budget is not None and (width is not None or request.repeats > 1):
        raise UsageError("--budget chooses the repeats: leave out --repeats and --until")
    parse_percentage(request.same_within, "--same-within")
    return width, budget


def plan_run(request: Request, say: Say) -> Plan:
    """Return what a run will do; a choice that was made for the user goes to ``say``.

    Raises UsageError for a name or a value that is wrong, MachineError for what is missing here.
    """
    request.require_cluster()
    width, budget = _open_end(request)
    request = with_study(request)
    chosen = load_configurations(list(request.config))
    choose_names(request.backend, known_backends(chosen), "backend")
    workloads = choose_workloads(list(request.model))
    if request.data is not None:
        require_source(workloads, request.data)
    on_cluster = request.launcher.is_of_cluster
    preflight = Preflight(request, chosen)
    if on_cluster:
        machine = check_cluster(request, scheduler_for(request.launcher, say), say)
    else:
        machine = preflight.take_fitting_machine(say)
    if width is not None or budget is not None:
        _require_one_lane(machine)
    decided = _decided(request, machine, chosen, workloads, say)
    planned = planned_jobs(chosen, workloads, decided)
    if not on_cluster:
        planned = fitted(planned, preflight, say)
    used = {job.configuration for job in planned if job.unsupported is None}
    return Plan(
        request=decided,
        machine=machine,
        configurations=[c for c in chosen if c.name in used],
        workloads=workloads,
        jobs=planned,
        width=width,
        budget=budget,
    )
