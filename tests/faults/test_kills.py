"""kill -9 at random moments: of the runner, of a job's container, of the daemon.

After each: nothing that had ended is lost or run again, a resumed session completes the run, and
nothing is left behind. ``FAULTS=long`` tries at least 51 times, otherwise a few.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import Daemon
from docker.errors import APIError
from project import Project, finished, wait

from made_project import make
from runner.machine.docker_engine import LABEL
from runner.spec.job import Status
from runner.tables.load import load_runs

pytestmark = pytest.mark.timeout(0)

TRIES = 17 if os.environ.get("FAULTS") == "long" else 2
KINDS = ("runner", "container", "daemon")


def _bridges() -> set[Path]:
    return set(Path("/sys/class/net").glob("*/bridge"))


@pytest.fixture(scope="module")
def unstarted():
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        why = "a daemon to kill needs root and dockerd"
        if os.environ.get("REQUIRE_ENGINE") == "1":
            pytest.fail(f"REQUIRE_ENGINE=1, but {why}")
        pytest.skip(why)
    # A socket's path may have 107 characters only.
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="faults-")))
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def daemon(engine, base_image, unstarted):
    bridges = _bridges()
    unstarted.start()
    assert _bridges() == bridges, "the daemon to kill took the machine's own network"
    packed = engine.client.images.get(base_image).save(named=base_image)
    unstarted.client.images.load(b"".join(packed))
    return unstarted


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    (root / "tmp").mkdir()
    return make(root)


@dataclass
class Figures:
    tries: int = 0
    in_time: int = 0
    losses: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)


def _containers(daemon):
    return daemon.client.containers.list(all=True, filters={"label": f"{LABEL}=job"})


def _kill_container(daemon) -> None:
    for container in _containers(daemon):
        try:
            container.kill("SIGKILL")
        except APIError:
            continue  # it has ended by itself


def _strike(kind: str, process, daemon: Daemon) -> None:
    if kind == "runner":
        process.kill()
    elif kind == "container":
        _kill_container(daemon)
    else:
        daemon.kill()
        time.sleep(random.uniform(0, 3))
        daemon.start()


def _left_behind(project: Project, daemon: Daemon) -> list[str]:
    containers = [f"container {c.short_id} {c.status}" for c in _containers(daemon)]
    folders = [str(path) for path in (project.root / "tmp").glob("bench-job-*")]
    halves = [str(path) for path in project.runs.rglob("*.part")]
    return containers + folders + halves


def _try(kind: str, seed: int, project: Project, daemon: Daemon, figures: Figures) -> None:
    moment = random.Random(seed).uniform(0.5, 4)
    name = f"{kind}, {moment:.2f} s after the start"
    process = project.begin()
    deadline = time.monotonic() + moment
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    figures.in_time += process.poll() is None
    _strike(kind, process, daemon)
    wait(process)
    folder = project.run_folder()
    before = finished(folder)
    if folder is None:
        process = project.begin()
        wait(process)
        folder = project.run_folder()
    code = wait(project.go_on(folder.name, "--retry", "all"))
    figures.tries += 1
    table = load_runs(folder)
    ok = table[table["status"] == Status.OK].drop_duplicates("job")
    if code != 0 or len(ok) != project.planned:
        figures.incomplete.append(f"{name}: exit {code}, {len(ok)} of {project.planned} jobs ok")
    after = finished(folder)
    figures.losses += [f"{name}: {path}" for path, old in before.items() if after.get(path) != old]
    figures.orphans += [f"{name}: {left}" for left in _left_behind(project, daemon)]
    shutil.rmtree(project.runs)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_whatever_is_killed(kind, made, daemon, base_image, figure):
    project = Project(made, daemon.url, base_image)
    figures = Figures()
    for number in range(TRIES):
        _try(kind, 1000 * KINDS.index(kind) + number, project, daemon, figures)
    figure(
        f"kill -9 of the {kind}: tries {figures.tries} ({figures.in_time} before the run's end), "
        f"losses {len(figures.losses)}, "
        f"orphans {len(figures.orphans)}, incomplete {len(figures.incomplete)}"
    )
    said = project.output()[-3000:]
    assert (figures.losses, figures.orphans, figures.incomplete) == ([], [], []), said
