"""A launcher that says recorded streams, so that a run's store is made without any process."""

from __future__ import annotations

import json

from launcher_contract import Silent, make_job
from runner.environments.patience import Patience
from runner.errors import BuildError, EngineError
from runner.execution.attempt import Conditions
from runner.execution.guard import CpuGuard
from runner.launchers.base import Chunk, Environment, Exit, Launcher, Process, Stream
from runner.spec.time_limits import TimeLimits
from runner.store.events import BadLine, Event, parse_event


class ScriptedProcess(Process):
    def __init__(self, script):
        self._script = iter(script)
        self.closed = False

    def read(self, timeout):
        item = next(self._script, None)
        if isinstance(item, BaseException):
            raise item
        return None if item is None else Chunk(Stream.EVENTS, item)

    def pids(self):
        return []

    def is_paused(self):
        return False

    def wait(self):
        return Exit(0)

    def stop(self, urgent=lambda: False): ...

    def wake(self): ...

    def close(self):
        self.closed = True


class ScriptedLauncher(Launcher):
    """Says a recorded stream per backend.

    ``broken`` configurations do not build; ``starts_after`` so many refusals a job starts.
    """

    name = "scripted"

    def __init__(self, scripts, broken=(), reachable=True, starts_after=0):
        self._scripts, self._broken, self.reachable = scripts, broken, reachable
        self._refusals = starts_after
        self.processes = []

    def prepare(self, configuration, making):
        if configuration.name in self._broken:
            raise BuildError("no such package")
        return Environment(configuration.name, "here", {"image_digest": "sha256:1"})

    def start(self, job, environment):
        if self._refusals:
            self._refusals -= 1
            raise EngineError("the engine is away")
        self.processes.append(ScriptedProcess(self._scripts[job.backend]))
        return self.processes[-1]

    def sweep(self):
        return []

    def answers(self):
        return self.reachable


def stream(**changes) -> list[bytes]:
    """Return a good job's stream as one chunk a line."""

    def say(**event):
        return (
            json.dumps({**event, "schema": 1, **changes.get(event["event"], {})}).encode() + b"\n"
        )

    return [
        say(event="start", model="mnist_mlp", backend=changes.get("backend", "mxnet"), threads=1,
            versions={"keras": "1.2.2", "python": "3.6.15", "mxnet": "0.11.0"}, seed=1,
            device={"type": "cpu", "name": "a processor"}, cache_warm=None, import_seconds=1.5,
            precision="float32", jit="auto", phase="train", size="published", samples=8),
        say(event="data", source="synthetic", sha256="0" * 64, train=8, validation=2, test=2,
            seconds=0.1),
        say(event="model", parameters=669706, expected_parameters=669706, layers=[],
            hyperparameters={"batch_size": 128}, image_data_format="channels_last", seconds=0.2),
        *[say(event="epoch", epoch=n, seconds=s, samples=8, loss=1.0, accuracy=0.5, val_loss=1.0,
              val_accuracy=0.9) for n, s in ((1, 9.0), (2, 2.0), (3, 4.0))],
        say(event="end", test_loss=1.0, test_accuracy=0.9, test_seconds=0.1,
            peak_memory_bytes=1000),
    ]  # fmt: skip


def good_event(line: bytes) -> Event:
    """Return the event that a line holds; a line that holds none fails the test."""
    found = parse_event(line)
    assert not isinstance(found, BadLine), found.problem
    return found


def conditions(launcher, store, folder, **changes):
    """Return conditions whose device is free and whose patience takes no time."""
    plain = {
        "limits": TimeLimits(wall=60), "guard": CpuGuard(folder=folder),
        "patience": Patience(attempts=2, longest_wait=0), "identity": {},
    }  # fmt: skip
    return Conditions(launcher, store, Silent(), **{**plain, **changes})


def mxnet_job(**changes):
    return make_job(configuration="mxnet-k122", epochs=3, **changes)
