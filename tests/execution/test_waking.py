"""Who listens to a silent job sleeps until there is something to do, and hears a wish to end."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from runner.execution.attempt import run_job
from runner.execution.guard import CpuGuard
from runner.execution.interrupts import Interrupts
from runner.launchers.base import Chunk, Environment, Output, OverrunError, Stream
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from scripted import ScriptedLauncher, ScriptedProcess, conditions, mxnet_job, stream

HERE = Environment("mxnet-k122", "here")


class SilentProcess(ScriptedProcess):
    """Says a good stream, but is silent for ``seconds`` before its last line."""

    def __init__(self, script, seconds):
        super().__init__(script)
        self.reads = 0
        self.is_stopped = threading.Event()
        self._seconds = seconds
        self._output = Output([lambda: self._chunks(script)])

    def _chunks(self, script):
        for line in script[:-1]:
            yield Chunk(Stream.EVENTS, line)
        self.is_stopped.wait(self._seconds)
        yield Chunk(Stream.EVENTS, script[-1])

    def read(self, timeout):
        self.reads += 1
        return self._output.read(timeout)

    def wake(self):
        self._output.wake()

    def stop(self, urgent=lambda: False):
        self.is_stopped.set()


class Silent(ScriptedLauncher):
    def __init__(self, seconds, kind=SilentProcess):
        super().__init__({})
        self._seconds, self._kind = seconds, kind

    def start(self, job, environment):
        self.processes.append(self._kind(stream(), self._seconds))
        return self.processes[-1]


@pytest.fixture
def execute(tmp_path):
    def go(launcher, **changes):
        store = RunStore.create(tmp_path, {})
        under = replace(conditions(launcher, store, tmp_path), **changes)
        return run_job(mxnet_job(), HERE, under)

    return go


def test_nobody_wakes_who_listens_to_a_job_that_is_silent(execute):
    launcher = Silent(2.5)
    assert execute(launcher).status is Status.OK
    [process] = launcher.processes
    assert process.reads <= len(stream()) + 2, "it was woken in between"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_to_end_is_heard_at_once(execute, number):
    launcher, interrupts = Silent(60), Interrupts()
    threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
    began = time.monotonic()
    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        execute(launcher, interrupts=interrupts)
    assert time.monotonic() - began < 1.5
    assert launcher.processes[0].is_stopped.is_set()


def test_a_wish_to_end_is_heard_though_the_driver_does_not_answer(execute, tmp_path):
    launcher, interrupts = Silent(60), Interrupts()

    class Hung(CpuGuard):
        def probe(self, process):
            process.is_stopped.wait(60)
            raise RuntimeError("no answer")

    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        execute(launcher, interrupts=interrupts, guard=Hung(folder=tmp_path))
    assert time.monotonic() - began < 10


def test_what_is_due_is_told_at_the_next_sample(execute):
    class Greedy(SilentProcess):
        def is_due(self):
            return True

        def read(self, timeout):
            if self.reads > len(stream()):
                raise OverrunError("it fills the disk")
            return super().read(timeout)

    began = time.monotonic()
    record = execute(Silent(60, Greedy))
    assert (record.status, record.reason) == (Status.FAILED, "it fills the disk")
    assert time.monotonic() - began < 5


def test_who_waits_for_output_is_woken_at_once_and_loses_nothing():
    go_on = threading.Event()

    def source():
        go_on.wait(30)
        yield Chunk(Stream.LOG, b"one")

    output = Output([source])
    threading.Timer(0.3, output.wake).start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        output.read(30)
    assert time.monotonic() - began < 5
    go_on.set()
    assert output.read(30) == Chunk(Stream.LOG, b"one")
    assert output.read(30) is None


def test_to_wake_who_has_enough_to_read_takes_no_time():
    output = Output([lambda: iter([Chunk(Stream.LOG, b"%d" % n) for n in range(1000)])])
    time.sleep(0.2)
    began = time.monotonic()
    for _ in range(1000):
        output.wake()
    assert time.monotonic() - began < 1
    read = []
    while (chunk := output.read(30)) is not None:
        read.append(int(chunk.data))
    assert read == list(range(1000))
