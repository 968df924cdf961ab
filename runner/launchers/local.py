"""Jobs as processes of this machine, in an environment of their own: no engine needed."""

import errno
import json
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path
from typing import IO

import psutil

from runner import paths
from runner.environments.patience import Making
from runner.environments.recipe import sha256_of
from runner.environments.venv import prepare_environment
from runner.errors import BuildError, EngineError
from runner.launchers.base import (
    GRACE_SECONDS,
    Chunk,
    Environment,
    Exit,
    Launcher,
    Output,
    Process,
    ProcessTree,
    Stream,
    wait_until,
)
from runner.locks import Use
from runner.machine.cpus import cpu_list, cpus_for, pinned
from runner.machine.disk import FULL
from runner.machine.gpu import Gpu
from runner.machine.interpreters import frozen_packages
from runner.machine.owner import Owner, is_of_dead
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.spec.job import Job
from runner.spec.variables import VARIABLES, passed_variables, variables_text

_OWNER = "KERAS_BENCHMARK_OWNER"
_TOKEN = "KERAS_BENCHMARK_JOB"  # noqa: S105 - a name
_SCRATCH = "bench-job-"
_OWNER_FILE = ".owner"
# Frameworks write kernels and sources there while they compile.
_LEAST_TEMPORARY_BYTES = 32 << 20
# After a job's leader has ended, how long its outputs may be silent, or open, until they count as
# ended too: a child may hold them.
_DRAIN_SECONDS = 2.0
_LONGEST_DRAIN_SECONDS = 10.0


def _chunks(pipe: IO[bytes], stream: Stream) -> Iterator[Chunk]:
    with pipe:
        while data := os.read(pipe.fileno(), 1 << 16):
            yield Chunk(stream, data)


def _marked(name: str) -> Iterator[tuple[psutil.Process, str]]:
    """Yield the processes of this user that carry an environment variable, and what it says.

    Children inherit it, also those that left their process group.
    """
    for process in psutil.process_iter():
        try:
            value = process.environ().get(name)
            if value is not None and process.status() != psutil.STATUS_ZOMBIE:
                yield process, value
        except (psutil.Error, OSError):
            continue


def _is_orphan(scratch: Path) -> bool:
    """Return whether a scratch folder is this user's and its runner has ended."""
    try:
        if scratch.is_symlink() or scratch.stat().st_uid != os.getuid():
            return False
        return is_of_dead((scratch / _OWNER_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def _require_temporary_room() -> None:
    """Raise OSError where temporary files have no room: every job would fail for that alone."""
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < _LEAST_TEMPORARY_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


class LocalProcess(Process):
    """A job as the leader of a process group, in a scratch folder of its own."""

    def __init__(
        self, command: list[str], environment: dict[str, str], cpus: list[int] | None
    ) -> None:
        """Start it, on ``cpus`` alone if they are given."""
        self._scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH))
        try:
            (self._scratch / _OWNER_FILE).write_text(str(Owner.this()), encoding="utf-8")
            with pinned(cpus) if cpus else nullcontext():
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=self._scratch,
                    env={**environment, **self._marks()},
                    start_new_session=True,
                )
        except OSError:
            shutil.rmtree(self._scratch)
            raise
        self._ended_at: float | None = None
        self.cpus = cpu_list(cpus) if cpus else None
        self._tree = ProcessTree(self._process.pid)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out = partial(_chunks, self._process.stdout, Stream.EVENTS)
        self._output = Output([out, partial(_chunks, self._process.stderr, Stream.LOG)])

    def read(self, timeout: float) -> Chunk | None:
        """Return the next chunk as ``Process.read`` does; the job's end is that of its leader.

        A child that holds an output open after that ends nothing later than ``_DRAIN_SECONDS``
        after its last word, and a job that closes both outputs is still waited for within
        ``timeout``, so that its clocks and its user are heard meanwhile.
        """
        has_ended = self._process.poll() is not None
        if has_ended and self._ended_at is None:
            self._ended_at = time.monotonic()
        since = time.monotonic() - self._ended_at if self._ended_at is not None else 0.0
        if since > _LONGEST_DRAIN_SECONDS:
            return None
        try:
            chunk = self._output.read(min(timeout, _DRAIN_SECONDS) if has_ended else timeout)
        except TimeoutError:
            if since > _DRAIN_SECONDS:
                return None
            raise
        if chunk is None and not has_ended:
            self._wait_for(timeout)
        return chunk

    def is_due(self) -> bool:
        return self._process.poll() is not None

    def _wait_for(self, timeout: float) -> None:
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def wait(self) -> Exit:
        return Exit(self._process.wait())

    def _signal(self, number: signal.Signals) -> bool:
        """Send a signal to the whole group and return whether anyone was there to get it."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def _marks(self) -> dict[str, str]:
        scratch = str(self._scratch)
        return {"HOME": scratch, "TMPDIR": scratch, _TOKEN: scratch, _OWNER: str(Owner.this())}

    def stop(self, urgent: Callable[[], bool] = lambda: False) -> None:
        if not self._signal(signal.SIGTERM):
            return
        wait_until(lambda: urgent() or self._process.poll() is not None, GRACE_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self._output.discard()
        self._signal(signal.SIGKILL)
        self._process.wait()
        if not wait_until(self._has_gone):
            raise EngineError(f"processes of the job are still there: {self._survivors()}")
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _survivors(self) -> list[psutil.Process]:
        return [process for process, token in _marked(_TOKEN) if token == str(self._scratch)]

    def _has_gone(self) -> bool:
        """Kill what is left, and return whether there was nothing: each look reads all of /proc."""
        left = self._survivors()
        _kill(left)
        return not left


@dataclass(eq=False)
class LocalLauncher(Launcher):
    """Makes an environment per configuration with uv, or takes a given interpreter as it is.

    ``share`` are the CPUs that its jobs are kept to, where other jobs run beside them.
    """

    name = "local"
    device: Device
    _: KW_ONLY
    cache: Path
    build: BuildOptions
    data_dir: Path | None
    gpu: Gpu | None
    python: Path | None
    share: tuple[int, ...] | None = None
    models: Path = paths.MODELS

    def __post_init__(self) -> None:
        # What the jobs need stays in use until the launcher goes, between two jobs too.
        self._uses = [Use(self.data_dir)] if self.data_dir is not None else []
        # Taken once, so that every job gets what is kept as its identity.
        self._passed = passed_variables(os.environ)

    def prepare(self, configuration: Configuration, making: Making) -> Environment:
        if self.python is not None:
            environment = self._given(configuration, self.python)
        else:
            environment = self._made(configuration, making)
        self._uses.append(Use(self._compiled(environment)))
        return environment

    def _made(self, configuration: Configuration, making: Making) -> Environment:
        """Make an environment from the configuration's lock, unless there is one."""
        made = prepare_environment(configuration, self.device, self.cache, self.build, making)
        self._uses.append(made.use)
        identity = {"lock_sha256": made.lock_sha256, **self._host()}
        return Environment(configuration.name, str(made.python), identity)

    def _given(self, configuration: Configuration, python: Path) -> Environment:
        """Take an interpreter as it is; what is installed there is its identity."""
        packages = frozen_packages(python)
        if packages is None:
            raise BuildError(
                f"--python {python}: not a Python interpreter that runs and lists its packages; "
                f"what it says to it: {python} -m pip list"
            )
        identity = {"packages_sha256": sha256_of(packages.encode()), **self._host()}
        return Environment(configuration.name, str(python), identity)

    def _host(self) -> dict[str, str]:
        """Return what a job gets of this machine that could be another one's."""
        return {"host_os": platform.platform(), VARIABLES: variables_text(self._passed)}

    def start(self, job: Job, environment: Environment) -> Process:
        compiled = self._compiled(environment)
        spec = job.spec(str(self.data_dir) if self.data_dir else None, str(compiled))
        command = [environment.location, "-m", "models", json.dumps(spec, sort_keys=True)]
        _require_temporary_room()
        try:
            return LocalProcess(command, self._environment(), cpus_for(job, self.share))
        except OSError as error:
            if error.errno in FULL:
                raise
            raise EngineError(f"{environment.location} could not be started: {error}") from error

    def answers(self) -> bool:
        return True

    def sweep(self) -> list[str]:
        removed = []
        for process, text in _marked(_OWNER):
            if is_of_dead(text):
                _kill([process])
                removed.append(f"process {process.pid}")
        for scratch in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
            if _is_orphan(scratch):
                shutil.rmtree(scratch, ignore_errors=True)
                removed.append(f"folder {scratch}")
        return removed

    def _compiled(self, environment: Environment) -> Path:
        """Return the folder of what an environment compiled, to be kept among jobs."""
        folder = self.cache / "compiled" / Path(environment.location).parent.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _environment(self) -> dict[str, str]:
        return {
            **self._passed,
            "PYTHONPATH": str(self.models.parent),
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CUDA_VISIBLE_DEVICES": self.gpu.uuid if self.gpu else "",
        }
