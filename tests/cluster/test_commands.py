"""The commands for a run on a cluster, with a queue in memory: what they print, how they end."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from made_queue import RUNNING, MadeQueue, ended
from made_runs import events, write_job
from patching import patch_everywhere
from runner import paths
from runner.cli.app import main
from runner.cluster.follow import Follower
from runner.errors import ExitCode, UsageError
from runner.schedulers.base import Cause, Node, Task, TaskState
from runner.schedulers.choose import scheduler_for
from runner.store.record import planned_of, read_manifest
from runner.store.run_folder import RunStore


class Bench:
    """A machine that can hand jobs in to a queue in memory."""

    def __init__(self, root, queue, capsys):
        self.root, self.queue, self._capsys = root, queue, capsys

    def call(self, *arguments):
        code = main([*arguments, "--results", str(self.root)])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    def run(self, *more):
        return self.call(
            "--launcher", "slurm", "--device", "cpu", "--config", "mxnet-k122", "--model",
            "mnist_mlp", "--epochs", "3", "--data", "synthetic", "--seed", "1", "--threads", "1",
            "--image-data-format", "channels_last", "--name", "night", *more,
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        return self.root / "night"

    def jobs(self):
        return planned_of(read_manifest(self.folder), self.folder)

    def ends_well(self, *jobs):
        for job in jobs:
            write_job(RunStore(self.folder), job, events(job))
            self.queue.say(job.id, ended(Cause.DONE))


@pytest.fixture
def bench(tmp_path, monkeypatch, capsys):
    queue = MadeQueue()
    patch_everywhere(monkeypatch, scheduler_for, lambda launcher, say: queue)
    monkeypatch.setattr(paths, "cache", lambda: tmp_path / "cache")
    patch_everywhere(monkeypatch, Follower, partial(Follower, settle=0.0))
    return Bench(tmp_path / "runs", queue, capsys)


def test_a_run_is_handed_in_and_left(bench):
    code, _, err = bench.run("--repeats", "3", "--detach")
    assert code == ExitCode.OK
    assert "run night goes on without this command" in err
    [work] = bench.queue.works
    assert sorted(work.lines) == sorted(job.id for job in bench.jobs())
    assert work.command[1:4] == ["-m", "runner", "work"]
    assert work.command[-1] == str(bench.folder)
    assert read_manifest(bench.folder)["request"]["launcher"] == "slurm"
    # What the nodes are is not known here.
    assert not {"kernel", "cpu_model"} & read_manifest(bench.folder)["identity"].keys()


def test_how_far_it_is_is_said_for_people_and_for_programs(bench):
    bench.run("--repeats", "4", "--detach")
    first, second, third, _ = bench.jobs()
    bench.ends_well(first)
    bench.queue.say(second.id, RUNNING)
    bench.queue.say(third.id, ended(Cause.NODE, "NODE_FAIL"))
    code, out, _ = bench.call("status")
    assert code == ExitCode.OK
    assert out.splitlines() == [
        "night: 1 of 4 jobs have ended (1 ok)",
        "1 waiting (Priority), 1 running on n1",
        *sorted([
            f"  {second.id}: running on n1",
            f"  {third.id}: its task has ended on n1 (NODE_FAIL), and it has no result yet",
        ]),
    ]  # fmt: skip
    _, out, _ = bench.call("status", "night", "--json")
    told = json.loads(out)
    assert told["ended"] == {"ok": 1}
    assert told["tasks"][second.id]["state"] == "running"


def test_collect_waits_for_what_was_handed_in_and_hands_nothing_in(bench):
    bench.run("--repeats", "2", "--detach")
    first, second = bench.jobs()
    bench.ends_well(first)
    bench.queue.say(second.id, ended(Cause.NODE))
    code, out, _ = bench.call("collect")
    assert code == ExitCode.JOBS_NOT_OK
    assert "Seconds per epoch" in out
    told = " ".join(out.split())
    assert f"/2] {second.id} interrupted: its node failed on node n1" in told
    assert len(bench.queue.works) == 1


def test_collect_does_not_wait_for_what_was_never_handed_in(bench):
    """The command that handed in was killed in between."""
    bench.run("--repeats", "2", "--detach")
    first, second = sorted(bench.jobs(), key=lambda job: bench.queue.works[0].lines.index(job.id))
    bench.ends_well(first)
    path = bench.folder / "queue" / "1" / "submission.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "jobs": kept["jobs"][:1]}))
    code, out, _ = bench.call("collect")
    assert code == ExitCode.JOBS_NOT_OK
    assert "1 job was never handed in: go on with --resume night" in out
    assert f"1 not handed in: go on with --resume {bench.folder.name}" in bench.call("status")[1]
    assert second.id not in out


def test_a_password_that_the_nodes_would_not_get_is_refused(bench):
    code, _, err = bench.run("--package-index", "https://me:secret@packages.example/simple")
    assert code == ExitCode.USAGE
    assert "password" in err
    assert "secret" not in err
    assert bench.queue.works == []
    assert not bench.folder.exists()


def test_a_run_goes_on_with_what_neither_ended_nor_waits(bench):
    bench.run("--repeats", "3", "--detach")
    first, second, third = bench.jobs()
    bench.ends_well(first)
    bench.queue.say(second.id, ended(Cause.CANCELLED))
    code, _, err = bench.call("--resume", "night", "--partition", "other", "--detach")
    assert code == ExitCode.OK, err
    assert [list(work.lines) for work in bench.queue.works[1:]] == [[second.id]]
    assert read_manifest(bench.folder)["request"]["partition"] == "other"
    assert third.id in bench.queue.works[0].lines


def test_cancelling_ends_what_waits_and_runs_and_nothing_else(bench):
    bench.run("--repeats", "3", "--detach")
    first, second, _ = bench.jobs()
    bench.ends_well(first)
    bench.queue.say(second.id, RUNNING)
    code, _, err = bench.call("cancel", "night")
    assert code == ExitCode.OK
    assert "2 tasks of run night cancelled" in err
    assert len(bench.queue.cancelled) == 2
    assert "0 tasks" in bench.call("cancel", "night")[2]


def test_an_unsupported_job_is_handed_to_no_node(bench):
    code, _, _ = bench.run("--precision", "tf32", "--detach")
    assert code == ExitCode.OK
    assert bench.queue.works == []
    assert "(1 unsupported)" in bench.call("status", "night")[1]


def test_a_new_run_that_the_queue_refuses_leaves_nothing(bench, monkeypatch):
    def refuses(work, allotment):
        raise UsageError("Slurm refuses the jobs: no such account")

    monkeypatch.setattr(bench.queue, "submit", refuses)
    code, _, err = bench.run()
    assert code == ExitCode.USAGE
    assert "no such account" in err
    assert not bench.folder.exists()


def test_what_would_be_handed_in_is_shown(bench):
    code, out, _ = bench.run("--repeats", "2", "--dry-run")
    assert code == ExitCode.OK
    assert "mxnet-k122.mxnet.mnist_mlp.1\n" in out
    assert "2 at a time" in out
    assert bench.queue.works == []
    assert not bench.root.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--until", "2%"), "they take one machine"),
        (("--budget", "10m"), "they take one machine"),
        (("--gpu", "0"), "Slurm gives each job its card"),
        (("--python", "/x", "--inside", "docker"), "leave out --inside docker"),
        (("--partition", "a\nb"), "--partition"),
    ],
)
def test_what_a_cluster_decides_or_cannot_do_is_refused(bench, arguments, said):
    code, _, err = bench.run(*arguments)
    assert code == ExitCode.USAGE
    assert said in err
    assert not bench.root.exists()


@pytest.mark.parametrize("option", ["--partition", "--account", "--constraint", "--time",
                                    "--slurm", "--inside"])  # fmt: skip
def test_an_option_of_a_cluster_needs_one(bench, option):
    value = "local" if option == "--inside" else "x=y"
    code, _, err = bench.call("--launcher", "local", "--device", "cpu", option, value)
    assert code == ExitCode.USAGE
    assert f"{option} needs --launcher slurm" in err
    assert bench.call("--launcher", "local", "--device", "cpu", "--detach")[0] == ExitCode.USAGE


@pytest.mark.parametrize("command", ["status", "collect", "cancel"])
def test_a_run_of_this_machine_is_on_no_cluster(bench, command):
    bench.run("--detach")
    manifest = json.loads((bench.folder / "manifest.json").read_text())
    manifest["request"]["launcher"] = "local"
    (bench.folder / "manifest.json").write_text(json.dumps(manifest))
    code, _, err = bench.call(command, "night")
    assert code == ExitCode.USAGE
    assert "run night is not on a cluster: its jobs ran with --launcher local" in err


def test_work_outside_a_task_says_whose_it_is(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench.queue, "this_task", lambda environ: None)
    assert main(["work", str(tmp_path), "x"]) == ExitCode.USAGE


def test_options_that_are_the_runners_own_are_refused(bench):
    code, _, err = bench.run("--slurm", "array=1-3")
    assert code == ExitCode.USAGE
    assert "--slurm array: the runner sets it itself" in err


def test_nodes_out_of_service_are_told_by_the_doctor(bench, monkeypatch):
    there = [Node("a", 4, 1, is_usable=True, state="idle"),
             Node("b", 8, 1, is_usable=False, state="down*")]  # fmt: skip
    monkeypatch.setattr(bench.queue, "nodes", lambda allotment: there)
    code, out, _ = bench.call("doctor", "--launcher", "slurm", "--data", "synthetic")
    assert code == ExitCode.OK
    assert "1 nodes, 4 CPUs each or more; jobs are for the gpu" in " ".join(out.split())
    assert "b is down*" in out
    monkeypatch.setattr(bench.queue, "nodes", lambda allotment: there[1:])
    code, out, _ = bench.call("doctor", "--launcher", "slurm", "--data", "synthetic")
    assert code == ExitCode.MACHINE
    assert "can be given a job: b is down*" in " ".join(out.split())


def test_a_task_that_cannot_begin_is_told_as_such(bench):
    bench.run("--detach")
    [job] = bench.jobs()
    bench.queue.say(job.id, Task(TaskState.WAITING, "PartitionTimeLimit", is_stuck=True))
    assert "1 of them will not begin by themselves" in bench.call("status")[1]
