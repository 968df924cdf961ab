"""Two short epochs of a configuration and a model, by the machinery of every run."""

from collections.abc import Iterator

import pandas as pd

from runner import paths
from runner.environments.patience import Making
from runner.errors import BuildError
from runner.execution.attempt import Conditions, run_job
from runner.machine.machine import Machine
from runner.plan.findings import Finding, Reporter
from runner.plan.obstacles import card_against
from runner.report.console import print_note
from runner.spec.choices import DeviceChoice
from runner.spec.configuration import Configuration
from runner.spec.job import Job, Status, planned_jobs
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimits
from runner.spec.workload import DataSource, Workload
from runner.store.record import Record
from runner.tables.load import load_runs

_say = Reporter("check")
SAMPLES = 256
EPOCHS = 2
LIMITS = TimeLimits(wall=3600.0)
_IN_LOG = "what it printed is in the job's log"


def trial_jobs(
    found: Configuration, workload: Workload, machine: Machine, threads: int
) -> list[Job]:
    """Return the short jobs that try a model on a configuration, one for each backend."""
    asked = Request.asked(
        device=DeviceChoice(machine.device),
        data=DataSource.SYNTHETIC,
        epochs=EPOCHS,
        samples=(SAMPLES,),
        threads=(threads,),
    )
    planned = planned_jobs([found], [workload], asked)
    return card_against([found], (), machine.gpu).marked(planned)


def trial_findings(
    found: Configuration, todo: list[Job], workload: Workload, conditions: Conditions
) -> Iterator[Finding]:
    """Yield what happens when the environment is made and short jobs run in it.

    What the jobs leave is kept in the store of ``conditions``.
    """
    log = conditions.store.folder / f"build-{found.name}.log"
    try:
        environment = conditions.launcher.prepare(found, Making(log, print_note))
    except BuildError as error:
        yield _say.problem("environment", str(error), "what it printed is in the build's log")
        return
    yield _say.ok("environment", f"{conditions.launcher.name}: {environment.location}")
    for job in todo:
        if job.unsupported is not None:
            yield _say.skipped("epochs", f"{job.backend}: {job.unsupported}")
            continue
        record = run_job(job, environment, conditions)
        table = load_runs(conditions.store.folder)
        rows = table[table["job"] == job.id]
        yield from _heard(found, job, workload, record, rows)


def _heard(
    found: Configuration, job: Job, workload: Workload, record: Record, rows: pd.DataFrame
) -> Iterator[Finding]:
    """Yield what a job's rows tell, as far as it came."""
    first = rows.iloc[0]
    if pd.isna(first["keras_version"]):
        yield _say.problem("imports", f"{job.backend}: {record.reason}", _IN_LOG)
        return
    yield from _imports(found, job, first)
    counted = first["parameters"]
    if pd.notna(counted) and counted != workload.parameters:
        yield _say.problem(
            "parameters",
            f"the network has {counted:,}, models/workloads/{workload.suite}/{paths.SUITE} "
            f"states {workload.parameters:,}",
            f'if this network is the one meant, write "parameters": {counted} there',
        )
        yield _say.skipped("epochs", "another network than stated is not trained")
        return
    if pd.notna(counted):
        yield _say.ok("parameters", f"{counted:,} counted, as stated")
    yield from _epochs(job, record, rows)


def _imports(found: Configuration, job: Job, first: pd.Series) -> Iterator[Finding]:
    seen = {
        "Keras": (str(first["keras_version"]), found.keras),
        job.backend: (
            str(first["backend_version"]).partition("+")[0],
            found.backends[job.backend].version,
        ),
    }
    # A module need not tell the number of its package's post-release.
    wrong = [f"{name} is {is_} there, config.toml says {expected}"
             for name, (is_, expected) in seen.items()
             if is_ not in (expected, expected.partition(".post")[0])]  # fmt: skip
    fine = ", ".join(f"{name} {is_}" for name, (is_, _) in seen.items())
    yield from _say.each("imports", wrong, f"{fine}, Python {first['python_version']}",
                   "correct config.toml, or the .in files and the locks")  # fmt: skip


def _epochs(job: Job, record: Record, rows: pd.DataFrame) -> Iterator[Finding]:
    where = f"{job.model} on {job.configuration}/{job.backend}, {job.device}"
    # Whether anything else used the device matters to a timing, and this is none.
    if record.status in (Status.OK, Status.TAINTED):
        losses = " -> ".join(f"{loss:.3f}" for loss in rows["loss"])
        yield _say.ok("epochs", f"{where}: {len(rows)} epochs, loss {losses}")
    else:
        yield _say.problem("epochs", f"{where}: {record.status}: {record.reason}", _IN_LOG)
