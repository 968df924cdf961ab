"""Runs through a real Slurm: two nodes at once, the same table, nothing lost and nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from local_environments import python_of
from made_project import MODELS, NAME, behave
from runner import paths
from runner.errors import ExitCode
from runner.spec.job import Status
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from waiting import appears

OF_A_CELL = ["model", "configuration", "backend", "device", "settings", "repeats", "epochs"]


def at_work(bench):
    """Return the tasks that Slurm runs now."""
    return bench.slurm.run("squeue", "-hr", "-t", "R", "-o", "%i").split()


def test_two_nodes_work_at_once_and_fill_the_table_that_the_local_launcher_fills(bench):
    code, said = bench.call(*bench.asked("--repeats", "3"))
    assert code == ExitCode.OK, said
    records = bench.records()
    assert {record["status"] for record in records.values()} == {Status.OK}
    assert {record["identity"]["node"] for record in records.values()} == {"n1", "n2"}
    spans: dict[str, list[tuple[float, float]]] = {"n1": [], "n2": []}
    for record in records.values():
        began = datetime.fromisoformat(record["started"]).timestamp()
        spans[record["identity"]["node"]].append((began, began + record["wall_seconds"]))
    for own in spans.values():
        assert all(a[1] <= b[0] + 0.01 for a, b in pairwise(sorted(own)))
    assert any(a[0] < b[1] and b[0] < a[1] for a in spans["n1"] for b in spans["n2"]), spans
    assert "Seconds per epoch" in said
    assert said.count(": ok in") == len(records) == 3 * len(MODELS)
    local = ("--launcher", "local", "--python", str(bench.python), "--device", "cpu", "--config",
             NAME, "--model", *MODELS, "--data", "synthetic", "--samples", "8", "--epochs", "3",
             "--repeats", "3", "--threads", "1", "--name", "here", "--wait", "290")  # fmt: skip
    code, said = bench.call(*local)
    assert code == ExitCode.OK, said
    on_cluster = summarize(bench.rows())[OF_A_CELL]
    assert on_cluster.equals(summarize(load_runs(bench.root / "runs" / "here"))[OF_A_CELL])


def test_jax_trains_on_both_nodes_and_gives_the_cells_that_it_gives_here(slurm, tmp_path):
    python_of("jax-k3")
    asked = [sys.executable, "-m", "runner", "--config", "jax-k3", "--model", "mnist_mlp",
             "--device", "cpu", "--data", "synthetic", "--samples", "128", "--epochs", "2",
             "--repeats", "2", "--threads", "1", "--results", tmp_path]  # fmt: skip
    environment = {n: v for n, v in os.environ.items() if n != "DOCKER_HOST"} | slurm.environment
    cells = []
    for launcher in (["slurm", "--inside", "local"], ["local", "--wait", "290"]):
        told = subprocess.run(
            [*asked, "--launcher", *launcher, "--name", launcher[0]], cwd=paths.ROOT, check=False,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=290,
        )  # fmt: skip
        assert told.returncode == ExitCode.OK, told.stdout
        cells.append(summarize(load_runs(tmp_path / launcher[0]))[OF_A_CELL])
    assert cells[0].equals(cells[1])
    assert set(load_runs(tmp_path / "slurm")["node"]) == {"n1", "n2"}


def test_a_job_gets_the_card_that_slurm_gave_its_task(bench, libraries):
    cards = ["GPU-" + str(uuid.uuid4()) for _ in range(2)]
    answers = bench.root / "answers"
    answers.write_text("".join(f"uuid{n}={card}\n" for n, card in enumerate(cards)) + "count=2\n")
    bench.environment |= {
        "NVML_ANSWERS": str(answers), "LD_LIBRARY_PATH": str(libraries["current"].parent),
    }  # fmt: skip
    asked = ["gpu" if word == "cpu" else word for word in bench.asked("--slurm", "nodelist=n1")]
    code, said = bench.call(*asked)
    assert code == ExitCode.OK, said
    for name, record in bench.records().items():
        assert record["device_uuid"] == cards[0]
        log = (bench.folder / "jobs" / name / "log.txt").read_text()
        assert json.loads(log.partition("\n")[0])["card"] == cards[0]
        assert record["driver"]
    assert "--gres=gpu:1" in (bench.folder / "queue" / "1" / "script.sh").read_text()


def test_a_container_ends_with_its_task_and_one_that_was_left_goes_at_the_next(
    bench, engine, base_image
):
    """The engine's daemon started it: Slurm does not know it."""

    def containers():
        label = "keras-backend-benchmarks.run=night"
        return engine.client.containers.list(all=True, filters={"label": label})

    bench.environment["DOCKER_HOST"] = os.environ["DOCKER_HOST"]
    behave(bench.root, mnist_mlp="hangs")
    asked = [*bench.asked("--inside", "docker", "--base-image", base_image, "--model", "mnist_mlp")]
    where = asked.index("--python")
    del asked[where : where + 2]
    where = asked.index("mnist_cnn")
    del asked[where]
    code, said = bench.call(*asked, "--detach")
    assert code == ExitCode.OK, said
    appears(lambda: len(bench.running()) == 1)
    assert len(containers()) == 1
    assert bench.call("cancel", "night")[0] == ExitCode.OK
    appears(lambda: not containers())
    assert bench.call("collect", "night")[0] == ExitCode.JOBS_NOT_OK
    assert bench.call("--resume", "night", "--detach")[0] == ExitCode.OK
    appears(lambda: len(bench.running()) == 1)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if b"work" in (words := path.read_bytes().split(b"\0")) and (
                str(bench.folder).encode() in words
            ):
                os.kill(int(path.parent.name), signal.SIGKILL)
    code, said = bench.call("collect", "night")
    assert code == ExitCode.JOBS_NOT_OK, said
    [left] = containers()
    assert bench.call("--resume", "night", "--retry", "failed", "--detach")[0] == ExitCode.OK
    appears(lambda: len(bench.running()) == 1)
    [own] = containers()
    assert own.id != left.id
    assert bench.call("cancel", "night")[0] == ExitCode.OK
    appears(lambda: not containers())


def test_a_run_goes_on_without_its_command_and_is_collected_later(bench):
    code, said = bench.call(*bench.asked("--repeats", "2", "--detach"))
    assert code == ExitCode.OK, said
    assert "goes on without this command" in said
    code, told = bench.call("status", "night", "--json")
    assert code == ExitCode.OK, told
    assert json.loads(told)["jobs"] == 2 * len(MODELS)
    appears(lambda: len(bench.records()) == 2 * len(MODELS))
    code, said = bench.call("status", "night")
    assert f"{2 * len(MODELS)} of {2 * len(MODELS)} jobs have ended (4 ok)" in said
    code, said = bench.call("collect", "night")
    assert code == ExitCode.OK, said
    assert "Seconds per epoch" in said


def test_a_cancelled_run_keeps_what_ended_and_goes_on_when_it_is_told_to(bench):
    behave(bench.root, mnist_cnn="hangs")
    assert bench.call(*bench.asked("--repeats", "2", "--detach"))[0] == ExitCode.OK
    appears(lambda: len(bench.running()) == 2 or len(bench.records()) == 2)
    appears(lambda: any("cnn" in name for name in bench.running()))
    code, said = bench.call("cancel", "night")
    assert code == ExitCode.OK, said
    code, said = bench.call("collect", "night")
    assert code == ExitCode.JOBS_NOT_OK, said
    ends = {name: (record["status"], record["reason"]) for name, record in bench.records().items()}
    assert len(ends) == 2 * len(MODELS)
    cancelled = [reason for status, reason in ends.values() if status == Status.INTERRUPTED]
    assert cancelled
    assert all("its task was cancelled" in reason for reason in cancelled), ends
    assert list((bench.root / "tmp").glob("bench-job-*")) == []
    behave(bench.root)
    code, said = bench.call("--resume", "night")
    assert code == ExitCode.OK, said
    assert {record["status"] for record in bench.records().values()} == {Status.OK}


def test_a_cancelled_task_is_the_users_wish_and_is_not_handed_in_again(bench):
    behave(bench.root, mnist_mlp="hangs")
    process = bench.start(*bench.asked())
    appears(lambda: any("mlp" in name for name in bench.running()))
    appears(lambda: len(bench.records()) == 1)

    appears(lambda: len(at_work(bench)) == 1)
    bench.slurm.run("scancel", *at_work(bench))
    assert process.wait(timeout=120) == ExitCode.JOBS_NOT_OK
    ends = {record["status"]: record["reason"] for record in bench.records().values()}
    assert set(ends) == {Status.OK, Status.INTERRUPTED}
    assert "its task was cancelled on node n" in ends[Status.INTERRUPTED]


def test_the_time_limit_of_a_task_is_a_timeout(bench):
    behave(bench.root, mnist_mlp="hangs")
    code, said = bench.call(*bench.asked("--time", "1", "--model", "mnist_mlp"))
    assert code == ExitCode.JOBS_NOT_OK, said
    [record] = [r for name, r in bench.records().items() if "mlp" in name]
    assert record["status"] == Status.TIMEOUT
    assert "time limit of a task ran out (--time)" in record["reason"]


def test_a_task_whose_node_is_taken_for_another_begins_again(bench):
    behave(bench.root, mnist_mlp="hangs")
    process = bench.start(*bench.asked("--partition", "all"))
    appears(lambda: any("mlp" in name for name in bench.running()))
    behave(bench.root)
    script = bench.root / "urgent.sh"
    script.write_text("#!/bin/bash\nsleep 1\n")
    bench.slurm.run("sbatch", "--partition=urgent", "--nodes=2", "--exclusive",
                    "--output=/dev/null", str(script))  # fmt: skip
    assert process.wait(timeout=240) == ExitCode.OK, (bench.root / "output.txt").read_text()
    assert {record["status"] for record in bench.records().values()} == {Status.OK}
    assert max(record["attempt"] for record in bench.records().values()) == 2


@pytest.mark.timeout(1800)
def test_two_hundred_jobs_survive_whatever_ends_under_them(bench):
    """A node fails, the controller restarts, a task is cancelled, the command is killed."""
    jobs = 100 * len(MODELS)
    process = bench.start(*bench.asked("--repeats", "100", epochs=2))
    appears(lambda: len(bench.records()) >= 5)
    bench.slurm.kill_controller()
    appears(lambda: len(bench.running()) >= 1)
    bench.slurm.start_controller()
    appears(lambda: len(bench.records()) >= 20)
    bench.kill_node("n1")
    appears(lambda: "down" in bench.slurm.run("sinfo", "-hN", "-o", "%N %T", check=False))
    bench.slurm.start_node("n1")
    appears(lambda: len(bench.records()) >= 60)
    appears(lambda: at_work(bench))
    bench.slurm.run("scancel", *at_work(bench)[:1])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    code, said = bench.call("--resume", "night", timeout=900)
    assert code == ExitCode.OK, said
    records = bench.records()
    assert len(records) == jobs
    assert {record["status"] for record in records.values()} == {Status.OK}
    rows = bench.rows()
    assert not rows.duplicated(["job", "epoch"]).any()
    assert rows.groupby("job")["epoch"].count().tolist() == [2] * jobs
    assert {record["identity"]["node"] for record in records.values()} == {"n1", "n2"}
