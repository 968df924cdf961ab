"""A cluster's queue in memory: what is handed in waits until a test says how it ends."""

from __future__ import annotations

from dataclasses import replace

from runner.schedulers.base import FORGOTTEN, Cause, Node, Scheduler, Task, TaskHere, TaskState


class MadeQueue(Scheduler):
    """Keeps what is handed in; ``ends`` are the tasks of which the test said how they stand."""

    name = "made"
    reserved = frozenset({"array"})

    def __init__(self, most=1000, nodes=("n1", "n2")):
        self.works, self.ends, self.cancelled = [], {}, []
        self._most, self._nodes = most, nodes

    def nodes(self, allotment):
        return [Node(name, 4, allotment.gpus, is_usable=True, state="idle") for name in self._nodes]

    def most_tasks(self):
        return self._most

    def script(self, work, allotment):
        return "\n".join(work.lines)

    def submit(self, work, allotment):
        work.folder.mkdir(parents=True)
        self.works.append(work)
        return str(len(self.works))

    def say(self, job, task, which=-1):
        """Let the latest task of a job stand like ``task``."""
        found = [(n, work) for n, work in enumerate(self.works, start=1) if job in work.lines]
        number, work = found[which]
        self.ends[str(number), work.lines.index(job)] = task

    def tasks(self, name, numbers):
        if not name.isdecimal() or int(name) > len(self.works):
            return dict.fromkeys(numbers, FORGOTTEN)
        waiting = Task(TaskState.WAITING, "Priority")
        return {number: self.ends.get((name, number), waiting) for number in numbers}

    def cancel(self, name, numbers):
        self.cancelled += [(name, number) for number in numbers]
        for number in numbers:
            before = self.ends.get((name, number), Task(TaskState.WAITING))
            ended = replace(
                before, state=TaskState.ENDED, cause=Cause.CANCELLED, reason="CANCELLED"
            )
            self.ends[name, number] = ended

    def this_task(self, environ):
        return TaskHere("n1", 0)


def ended(cause, reason="", node="n1"):
    return Task(TaskState.ENDED, reason or str(cause), node, cause)


RUNNING = Task(TaskState.RUNNING, "", "n1")
