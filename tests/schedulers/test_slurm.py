"""Slurm's answers, read; and what it is asked."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import MachineError, UsageError
from runner.schedulers.base import FORGOTTEN, Allotment, Cause, TaskState, Work
from runner.schedulers.slurm import Slurm, options_of, plain_environment, state_of


class Said:
    """Stands for Slurm's commands: gives the next answer, and keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, command):
        self.asked.append(list(command))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        code, out, err = answer if isinstance(answer, tuple) else (0, answer, "")
        return subprocess.CompletedProcess(command, code, out, err)


def slurm(*answers, **changes):
    said = Said(*answers)
    return Slurm(run=said, sleep=lambda _: None, **changes), said


def test_tasks_are_read_in_every_form_in_which_squeue_lists_them():
    rows = (
        "N/A|CANCELLED||Resources\n0|RUNNING|n1|None\n1|COMPLETED|n2|None\n"
        "2|PENDING||PartitionTimeLimit\n[4-5,7]|PENDING||Priority\n6|NODE_FAIL|n1|NodeDown\n"
    )
    queue, _ = slurm(rows)
    found = queue.tasks("10", range(9))
    assert (found[0].state, found[0].node) == (TaskState.RUNNING, "n1")
    assert (found[1].state, found[1].cause) == (TaskState.ENDED, Cause.DONE)
    assert found[2].is_stuck
    assert [found[n].reason for n in (4, 5, 7)] == ["Priority"] * 3
    assert not found[4].is_stuck
    assert found[6].cause is Cause.NODE
    assert {found[n].cause for n in (3, 8)} == {Cause.CANCELLED}


def test_a_task_that_failed_with_its_node_is_not_to_blame():
    assert state_of("FAILED", "n1", "JobLaunchFailure").cause is Cause.NODE
    assert state_of("FAILED", "n1", "NonZeroExitCode").cause is Cause.FAILED


def test_what_the_controller_has_forgotten_is_asked_of_the_accounting_or_is_unknown():
    forgotten = (1, "", "slurm_load_jobs error: Invalid job id specified")
    queue, _ = slurm(forgotten, (1, "", "Slurm accounting storage is disabled"))
    assert queue.tasks("10", [0]) == {0: FORGOTTEN}
    kept = "10_0|COMPLETED|n1\n10_1|CANCELLED by 0|n2\n10_2|OUT_OF_MEMORY|n2\n"
    queue, _ = slurm(forgotten, kept)
    found = queue.tasks("10", range(4))
    assert [found[n].cause for n in range(4)] == [
        Cause.DONE, Cause.CANCELLED, Cause.MEMORY, Cause.UNKNOWN,
    ]  # fmt: skip


@given(st.text(alphabet=st.characters(exclude_characters="|\n\r"), max_size=30))
def test_any_word_for_a_state_is_one_of_three(word):
    found = state_of(word, None, "")
    assert (found.cause is not None) == (found.state is TaskState.ENDED)


def test_a_controller_that_restarts_is_waited_for_and_one_that_stays_away_is_an_error():
    away = (1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    heard: list[str] = []
    queue, said = slurm(away, away, "0|RUNNING|n1|None\n", say=heard.append)
    assert queue.tasks("10", [0])[0].state is TaskState.RUNNING
    assert len(said.asked) == 3
    assert len(heard) == 1
    queue, _ = slurm(away, patience=0)
    with pytest.raises(MachineError, match="controller does not answer.*\n.*scontrol ping"):
        queue.tasks("10", [0])


def test_a_machine_without_slurm_is_told_where_to_go():
    queue, _ = slurm(FileNotFoundError("sinfo"))
    with pytest.raises(MachineError, match="no Slurm here: sinfo is not installed.*\n.*login node"):
        queue.nodes(Allotment({}, 0))


NODES = """\
a1|gpu*|idle|64|gpu:a100:4(S:0-1)|a100,big
a2|gpu*|mixed|64|gpu:a100:4(S:0-1)|a100
a3|gpu*|down*|64|gpu:a100:4|a100
c1|cpu|idle~|128|(null)|(null)
c1|all|idle~|128|(null)|(null)
"""


def test_nodes_are_those_of_the_partition_and_the_feature():
    def names(**options):
        return [node.name for node in slurm(NODES)[0].nodes(Allotment(options, 1))]

    assert names() == ["a1", "a2", "a3"]
    assert names(partition="cpu") == ["c1"]
    assert names(partition="gpu,all") == ["a1", "a2", "a3", "c1"]
    assert names(constraint="big") == ["a1"]
    # What it means Slurm alone knows.
    assert names(constraint="big|a100") == ["a1", "a2", "a3"]
    found = {node.name: node for node in slurm(NODES)[0].nodes(Allotment({"partition": "gpu"}, 1))}
    assert [found[name].is_usable for name in ("a1", "a2", "a3")] == [True, True, False]
    assert found["a1"].gpus == 4
    [asleep] = slurm(NODES)[0].nodes(Allotment({"partition": "cpu"}, 0))
    assert (asleep.is_usable, asleep.gpus, asleep.cpus) == (True, 0, 128)


def test_a_task_has_a_node_to_itself_unless_other_is_said():
    whole = {"exclusive": "", "mem": "0", "requeue": ""}
    assert options_of(Allotment({}, 1)) == {**whole, "gres": "gpu:1"}
    assert options_of(Allotment({}, 0)) == whole
    # Who shares a node, or says how much, does not take all of its memory.
    assert "mem" not in options_of(Allotment({"exclusive": "no"}, 0))
    assert "mem" not in options_of(Allotment({"mem-per-cpu": "2G"}, 0))
    assert options_of(Allotment({"mem": "8G"}, 0))["mem"] == "8G"
    given_ = {"exclusive": "no", "cpus-per-task": "8", "no-requeue": "", "gpus": "a100:1"}
    assert options_of(Allotment(given_, 1)) == {
        "cpus-per-task": "8", "no-requeue": "", "gpus": "a100:1",
    }  # fmt: skip
    assert options_of(Allotment({"gres": "gpu:v100:1"}, 1))["gres"] == "gpu:v100:1"


def a_work(folder, lines=("one", "two")):
    command = ["py thon", "-m", "runner", "work", "a run"]
    return Work("keras-bench-night", folder, Path("/a checkout"), command, list(lines))


def test_the_script_runs_the_line_of_its_number_whatever_the_names_hold(tmp_path):
    folder = tmp_path / "it's a run"
    script = Slurm().script(a_work(folder), Allotment({"comment": "it's mine"}, 0))
    assert "#SBATCH --array=0-1" in script
    assert shlex.split(re.search("#SBATCH (.*--comment=.*)", script)[1]) == ["--comment=it's mine"]
    # Bash itself reads it, with a command in place of the real one.
    folder.mkdir()
    (folder / "lines.txt").write_text("one\ntwo words\n")
    plain = re.sub("^cd .*", "", script, flags=re.MULTILINE).replace("exec 'py thon'", "echo")
    told = subprocess.run(
        ["bash", "-c", plain], env={"SLURM_ARRAY_TASK_ID": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "-m runner work a run two words\n"


def test_what_slurm_refuses_leaves_nothing(tmp_path):
    refusal = "sbatch: error: invalid partition specified: x\nsbatch: error: Batch failed"
    queue, _ = slurm((1, "", refusal))
    with pytest.raises(UsageError, match="refuses the jobs: invalid partition specified: x; Batch"):
        queue.submit(a_work(tmp_path / "1"), Allotment({}, 0))
    assert list(tmp_path.iterdir()) == []


def test_what_is_handed_in_is_named_without_its_cluster(tmp_path):
    queue, said = slurm("123;cluster\n")
    assert queue.submit(a_work(tmp_path / "1"), Allotment({}, 0)) == "123"
    assert (tmp_path / "1" / "lines.txt").read_text() == "one\ntwo\n"
    [[*asked, script]] = said.asked
    assert asked[:2] == ["sbatch", "--parsable"]
    assert script == str(tmp_path / "1" / "script.sh")
    # Variables that a site sets rank above the lines of a script, not above options.
    shown = [line.removeprefix("#SBATCH ") for line in Path(script).read_text().splitlines()
             if line.startswith("#SBATCH")]  # fmt: skip
    assert [shlex.split(line) for line in shown] == [[option] for option in asked[2:]]


def test_no_variable_changes_what_slurm_is_asked():
    hostile = ["SQUEUE_PARTITION", "SQUEUE_STATES", "SBATCH_PARTITION", "SBATCH_TIMELIMIT",
               "SBATCH_ARRAY_INX", "SINFO_PARTITION", "SINFO_FORMAT", "SCANCEL_STATE",
               "SACCT_FORMAT", "SCONTROL_ALL", "SLURM_TIME_FORMAT", "SLURM_CLUSTERS",
               "SLURM_JOB_ID", "SLURM_MEM_PER_NODE"]  # fmt: skip
    kept = ["SLURM_CONF", "SLURM_JWT", "SBATCH_ACCOUNT", "SBATCH_QOS", "PATH", "SSL_CERT_FILE"]
    assert list(plain_environment(dict.fromkeys([*hostile, *kept], "x"))) == kept


def test_what_is_not_passed_on_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("SBATCH_PARTITION", "urgent")
    heard: list[str] = []
    queue, _ = slurm("123\n", say=heard.append)
    queue.submit(a_work(tmp_path / "1"), Allotment({}, 0))
    assert heard == ["not passed on to Slurm: SBATCH_PARTITION; --slurm NAME=VALUE asks for it"]


def test_many_tasks_are_cancelled_in_parts():
    queue, said = slurm("", "")
    queue.cancel("10", range(150))
    assert [command[-1].count(",") + 1 for command in said.asked] == [100, 50]


def test_a_process_in_a_task_knows_its_node():
    assert Slurm().this_task({}) is None
    here = Slurm().this_task({"SLURM_JOB_ID": "3", "SLURMD_NODENAME": "n1",
                              "SLURM_RESTART_COUNT": "2"})  # fmt: skip
    assert (here.node, here.restarts) == ("n1", 2)
    assert Slurm().this_task({"SLURM_JOB_ID": "3"}).restarts == 0


def test_how_many_tasks_go_together_is_the_clusters():
    assert slurm("MaxArraySize            = 1001\n")[0].most_tasks() == 1001
    assert slurm("nothing of it\n")[0].most_tasks() == 1000
