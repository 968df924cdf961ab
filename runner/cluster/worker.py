"""One job of a run on the node that a cluster's queue gave it: what ``work RUN JOB`` does."""

import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner import paths
from runner.cluster.life import sign_of_life
from runner.environments.datasets import prepare_data
from runner.errors import BenchmarkError, ExitCode, StoreError, UsageError, near_miss
from runner.execution.attempt import Conditions
from runner.execution.guard import device_guard
from runner.execution.interrupts import Interrupts
from runner.execution.loop import run_jobs
from runner.execution.observer import Observer
from runner.launchers.choose import launcher_for
from runner.machine.cpus import cpu_list
from runner.machine.identity import describe_identity
from runner.machine.machine import Lane, Machine
from runner.plan.plan import fitted
from runner.plan.preflight import Preflight
from runner.plan.resume import Session
from runner.schedulers.base import TaskHere
from runner.spec.configuration import load_configurations
from runner.spec.job import Job, Status
from runner.spec.request import Request
from runner.spec.workload import WORKLOADS
from runner.store.identity import code_identity, refuse_other_identity
from runner.store.record import SCHEMA, Record, planned_of, read_json_object, write_json
from runner.store.run_folder import RunStore

# How often a task is begun that its queue begins again by itself, as after a node's failure.
MOST_STARTS = 5
ENDED_BY_QUEUE = "the queue ended its task"


class NodeStore(RunStore):
    """A run's folder as a node of a cluster writes it.

    Many write there at the same time, so what would go into the manifest goes into a file of the
    node's own: ``nodes/<node>.json``.
    """

    def __init__(self, folder: Path, node: str) -> None:
        super().__init__(folder)
        self._own = folder / "nodes" / f"{re.sub('[^A-Za-z0-9.-]', '_', node)}.json"
        self._own.parent.mkdir(exist_ok=True)

    def _amended(self) -> dict[str, Any]:
        with suppress(StoreError):
            return read_json_object(self._own)
        return {"schema": SCHEMA}

    def manifest(self) -> dict[str, Any]:
        return {**super().manifest(), **self._amended()}

    def amend(self, **entries: Any) -> None:
        write_json(self._own, {**self._amended(), **entries})

    def build_log(self, configuration: str) -> Path:
        return self._own.with_name(f"{self._own.stem}-build-{configuration}.log")


def _asked(store: RunStore, name: str) -> Job:
    """Return the job of a run by its id. Raises UsageError if the run has none such."""
    planned = {job.id: job for job in planned_of(store.manifest(), store.folder)}
    if name not in planned:
        raise UsageError(f"run {store.name} has no job '{name}'{near_miss(name, planned)}")
    return planned[name]


def _lane(machine: Machine) -> Lane:
    """Return where the job runs: on the CPUs that the queue left to this process, if not on all."""
    [lane] = machine.lanes
    own = tuple(sorted(os.sched_getaffinity(0)))
    return replace(lane, cpus=own if len(own) < (os.cpu_count() or 1) else None)


def _place(here: TaskHere, lane: Lane) -> str:
    """Return what of the cluster's CPUs are the job's alone: other tasks of a node have others."""
    return here.node if lane.cpus is None else f"{here.node}:{cpu_list(list(lane.cpus))}"


def _conditions(
    job: Job,
    store: RunStore,
    machine: Machine,
    request: Request,
    session: Session,
    observer: Observer,
    interrupts: Interrupts,
    here: TaskHere,
) -> Conditions:
    """Return what holds for the one job that this node runs now."""
    lane, dataset = _lane(machine), WORKLOADS[job.model].dataset
    data_dir = prepare_data(job.data, [dataset], paths.cache(), progress=False)
    build = session.build(request)
    return Conditions(
        launcher_for(machine, lane, request, store.name, build, data_dir, observer.note),
        store,
        observer,
        session.limits,
        gpu=lane.gpu,
        guard=device_guard(
            lane.gpu, session.wait, observer.note, share=lane.cpus, node=_place(here, lane),
            sleep=interrupts.sleep,
        ),
        interrupts=interrupts,
        again=session.again,
        identity={**describe_identity(machine.engine), "node": here.node},
    )  # fmt: skip


def _work(
    job: Job,
    store: RunStore,
    session: Session,
    observer: Observer,
    interrupts: Interrupts,
    here: TaskHere,
) -> bool:
    """Run the job as the run asked for it, and return whether it is ok."""
    kept = store.manifest()
    refuse_other_identity("code", kept.get("identity", {}), code_identity(), store.name)
    request = Request.of_manifest(kept, store.folder)
    chosen = load_configurations([job.configuration])
    preflight = Preflight(request, chosen)
    machine = preflight.take_machine(observer.note)
    [job] = fitted([job], preflight, observer.note)
    conditions = _conditions(job, store, machine, request, session, observer, interrupts, here)
    for left in conditions.launcher.sweep():
        observer.note(f"removed what a run left that has ended: {left}")
    return run_jobs([] if job.unsupported else chosen, [job], conditions)


def _not_run(here: TaskHere, status: Status, reason: str) -> Record:
    return Record(status, f"node {here.node}: {reason}", identity={"node": here.node})


def _end(store: RunStore, job: Job, record: Record) -> None:
    """Say how a job ended, unless it has a result: what came after that is not the job's."""
    if store.ended(job) in (None, Status.INTERRUPTED):
        store.end(job, record)


def work_off(
    folder: Path, name: str, session: Session, observer: Observer, here: TaskHere
) -> ExitCode:
    """Run a job of the run in ``folder`` on this node, unless it has ended before.

    However it ends, that is on record, unless the job was begun again elsewhere meanwhile. Raises
    BenchmarkError where the run cannot be read or has no such job.
    """
    store = NodeStore(folder, here.node)
    job = _asked(store, name)
    if store.ended(job) not in (None, *session.again):
        observer.note(f"{name} has ended before: {store.ended(job)}")
        return ExitCode.OK
    store.set_aside(job)
    if here.restarts >= MOST_STARTS:
        reason = f"its task was begun {here.restarts + 1} times; go on with --resume {store.name}"
        _end(store, job, _not_run(here, Status.INTERRUPTED, reason))
        return ExitCode.JOBS_NOT_OK
    # The queue kills what has not ended within seconds; a container would be left.
    interrupts = Interrupts(patience=0)
    try:
        with sign_of_life(folder, name), interrupts.installed():
            all_ok = _work(job, store, session, observer, interrupts, here)
    except KeyboardInterrupt:
        _end(store, job, _not_run(here, Status.INTERRUPTED, ENDED_BY_QUEUE))
        return ExitCode.INTERRUPTED
    except BenchmarkError as error:
        _end(store, job, _not_run(here, Status.FAILED, str(error)))
        return error.exit_code
    return ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK
