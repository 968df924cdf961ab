"""Slurm, by its own commands: sbatch, squeue, scontrol, sinfo and scancel.

Nothing is asked of its accounting (sacct), which many clusters do not keep, unless the controller
has forgotten a task. The formats are those of ``man squeue`` and ``man sinfo``, which have been the
same since version 17; tried with 22.05.
"""

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.errors import MachineError, UsageError
from runner.schedulers.base import (
    FORGOTTEN,
    Allotment,
    Cause,
    Node,
    Scheduler,
    Task,
    TaskHere,
    TaskState,
    Work,
)

# The controller may be restarted while a run goes on.
PATIENCE_SECONDS = 600.0
_PAUSE_SECONDS = 2.0
_ANSWER_SECONDS = 120
_AWAY = re.compile(
    "unable to contact slurm controller|connection (refused|timed out|reset)|socket timed out|"
    "zero bytes were transmitted|unable to establish controller machine|"
    "slurm backup controller in standby mode",
    re.IGNORECASE,
)
_UNKNOWN_ID = re.compile("invalid job id", re.IGNORECASE)
_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
                      "RESV_DEL_HOLD", "SPECIAL_EXIT"})  # fmt: skip
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT",
                      "RESIZING"})  # fmt: skip
# Of the reasons to wait, those that stay until somebody asks for something else.
_STUCK = re.compile("PartitionTimeLimit|PartitionNodeLimit|BadConstraints|JobHeld|"
                    "DependencyNeverSatisfied|InvalidAccount|InvalidQOS|NotFitAssoc|NODE_CONFIG|"
                    "launch failed requeued held")  # fmt: skip
# What is said of a task that failed with its node: its daemon ended, and then the task (22.05).
_NOT_BY_ITSELF = "JobLaunchFailure"
_CAUSES = {
    "COMPLETED": Cause.DONE,
    "TIMEOUT": Cause.TIME_LIMIT,
    "DEADLINE": Cause.TIME_LIMIT,
    "OUT_OF_MEMORY": Cause.MEMORY,
    "CANCELLED": Cause.CANCELLED,
    "PREEMPTED": Cause.PREEMPTED,
    "REVOKED": Cause.PREEMPTED,
    "NODE_FAIL": Cause.NODE,
    "BOOT_FAIL": Cause.NODE,
    "LAUNCH_FAILED": Cause.NODE,
}
# Of a node's state, what keeps it from getting tasks until somebody does something.
_OUT = re.compile("down|drain|drng|fail|maint|unk|inval|perfctrs|power(ing)?_down|no_respond", re.I)
# What the runner itself needs to be as it is.
_RESERVED = frozenset({"array", "output", "open-mode", "parsable", "wrap", "nodes", "ntasks",
                      "chdir", "job-name"})  # fmt: skip
_NO = "no"
# Variables by which Slurm's commands take options that nobody gave them here. Those that stay say
# which cluster it is, who asks, and who pays.
_OPTIONS = re.compile(
    r"(SBATCH|SQUEUE|SINFO|SCANCEL|SACCT|SCONTROL|SLURM)_(?!(CONF|JWT|ACCOUNT|QOS|RESERVATION)$)\w*"
)
Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Slurm's commands are called with."""
    return {name: value for name, value in environ.items() if not _OPTIONS.fullmatch(name)}


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False,
        env=plain_environment(os.environ),
    )  # fmt: skip


def state_of(word: str, node: str | None, reason: str) -> Task:
    """Return a task by the word that squeue or sacct has for its state.

    sacct writes "CANCELLED by 1000", and what is cut at a width ends with "+".
    """
    plain = word.partition(" ")[0].removesuffix("+")
    if plain in _WAITING:
        return Task(TaskState.WAITING, reason, node, is_stuck=_STUCK.search(reason) is not None)
    if plain in _RUNNING:
        return Task(TaskState.RUNNING, reason, node)
    cause = Cause.NODE if reason == _NOT_BY_ITSELF else _CAUSES.get(plain, Cause.FAILED)
    return Task(TaskState.ENDED, plain, node, cause)


def options_of(allotment: Allotment) -> dict[str, str]:
    """Return what a task asks of sbatch: the whole node and a card, unless other is said.

    A default is left out by the value "no". A node of one's own comes with all CPUs and cards, but
    with no more memory than is asked for, all by 0 (``man sbatch``, "--exclusive").
    """
    usual = {"exclusive": "", "requeue": ""}
    names_memory = allotment.options.keys() & {"mem-per-cpu", "mem-per-gpu"}
    if allotment.options.get("exclusive") != _NO and not names_memory:
        usual["mem"] = "0"
    if allotment.gpus:
        usual["gres"] = f"gpu:{allotment.gpus}"
    if {"gpus", "gpus-per-node", "gpus-per-task"} & allotment.options.keys():
        usual.pop("gres", None)
    if "no-requeue" in allotment.options:
        usual.pop("requeue")
    left_out = {name for name in usual if allotment.options.get(name) == _NO}
    wanted = usual | dict(allotment.options)
    return {name: value for name, value in wanted.items() if name not in left_out}


def _error_line(text: str) -> str:
    """Return what a command complained of in one line, without its own name before each part."""
    parts = (re.sub(r"^\w+: ((error|fatal): )?", "", line).strip() for line in text.splitlines())
    return "; ".join(part for part in parts if part)


def _option(name: str, value: str) -> str:
    return f"--{name}={value}" if value else f"--{name}"


def _asked_of(work: Work, allotment: Allotment) -> list[str]:
    """Return all that sbatch is asked for, as its options."""
    own = {
        "job-name": work.name,
        "array": f"0-{len(work.lines) - 1}",
        "nodes": "1",
        "ntasks": "1",
        "output": str(work.folder / "task-%a.txt"),
        "open-mode": "append",
    }
    return [_option(name, value) for name, value in (own | options_of(allotment)).items()]


def _numbers(text: str) -> list[int]:
    """Return the numbers of "3", "0-4" or "1,7-9%2", as squeue writes the tasks of an array."""
    found: list[int] = []
    for part in text.partition("%")[0].split(","):
        first, _, last = part.strip("[] ").partition("-")
        if first.isdecimal():
            found += range(int(first), int(last if last.isdecimal() else first) + 1)
    return found


@dataclass(frozen=True)
class Slurm(Scheduler):
    """A cluster's Slurm as the commands on this machine reach it.

    ``run`` calls a command; a controller that is away is waited for, up to ``patience`` seconds.
    """

    run: Run = _run
    patience: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = field(default=lambda _: None)

    name = "slurm"
    reserved = _RESERVED

    def _asked(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Return what a command answered, once the controller is there."""
        deadline = time.monotonic() + self.patience
        is_announced = False
        while True:
            try:
                answer = self.run(command)
            except FileNotFoundError as error:
                raise MachineError(
                    f"no Slurm here: {command[0]} is not installed on this machine\n"
                    "call it where sbatch works, such as the cluster's login node"
                ) from error
            except subprocess.TimeoutExpired as error:
                problem = f"{command[0]} did not answer within {error.timeout:.0f} s"
            else:
                problem = answer.stderr.strip()
                if not (answer.returncode and _AWAY.search(problem)):
                    return answer
            if time.monotonic() >= deadline:
                raise MachineError(
                    f"Slurm's controller does not answer: {problem}\n"
                    "see what scontrol ping says; tasks that were handed in go on without it"
                )
            if not is_announced:
                self.say(f"Slurm's controller does not answer, asking again: {problem}")
                is_announced = True
            self.sleep(_PAUSE_SECONDS)

    def _answer(self, *command: str) -> str:
        """Return what a command printed. Raises MachineError where it failed."""
        answer = self._asked(*command)
        if answer.returncode:
            raise MachineError(f"Slurm does not answer: {_error_line(answer.stderr) or command[0]}")
        return answer.stdout

    def nodes(self, allotment: Allotment) -> list[Node]:
        rows = self._answer("sinfo", "--noheader", "--Node", "--format=%N|%P|%T|%c|%G|%f")
        partitions = allotment.options.get("partition", "").split(",")
        feature = allotment.options.get("constraint", "")
        found: dict[str, Node] = {}
        for row in rows.splitlines():
            name, partition, state, cpus, resources, features = row.split("|")
            is_default = partition.endswith("*")
            if not (is_default if partitions == [""] else partition.rstrip("*") in partitions):
                continue
            # Of what combines several features only Slurm itself knows what it means.
            if re.fullmatch(r"[\w.-]+", feature) and feature not in features.split(","):
                continue
            gpus = sum(map(int, re.findall(r"gpu(?::[^:,(]+)?:(\d+)", resources)))
            found[name] = Node(name, int(cpus), gpus, _OUT.search(state) is None, state)
        return list(found.values())

    def most_tasks(self) -> int:
        found = re.search(r"MaxArraySize\s*=\s*(\d+)", self._answer("scontrol", "show", "config"))
        # An array's numbers end below it.
        return max(1, int(found[1])) if found else 1000

    def script(self, work: Work, allotment: Allotment) -> str:
        listed = shlex.quote(str(work.folder / "lines.txt"))
        return "\n".join(
            [
                "#!/bin/bash",
                *(f"#SBATCH {shlex.quote(option)}" for option in _asked_of(work, allotment)),
                f"cd {shlex.quote(str(work.home))} || exit",
                f'line=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {listed})',
                f'exec {shlex.join(work.command)} "$line"',
                "",
            ]
        )

    def submit(self, work: Work, allotment: Allotment) -> str:
        work.folder.mkdir(parents=True)
        (work.folder / "lines.txt").write_text("".join(f"{line}\n" for line in work.lines))
        path = work.folder / "script.sh"
        path.write_text(self.script(work, allotment))
        if dropped := sorted(set(os.environ) - plain_environment(os.environ).keys()):
            self.say(
                f"not passed on to Slurm: {', '.join(dropped)}; --slurm NAME=VALUE asks for it"
            )
        # The script shows what is asked for; the command's options rank above all else.
        options = _asked_of(work, allotment)
        answer = self._asked("sbatch", "--parsable", *options, str(path))
        if answer.returncode:
            shutil.rmtree(work.folder)
            raise UsageError(
                f"Slurm refuses the jobs: {_error_line(answer.stderr)}\n"
                "what it is asked for: --partition, --account, --constraint, --time, --slurm"
            )
        return answer.stdout.strip().partition(";")[0]

    def tasks(self, name: str, numbers: Iterable[int]) -> dict[int, Task]:
        rows = self._queue_rows(name)
        known: dict[int, Task] = {}
        rest = FORGOTTEN
        for listed, task in rows:
            # Of tasks that were cancelled while they waited there is one row for all.
            if found := _numbers(listed):
                known |= dict.fromkeys(found, task)
            else:
                rest = task
        return {number: known.get(number, rest) for number in numbers}

    def _queue_rows(self, name: str) -> list[tuple[str, Task]]:
        """Return the tasks' numbers as Slurm lists them, and how they stand."""
        answer = self._asked(
            "squeue", "--noheader", "--array", "--states=all", f"--jobs={name}",
            "--format=%K|%T|%N|%r",
        )  # fmt: skip
        if answer.returncode:
            if _UNKNOWN_ID.search(answer.stderr):
                return self._from_accounting(name)
            raise MachineError(f"Slurm does not answer: {_error_line(answer.stderr)}")
        found = []
        for row in answer.stdout.splitlines():
            numbers, state, node, reason = row.split("|", 3)
            found.append(
                (numbers, state_of(state, node or None, "" if reason == "None" else reason))
            )
        return found

    def _from_accounting(self, name: str) -> list[tuple[str, Task]]:
        """Return the tasks as sacct has them; none where no accounting is kept."""
        answer = self._asked(
            "sacct", "--noheader", "--allocations", "--parsable2", f"--jobs={name}",
            "--format=JobID,State,NodeList",
        )  # fmt: skip
        found = []
        for row in answer.stdout.splitlines() if not answer.returncode else []:
            numbered, state, node = row.split("|", 2)
            found.append((numbered.partition("_")[2], state_of(state, node or None, "")))
        return found

    def cancel(self, name: str, numbers: Collection[int]) -> None:
        listed = sorted(numbers)
        for begin in range(0, len(listed), 100):
            part = ",".join(map(str, listed[begin : begin + 100]))
            self._answer("scancel", "--quiet", f"{name}_[{part}]")

    def this_task(self, environ: Mapping[str, str]) -> TaskHere | None:
        if "SLURM_JOB_ID" not in environ:
            return None
        restarts = environ.get("SLURM_RESTART_COUNT", "0")
        node = environ.get("SLURMD_NODENAME", "unknown")
        return TaskHere(node, int(restarts) if restarts.isdecimal() else 0)
