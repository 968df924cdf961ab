"""Runs through a real Slurm, left, cancelled and broken off: nothing is lost, nothing is twice."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid

import pytest

from made_project import MODELS, behave
from real_slurm import NODES
from runner.errors import ExitCode
from runner.spec.job import Status
from waiting import appears


def at_work(bench):
    """Return the tasks that Slurm runs now."""
    return bench.slurm.run("squeue", "-hr", "-t", "R", "-o", "%i").split()


def test_a_job_gets_the_card_that_slurm_gave_its_task(bench, libraries):
    cards = ["GPU-" + str(uuid.uuid4()) for _ in range(2)]
    answers = bench.root / "answers"
    answers.write_text("".join(f"uuid{n}={card}\n" for n, card in enumerate(cards)) + "count=2\n")
    bench.environment |= {
        "NVML_ANSWERS": str(answers), "LD_LIBRARY_PATH": str(libraries["current"].parent),
    }  # fmt: skip
    on_one = bench.asked("--slurm", f"nodelist={NODES[0]}")
    asked = ["gpu" if word == "cpu" else word for word in on_one]
    code, said = bench.call(*asked)
    assert code == ExitCode.OK, said
    for name, record in bench.records().items():
        assert record["device_uuid"] == cards[0]
        log = (bench.folder / "jobs" / name / "log.txt").read_text()
        assert json.loads(log.partition("\n")[0])["card"] == cards[0]
        assert record["driver"]
    assert "--gres=gpu:1" in (bench.folder / "queue" / "1" / "script.sh").read_text()


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
    told = ends[Status.INTERRUPTED]
    assert any(f"its task was cancelled on node {node}" in told for node in NODES), told


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


# What a site or a person may have set for commands of their own.
HOSTILE = {
    "SQUEUE_PARTITION": "urgent", "SQUEUE_STATES": "PENDING", "SQUEUE_FORMAT": "%i",
    "SQUEUE_USERS": "nobody", "SBATCH_PARTITION": "urgent", "SBATCH_TIMELIMIT": "7",
    "SBATCH_ARRAY_INX": "0-9", "SBATCH_NO_REQUEUE": "1", "SBATCH_HOLD": "1",
    "SBATCH_OPEN_MODE": "truncate", "SINFO_PARTITION": "urgent", "SINFO_FORMAT": "%N",
    "SCANCEL_STATE": "PENDING", "SLURM_CLUSTERS": "elsewhere", "SLURM_TIME_FORMAT": "relative",
    "SLURM_MEM_PER_NODE": "1", "SLURM_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "3",
}  # fmt: skip


def test_no_variable_changes_what_is_asked_of_the_queue(bench):
    bench.environment |= HOSTILE
    code, said = bench.call(*bench.asked("--partition", "all", "--time", "30"))
    assert code == ExitCode.OK, said
    assert "not passed on to Slurm: SBATCH_ARRAY_INX" in said
    [kept] = bench.folder.glob("queue/*/submission.json")
    shown = bench.slurm.run("scontrol", "show", "job", json.loads(kept.read_text())["name"])
    assert shown.count("Partition=all") == shown.count("TimeLimit=00:30:00") == len(MODELS)
    assert {record["attempt"] for record in bench.records().values()} == {1}


@pytest.mark.timeout(1800)
def test_two_hundred_jobs_survive_whatever_ends_under_them(bench):
    """A node fails, the controller restarts, a task is cancelled, the command is killed."""
    jobs = 100 * len(MODELS)
    process = bench.start(*bench.asked("--repeats", "100", epochs=2))
    appears(lambda: len(bench.records()) >= 5, 600)
    bench.slurm.stop_controller()
    # The command asks every few seconds, and is told nothing meanwhile.
    time.sleep(8)
    bench.slurm.start_controller()
    appears(lambda: len(bench.records()) >= 20, 600)
    bench.slurm.kill_node(NODES[0])
    appears(lambda: "down" in bench.slurm.run("sinfo", "-hN", "-o", "%N %T", check=False))
    bench.slurm.start_node(NODES[0])
    appears(lambda: len(bench.records()) >= 60, 600)
    appears(lambda: at_work(bench), 600)
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
    assert {record["identity"]["node"] for record in records.values()} == set(NODES)
