"""The Docker engine: finding it, and saying plainly why it cannot be used."""

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests.exceptions
from docker.errors import APIError, DockerException

import docker
from runner.errors import MachineError

LABEL = "keras-backend-benchmarks"
# An engine that has not answered by then hangs; what it is asked later may take longer.
ANSWER_SECONDS = 10
WORK_SECONDS = 120


@dataclass(frozen=True)
class Engine:
    """An engine that answered. ``info`` is what it says of itself."""

    client: docker.DockerClient
    info: dict[str, Any]

    @property
    def is_local(self) -> bool:
        """Return whether the engine runs on this machine, so that folders can be mounted."""
        return str(self.client.api.base_url).startswith(("http+docker://", "unix://"))

    @property
    def data_root(self) -> Path | None:
        """Return the folder that the engine fills, or None if it is none of this machine's.

        An engine in a virtual machine is reached here too, but has a kernel and a disk of its own.
        """
        root = Path(self.info.get("DockerRootDir", ""))
        is_here = self.is_local and self.info.get("KernelVersion") == platform.release()
        return root if is_here and root.is_absolute() and root.is_dir() else None


def cache_volume(digest: str, label: str = LABEL) -> str:
    """Return the name of the volume that keeps what jobs of an image compile."""
    return f"{label}-cache-{digest.removeprefix('sha256:')[:16]}"


def _why_not(error: Exception) -> str:
    """Return one line for what stands between us and the engine, and one for the remedy."""
    text = str(error)
    if "PermissionError" in text or "Permission denied" in text:
        return (
            "no permission on the Docker engine's socket\n"
            "add yourself to its group (sudo usermod -aG docker $USER, then log in again)"
        )
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in text:
        return (
            f"the Docker engine does not answer within {ANSWER_SECONDS} s\n"
            "see what it does (docker info), or restart it (sudo systemctl restart docker)"
        )
    return (
        "no Docker engine answers\n"
        "start one (sudo systemctl start docker), or name it: --engine /path/to/docker.sock"
    )


def connect_engine(engine: str | None = None) -> Engine:
    """Return the engine at a socket's path or URL, or the one the environment names.

    Raises MachineError with the cause and the remedy, one line each.
    """
    url = f"unix://{engine}" if engine and engine.startswith("/") else engine
    try:
        if url:
            client = docker.DockerClient(base_url=url, timeout=ANSWER_SECONDS)
        else:
            client = docker.from_env(timeout=ANSWER_SECONDS)
        found = Engine(client, client.info())
    except (DockerException, APIError, requests.exceptions.RequestException) as error:
        raise MachineError(_why_not(error)) from error
    client.api.timeout = WORK_SECONDS
    return found


def require_nvidia(engine: Engine) -> None:
    """Fail unless the engine can hand a GPU to a container."""
    has_runtime = "nvidia" in engine.info.get("Runtimes", {})
    has_cdi = bool(engine.info.get("DiscoveredDevices") or engine.info.get("CDISpecDirs"))
    has_hook = engine.is_local and shutil.which("nvidia-container-runtime-hook") is not None
    if not (has_runtime or has_cdi or has_hook):
        raise MachineError(
            "the Docker engine has no NVIDIA runtime, so a container cannot get a GPU\n"
            "install nvidia-container-toolkit and restart the engine, "
            "or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
