"""The compile cache of an image: a volume that is kept from job to job, within bounds."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import requests.exceptions
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.volumes import Volume
from docker.types import LogConfig, Mount

from runner.machine.docker_engine import LABEL, Engine, EngineKind, cache_volume

CACHE_DIR = "/cache"
_MEASURE_SECONDS = 60
_DU = ("du", "-s", "--block-size=1")
BROKEN_ENGINE = (APIError, requests.exceptions.RequestException, OSError)


@dataclass(frozen=True)
class CompileCache:
    """The compile cache of an image: a volume that lasts from job to job, and is bounded.

    Where the engine's storage has quotas, the volume has one. Elsewhere it is measured after each
    job, and one that has grown past its limit is removed: the next job begins with an empty one.
    ``labels`` mark the container that measures, so that an orphan is found; ``cpus`` are those that
    it is kept to, where it is not to disturb jobs on the others.
    """

    engine: Engine
    image: str
    limit_bytes: int
    labels: dict[str, str]
    cpus: str | None = None

    @property
    def name(self) -> str:
        """Return the volume's name."""
        return cache_volume(self.image)

    def mount(self) -> Mount:
        """Return the mount for a job, its volume made if need be."""
        try:
            self.engine.client.volumes.get(self.name)
        except NotFound:
            self._create()
        return Mount(CACHE_DIR, self.name, type="volume")

    def _create(self) -> Volume:
        labels = {LABEL: "cache"}
        if self.engine.kind is EngineKind.PODMAN:  # takes a quota, and cannot mount it then
            return self.engine.client.volumes.create(self.name, labels=labels)
        try:
            quota = {"size": str(self.limit_bytes)}
            return self.engine.client.volumes.create(self.name, driver_opts=quota, labels=labels)
        except APIError:  # most file systems have no quotas
            return self.engine.client.volumes.create(self.name, labels=labels)

    def trim(self) -> str | None:
        """Remove the volume if it is too large, and say what became of it; None if all is well."""
        try:
            size = self._size()
            if size is not None and size <= self.limit_bytes:
                return None
            grown = (
                f"has grown to {size >> 20} MiB" if size is not None else "takes long to measure"
            )
            self.engine.client.volumes.get(self.name).remove()
        except NotFound:
            return None
        except BROKEN_ENGINE as error:
            return f"the compile cache {self.name} could not be kept within bounds: {error}"
        return f"the compile cache {self.name} {grown}, so it was removed"

    def _size(self) -> int | None:
        """Return the bytes that the volume takes, or None if that takes too long to find out."""
        try:
            return disk_bytes(folder) if (folder := self._folder()) else self._size_from_within()
        except subprocess.TimeoutExpired:
            return None
        except subprocess.CalledProcessError:
            return self._size_from_within()

    def _folder(self) -> Path | None:
        """Return the volume's folder where it is this machine's and ours to read."""
        root = self.engine.data_root
        mountpoint = self.engine.client.volumes.get(self.name).attrs.get("Mountpoint")
        if root is None or not mountpoint or not Path(mountpoint).is_relative_to(root):
            return None
        return Path(mountpoint) if os.access(mountpoint, os.R_OK | os.X_OK) else None

    def _size_from_within(self) -> int | None:
        """Return what a container of the image itself reads of the volume's size."""
        container = self.engine.client.containers.create(
            self.image,
            entrypoint=[*_DU, CACHE_DIR],
            command=[],
            labels=self.labels,
            cpuset_cpus=self.cpus,
            mounts=[Mount(CACHE_DIR, self.name, type="volume", read_only=True)],
            log_config=LogConfig(type="json-file"),
            # A job can close a folder to its own user, which is not to hide what lies there.
            user="0:0",
            cap_drop=["ALL"],
            cap_add=["DAC_READ_SEARCH"],
            security_opt=["no-new-privileges:true"],
            network_mode="none",
            read_only=True,
            mem_limit=512 << 20,
            memswap_limit=512 << 20,
            pids_limit=16,
            use_config_proxy=False,
        )
        try:
            return _reported_size(container)
        finally:
            container.remove(force=True)


def disk_bytes(folder: Path, seconds: float = _MEASURE_SECONDS) -> int:
    """Return what a folder takes of its disk, as ``du`` has it, which follows no link.

    Raises OSError or subprocess.SubprocessError where it cannot be read in so many seconds.
    """
    done = subprocess.run([*_DU, folder], capture_output=True, timeout=seconds, check=True)
    return int(done.stdout.split()[0])


def _reported_size(container: Container) -> int | None:
    """Run ``du`` and return the number that it prints first; None if it did not end well."""
    container.start()
    try:
        code = int(container.wait(timeout=_MEASURE_SECONDS)["StatusCode"])
    except requests.exceptions.RequestException:
        return None
    first = container.logs(stdout=True, stderr=False).split()[:1]
    return int(first[0]) if code == 0 and first and first[0].isdigit() else None
