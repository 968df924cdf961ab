"""What else can happen in a night: signals, a full disk, a full memory, a hung job, two runners."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from project import Project, appears, finished, wait

from made_project import NAME, make
from runner.errors import ExitCode
from runner.machine.docker_engine import LABEL
from runner.spec.job import Status
from runner.tables.load import load_runs

pytestmark = pytest.mark.timeout(1500)

# Seconds: another run may be measuring on this machine, and is waited for.
FREE_WITHIN = 700


@pytest.fixture
def project(engine, base_image, tmp_path):
    """A project of its own, removed from the engine afterwards."""
    (tmp_path / "tmp").mkdir()
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    made = Project(make(tmp_path), url, base_image, repeats=2)
    yield made
    for image in engine.client.images.list(name=f"{LABEL}/{NAME}"):  # the newest first
        for tag in image.tags:
            engine.client.images.remove(tag)


def _behave(project: Project, **behaviour: str) -> None:
    (project.root / "models" / "behaviour").write_text(json.dumps(behaviour))


def _epoch_seen(project: Project) -> bool:
    folder = project.run_folder()
    streams = folder.glob("jobs/*/events.jsonl") if folder else ()
    return any(b'"epoch"' in path.read_bytes() for path in streams)


def _wait_for_an_epoch(project: Project, process: subprocess.Popen[bytes]) -> None:
    appears(lambda: _epoch_seen(project) or process.poll() is not None, FREE_WITHIN)
    assert process.poll() is None, project.output()


def _statuses(project: Project) -> dict[str, str]:
    table = load_runs(project.run_folder()).drop_duplicates("job")
    return dict(zip(table["job"], table["status"], strict=True))


def _left(engine, project: Project) -> list[str]:
    run = project.run_folder().name
    filters = {"label": f"{LABEL}.run={run}"}
    containers = engine.client.containers.list(all=True, filters=filters)
    return [c.short_id for c in containers] + [str(p) for p in project.runs.rglob("*.part")]


@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT,) * 2])
def test_a_wish_to_end_keeps_everything_and_leaves_nothing(project, engine, numbers):
    process = project.begin()
    _wait_for_an_epoch(project, process)
    for number in numbers:
        process.send_signal(number)
    assert wait(process) == ExitCode.INTERRUPTED
    assert _left(engine, project) == []
    assert "--resume" in project.output()
    before = finished(project.run_folder())
    assert wait(project.go_on()) == ExitCode.OK
    after = finished(project.run_folder())
    assert before.items() <= after.items()
    assert set(_statuses(project).values()) == {Status.OK}
    assert len(_statuses(project)) == project.planned


def _slow_builds(project: Project) -> list[str]:
    """Return the names of three configurations whose builds take minutes, each by a sleep."""
    folder = project.root / "docker" / NAME
    names = [f"{NAME}-slow{number}" for number in range(3)]
    for number, name in enumerate(names):
        shutil.copytree(folder, folder.with_name(name))
        recipe = (folder / "Dockerfile").read_text() + f"RUN sleep 432{number}\n"
        (folder.with_name(name) / "Dockerfile").write_text(recipe)
    return names


def _sleeping() -> int:
    commands = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    return sum(re.fullmatch(r"sleep 432\d", command) is not None for command in commands)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["run", "build"])
def test_a_wish_to_end_ends_all_builds_that_go_on_at_the_same_time(
    project, engine, number, command
):
    arguments = ["--config", *_slow_builds(project), "--device", "cpu",
                 "--base-image", project.base_image]  # fmt: skip
    of_run = ["--model", "mnist_mlp", "--launcher", "docker", "--data", "synthetic"]
    if command == "run":
        process = project.start(*arguments, *of_run)
    else:
        process = project.call("build", *arguments)
    appears(lambda: _sleeping() == 3 or process.poll() is not None, 120)
    assert process.poll() is None, project.output()
    process.send_signal(number)
    assert wait(process, 30) == ExitCode.INTERRUPTED
    appears(lambda: _sleeping() == 0, 30)
    assert "Traceback" not in project.output()


def test_a_job_past_its_memory_is_oom_and_the_others_go_on(project):
    _behave(project, mnist_cnn="eats memory")
    assert wait(project.begin("--memory", "1")) == ExitCode.JOBS_NOT_OK
    by_model = {job.split(".")[2]: status for job, status in _statuses(project).items()}
    assert by_model == {"mnist_mlp": Status.OK, "mnist_cnn": Status.OOM}


def test_a_hung_job_is_ended_by_its_clock_and_says_which(project, engine):
    _behave(project, mnist_cnn="hangs")
    assert wait(project.begin("--silence", "4", "--repeats", "1")) == ExitCode.JOBS_NOT_OK
    record = json.loads(next(project.run_folder().glob("jobs/*mnist_cnn*/record.json")).read_text())
    assert (record["status"], record["clock"]) == (Status.TIMEOUT, "silence")
    assert "--silence" in record["reason"]
    assert _left(engine, project) == []


@pytest.fixture
def small_disk(project):
    """Keep the project's runs on a small disk of their own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    project.runs.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", project.runs],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr}")
    yield project.runs
    subprocess.run(["umount", project.runs], check=True)


def _fill(disk: Path) -> Path:
    """Fill a disk to its last byte and return the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * (64 << 10))
    return ballast


def test_a_full_disk_ends_the_run_and_nothing_is_lost(project, small_disk, engine):
    _behave(project, mnist_cnn="fills the disk", mnist_mlp="fills the disk")
    process = project.begin()
    _wait_for_an_epoch(project, process)
    ballast = _fill(small_disk)
    assert wait(process) == ExitCode.MACHINE
    assert "no space is left" in project.output()
    assert "Traceback" not in project.output()
    assert _left(engine, project) == []
    before = finished(project.run_folder())
    assert set(_statuses(project).values()) <= {Status.OK, Status.INTERRUPTED}
    ballast.unlink()
    assert wait(project.go_on()) == ExitCode.OK
    assert before.items() <= finished(project.run_folder()).items()
    assert len(_statuses(project)) == project.planned


def test_two_runners_do_not_time_each_other_nor_write_in_one_run(project):
    # Long enough for both others to have come as far as the lock, on a busy machine too.
    first = project.begin("--repeats", "12")
    _wait_for_an_epoch(project, first)
    run = project.run_folder().name
    assert wait(project.start("--resume", run)) == ExitCode.MACHINE
    assert "another runner is working in this run" in project.output()
    other = project.start("--config", NAME, "--device", "cpu", "--launcher", "docker",
                          "--data", "synthetic", "--base-image", project.base_image)  # fmt: skip
    assert wait(other) == ExitCode.MACHINE
    assert "another run is measuring on it" in project.output()
    assert wait(first) == ExitCode.OK


@pytest.mark.parametrize("damage", ["truncated", "no record", "no folder", "another version"])
def test_a_damaged_store_is_read_as_far_as_it_goes_and_goes_on(project, damage):
    assert wait(project.begin()) == ExitCode.OK
    folder = project.run_folder()
    victim = sorted(folder.glob("jobs/*/record.json"))[0].parent
    others = {path: old for path, old in finished(folder).items() if victim.name not in path}
    if damage == "truncated":
        (victim / "record.json").unlink()
        stream = victim / "events.jsonl"
        stream.write_bytes(stream.read_bytes()[:-30])
    elif damage == "no record":
        (victim / "record.json").unlink()
    elif damage == "no folder":
        shutil.rmtree(victim)
    else:
        record = json.loads((victim / "record.json").read_text())
        (victim / "record.json").write_text(json.dumps({**record, "schema": 99}))
    load_runs(folder)
    assert wait(project.go_on()) == ExitCode.OK
    assert len(_statuses(project)) == project.planned
    assert others.items() <= finished(folder).items()


def test_another_image_is_refused_by_name(project):
    assert wait(project.begin("--repeats", "1")) == ExitCode.OK
    with (project.root / "models" / "__main__.py").open("a") as file:
        file.write("# another job\n")
    assert wait(project.go_on()) == ExitCode.USAGE
    assert "version of the models: it was" in project.output()
