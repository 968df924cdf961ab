"""One fresh, sandboxed container per job."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import psutil
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit

from runner import paths
from runner.environments.image import build_image
from runner.environments.patience import Making
from runner.errors import EngineError, LeftoverError
from runner.launchers.base import (
    GRACE_SECONDS,
    Chunk,
    Environment,
    Exit,
    Launcher,
    Output,
    OverrunError,
    Process,
    ProcessTree,
    Stream,
    wait_until,
)
from runner.launchers.compile_cache import BROKEN_ENGINE, CACHE_DIR, CompileCache
from runner.launchers.data_mount import DATA_DIR, mount_data
from runner.launchers.disk_floor import DiskFloor
from runner.launchers.gpu_request import gpu_request
from runner.locks import Use, hold_use, image_marker
from runner.machine.cpus import cpu_list, cpus_for
from runner.machine.docker_engine import LABEL, Engine, EngineKind
from runner.machine.gpu import Gpu
from runner.machine.owner import Owner, is_of_dead
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.spec.job import Job
from runner.words import Say

OWNER_LABEL = f"{LABEL}.owner"
_JOB_LABEL = f"{LABEL}.job"
_DEVICE_LABEL = f"{LABEL}.device"


@dataclass(frozen=True)
class ContainerLimits:
    """What a job's container may use: bytes of memory, processes, CPUs, bytes of tmpfs.

    ``cache_bytes`` is what its image's compile cache may keep from one job to the next.
    """

    memory_bytes: int
    cpus: int
    processes: int = 2048
    tmpfs_bytes: int = 2 << 30
    tmpfs_files: int = 1_000_000
    cache_bytes: int = 4 << 30


def _chunks(frames: Iterator[tuple[bytes | None, bytes | None]]) -> Iterator[Chunk]:
    for out, err in frames:
        if err:
            yield Chunk(Stream.LOG, err)
        if out:
            yield Chunk(Stream.EVENTS, out)


def _pid_here(container: Container) -> int | None:
    """Return the container's first process, or None where this machine's /proc does not show it.

    Behind an engine elsewhere, or in a virtual machine, the number belongs to another process
    here. The container's id proves that it is the right one: in its control group, or, where it
    has none of its own (rootless Podman on cgroup v1), in what started the process that minds it.
    """
    container.reload()
    pid = int(container.attrs["State"]["Pid"])
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
        minder = psutil.Process(pid).parent()
        started = minder.cmdline() if minder else []
    except (OSError, psutil.Error):
        return None
    return pid if any(str(container.id) in text for text in (groups, *started)) else None


_LIMITS = {"Memory": "memory", "PidsLimit": "number of processes", "CpusetCpus": "CPUs"}


def unapplied_limits(asked: Mapping[str, Any], applied: Mapping[str, Any]) -> list[str]:
    """Return the names of the limits that an engine was asked for and did not apply.

    A rootless Podman on cgroup v1 applies none, and says so in the container's description alone.
    """
    return [key for key in _LIMITS if asked.get(key) and applied.get(key) != asked[key]]


def _is_gone(error: Exception) -> bool:
    """Return whether the engine says that there is no such container, or none that runs."""
    return isinstance(error, APIError) and error.status_code in (404, 409)


def _remove(container: Container) -> None:
    """Remove a container, running or not, and see that the engine knows it no more."""
    try:
        container.remove(force=True, v=False)
    except NotFound:
        return
    except BROKEN_ENGINE as error:
        if not _is_gone(error):
            raise EngineError(f"the container could not be removed: {error}") from error
    if not wait_until(lambda: _is_unknown(container)):
        raise LeftoverError(
            f"container {container.short_id} is still there: docker rm -f {container.short_id}"
        )


def _is_unknown(container: Container) -> bool:
    try:
        container.reload()
    except NotFound:
        return True
    except BROKEN_ENGINE as error:
        raise EngineError(f"the container may be left: {error}") from error
    return False


class DockerProcess(Process):
    """A job in a container, its output attached before the first instruction runs."""

    def __init__(
        self,
        container: Container,
        limits: Mapping[str, Any],
        *,
        cache: CompileCache,
        disk: DiskFloor,
        say: Say,
    ) -> None:
        """Start it. ``limits`` are those that it was made with, as an engine's API calls them."""
        self._container = container
        self._cache = cache
        self._disk = disk
        self._overrun: str | None = None
        self._say = say
        frames = container.attach(stdout=True, stderr=True, stream=True, logs=False, demux=True)
        self._output = Output([lambda: _chunks(frames)])
        container.start()
        self._tree = ProcessTree(_pid_here(container))
        missing = unapplied_limits(limits, container.attrs["HostConfig"])
        if missing:
            named = ", ".join(_LIMITS[key] for key in missing)
            self.warnings = (f"the engine does not apply the limits that were asked for: {named}",)
        self.cpus = None if "CpusetCpus" in missing else limits["CpusetCpus"]

    def is_paused(self) -> bool:
        is_paused = self._tree.is_paused()
        return self._engine_paused_it() if is_paused is None else is_paused

    def _engine_paused_it(self) -> bool:
        """Ask the engine, where the container's processes are not seen from here."""
        try:
            # Not reload(): another thread reads what that would change.
            found = self._container.client.api.inspect_container(self._container.id)
        except BROKEN_ENGINE:
            return False
        return bool(found["State"]["Paused"])

    def read(self, timeout: float) -> Chunk | None:
        self._overrun = self._overrun or self._disk.problem()
        if self._overrun is not None:
            raise OverrunError(self._overrun)
        return super().read(timeout)

    def is_due(self) -> bool:
        self._overrun = self._overrun or self._disk.problem()
        return self._overrun is not None

    def wait(self) -> Exit:
        try:
            code = int(self._container.wait(timeout=60)["StatusCode"])
            self._container.reload()
            # It is said of a container that ended by itself too, if only a child was killed.
            return Exit(code, code != 0 and bool(self._container.attrs["State"]["OOMKilled"]))
        except BROKEN_ENGINE as error:
            raise EngineError(f"the engine lost the container: {error}") from error

    def stop(self, urgent: Callable[[], bool] = lambda: False) -> None:
        self._output.discard()
        try:
            self._container.kill("SIGTERM")
            wait_until(lambda: urgent() or self._has_ended(), GRACE_SECONDS)
            self._container.kill("SIGKILL")
        except BROKEN_ENGINE as error:
            if _is_gone(error):
                return
            raise EngineError(f"the container could not be stopped: {error}") from error

    def _has_ended(self) -> bool:
        self._container.reload()
        return not self._container.attrs["State"]["Running"]

    def close(self) -> None:
        self._output.discard()
        remaining = self._tree.pids()
        _remove(self._container)
        if not wait_until(lambda: not any(map(psutil.pid_exists, remaining))):
            raise EngineError(f"processes of container {self._container.short_id} are still there")
        if (done := self._cache.trim()) is not None:
            self._say(done)


@dataclass(eq=False)
class DockerLauncher(Launcher):
    """Builds an image per configuration and runs each job in a container without a network.

    ``share`` are the CPUs that its jobs are kept to, where other jobs run beside them.
    """

    name = "docker"
    engine: Engine
    device: Device
    _: KW_ONLY
    run: str
    limits: ContainerLimits
    build: BuildOptions
    data_dir: Path | None
    gpu: Gpu | None
    say: Say
    share: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        # What the jobs need stays in use until the launcher goes, between two jobs too.
        self._uses: list[Use | None] = [Use(self.data_dir)] if self.data_dir is not None else []

    def prepare(self, configuration: Configuration, making: Making) -> Environment:
        image = build_image(self.engine, configuration, self.device, self.build, making)
        self._uses.append(hold_use(image_marker(paths.cache(), image.digest)))
        identity = {
            "image_digest": image.digest,
            "base_digest": image.base_digest,
            "lock_sha256": image.lock_sha256,
            "image_tag": image.tag,
        }
        if image.base_repo_digest is not None:
            identity["base_repo_digest"] = image.base_repo_digest
        return Environment(configuration.name, image.digest, identity)

    def start(self, job: Job, environment: Environment) -> Process:
        self._remove_own()
        spec = job.spec(DATA_DIR if self.data_dir else None, CACHE_DIR)
        cpus = self._cpus(job)
        data = mount_data(self.engine, self.data_dir, paths.cache())
        gpus = [gpu_request(self.engine, self.gpu)] if self.gpu else []
        cache = CompileCache(
            self.engine,
            environment.location,
            self.limits.cache_bytes,
            self._labels(job),
            cpus if self.share else None,
        )
        try:
            container = self.engine.client.containers.create(
                environment.location,
                command=[json.dumps(spec, sort_keys=True)],
                labels=self._labels(job),
                mounts=[cache.mount(), *data.mounts],
                volumes=data.volumes,
                device_requests=gpus,
                cpuset_cpus=cpus,
                **self._sandbox(),
            )
        except BROKEN_ENGINE as error:
            raise EngineError(f"the container could not be created: {error}") from error
        try:
            disk = DiskFloor(self.engine.data_root)
            limits = self._limits(cpus)
            return DockerProcess(container, limits, cache=cache, disk=disk, say=self.say)
        except BROKEN_ENGINE as error:
            _remove(container)
            raise EngineError(f"the container could not be started: {error}") from error

    def _remove_own(self) -> None:
        """Remove what is left of this run's earlier jobs on this device.

        An engine that went away while a job ran, and came back, may still have its container: a
        second attempt would be timed beside the first.
        """
        ours = (
            f"{LABEL}=job",
            f"{LABEL}.run={self.run}",
            f"{OWNER_LABEL}={Owner.this()}",
            f"{_DEVICE_LABEL}={self._device_name}",
        )
        try:
            left = self.engine.client.containers.list(
                all=True, filters={"label": list(ours)}, ignore_removed=True
            )
        except BROKEN_ENGINE as error:
            raise EngineError(f"the engine does not list its containers: {error}") from error
        for container in left:
            _remove(container)

    @property
    def _device_name(self) -> str:
        """Return what tells its device from the others of this run."""
        return self.gpu.uuid if self.gpu else str(self.device)

    def _labels(self, job: Job) -> dict[str, str]:
        return {
            LABEL: "job",
            f"{LABEL}.run": self.run,
            _JOB_LABEL: job.id,
            OWNER_LABEL: str(Owner.this()),
            _DEVICE_LABEL: self._device_name,
        }

    def answers(self) -> bool:
        try:
            return bool(self.engine.client.ping())
        except BROKEN_ENGINE:
            return False

    def sweep(self) -> list[str]:
        removed = []
        filters = {"label": f"{LABEL}=job"}
        for container in self.engine.client.containers.list(
            all=True, filters=filters, ignore_removed=True
        ):
            if is_of_dead(container.labels.get(OWNER_LABEL, "")):
                _remove(container)
                removed.append(f"container {container.short_id} ({container.labels[_JOB_LABEL]})")
        return removed

    def _cpus(self, job: Job) -> str | None:
        """Return the CPUs to pin a job to; None where the engine numbers CPUs of its own."""
        cpus = cpus_for(job, self.share)
        return cpu_list(cpus) if cpus and self.engine.shares_kernel else None

    def _limits(self, cpus: str | None) -> dict[str, Any]:
        """Return the limits that a container's description must show."""
        most = self.limits
        return {"Memory": most.memory_bytes, "PidsLimit": most.processes, "CpusetCpus": cpus}

    def _tmpfs(self) -> str:
        """Return the options of the job's /tmp; Podman knows no bound of its files."""
        options = f"rw,nosuid,nodev,mode=1777,size={self.limits.tmpfs_bytes}"
        if self.engine.kind is EngineKind.PODMAN:
            return options
        return f"{options},nr_inodes={self.limits.tmpfs_files}"

    def _sandbox(self) -> dict[str, Any]:
        """Return what keeps years-old software away from the host."""
        limits = self.limits
        return {
            "network_mode": "none",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "read_only": True,
            "user": "1000:1000",
            "tmpfs": {"/tmp": self._tmpfs()},  # noqa: S108 - the container's own
            "mem_limit": limits.memory_bytes,
            "memswap_limit": limits.memory_bytes,
            "pids_limit": limits.processes,
            "nano_cpus": limits.cpus * 1_000_000_000,
            "ipc_mode": "private",
            # A crash must not fill the disk of whatever collects the host's core dumps.
            "ulimits": [Ulimit(name="core", soft=0, hard=0)],
            # The user's proxies, which may hold a password, and the host's name servers are none
            # of a job's business: it has no network.
            "use_config_proxy": False,
            "dns": ["127.0.0.1"],
            "dns_search": ["."],
            # The attached stream is the only copy: a flood on stdout must not fill the disk.
            "log_config": LogConfig(type="none"),
        }
