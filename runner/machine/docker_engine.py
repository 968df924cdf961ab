"""The Docker engine: finding it, and saying plainly why it cannot be used.

Docker's library is loaded where an engine is asked for: runs without containers do not need it.
"""

from __future__ import annotations

import os
import platform
import re
import warnings
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import MachineError
from runner.words import printable, without_password

if TYPE_CHECKING:
    from docker.models.images import Image

    import docker

LABEL = "keras-backend-benchmarks"
# An engine that has not answered by then hangs; what it is asked later may take longer.
ANSWER_SECONDS = 10
WORK_SECONDS = 120


class EngineKind(StrEnum):
    """Who made an engine: both speak Docker's language, with accents."""

    DOCKER = "Docker"
    PODMAN = "Podman"


# What is read of an engine's description of itself, and as what.
_INFO_TYPES: dict[str, type] = {
    "Architecture": str, "BuildahVersion": str, "CgroupVersion": str, "DiscoveredDevices": list,
    "DockerRootDir": str, "Driver": str, "DriverStatus": list, "KernelVersion": str,
    "MemTotal": int, "NCPU": int, "Name": str, "Rootless": bool, "Runtimes": dict,
    "SecurityOptions": list, "ServerVersion": str,
}  # fmt: skip


@dataclass(frozen=True)
class Engine:
    """An engine that answered. ``info`` is what it says of itself, as far as it is read.

    What is none, or of another type than that of Docker's interface, is left out: other makers and
    proxies answer too.
    """

    client: docker.DockerClient
    info: dict[str, Any]

    def __post_init__(self) -> None:
        """Keep what can be read."""
        kept = {
            n: v for n, v in self.info.items() if n in _INFO_TYPES and isinstance(v, _INFO_TYPES[n])
        }
        object.__setattr__(self, "info", kept)

    @property
    def kind(self) -> EngineKind:
        """Return who made the engine; Podman alone tells which Buildah it builds with."""
        return EngineKind.PODMAN if "BuildahVersion" in self.info else EngineKind.DOCKER

    @property
    def is_rootless(self) -> bool:
        """Return whether the engine runs without root, where limits may not be applied."""
        options = self.info.get("SecurityOptions", [])
        return self.info.get("Rootless", False) or any("rootless" in str(text) for text in options)

    @property
    def confines_by_label(self) -> bool:
        """Return whether SELinux lets containers read only what carries a label for them."""
        options = self.info.get("SecurityOptions", [])
        return any("name=selinux" in str(text).split(",") for text in options)

    @property
    def applies_limits(self) -> bool:
        """Return whether limits hold: without root they need control groups of version 2."""
        return not (self.is_rootless and self.info.get("CgroupVersion") == "1")

    @property
    def description(self) -> str:
        """Return the engine in words: kind, version, how it stores images, control groups."""
        store = [str(self.info["Driver"])] if self.info.get("Driver") else []
        if "containerd.snapshotter" in str(self.info.get("DriverStatus")):
            store.append("of containerd")
        version = self.info.get("ServerVersion") or "of unknown version"
        words = [f"{self.kind} {version}"]
        words += [f"store {' '.join(store)}"] if store else []
        words += [f"cgroup v{self.info['CgroupVersion']}"] if self.info.get("CgroupVersion") else []
        words += ["rootless"] if self.is_rootless else []
        words += ["SELinux"] if self.confines_by_label else []
        return ", ".join(words)

    @property
    def cpus(self) -> int | None:
        """Return how many CPUs the engine's machine has; None where it does not tell."""
        return max(0, self.info.get("NCPU", 0)) or None

    @property
    def memory_bytes(self) -> int | None:
        """Return how much memory the engine's machine has; None where it does not tell."""
        return max(0, self.info.get("MemTotal", 0)) or None

    @property
    def is_local(self) -> bool:
        """Return whether the engine runs on this machine, so that folders can be mounted.

        By its socket, or, behind an address, by the names of the host and of its kernel.
        """
        by_socket = str(self.client.api.base_url).startswith(("http+docker://", "unix://"))
        here = (platform.node(), platform.release())
        return by_socket or (self.info.get("Name"), self.info.get("KernelVersion")) == here

    @property
    def kernel(self) -> str | None:
        """Return the version of the kernel that containers run on; None where it does not tell."""
        return self.info.get("KernelVersion") or None

    @property
    def shares_kernel(self) -> bool:
        """Return whether containers run on this machine's kernel, and so on its processors.

        An engine in a virtual machine is reached here too, but has a kernel and a disk of its own.
        """
        return self.is_local and self.kernel == platform.release()

    @property
    def data_root(self) -> Path | None:
        """Return the folder that the engine fills, or None if it is none of this machine's."""
        root = Path(self.info.get("DockerRootDir", ""))
        return root if self.shares_kernel and root.is_absolute() and root.is_dir() else None


def plain_tag(tag: str) -> str:
    """Return an image's name as we gave it; Podman and archives put a registry's before it."""
    for registry in ("docker.io/library/", "docker.io/", "localhost/"):
        if tag.startswith(registry):
            return tag.removeprefix(registry)
    return tag


def give_name(image: Image, name: str) -> None:
    """Give an image a further name, "repository:tag"; Podman takes the two apart only."""
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(name)
    image.tag(repository, tag)


def cache_volume(digest: str, label: str = LABEL) -> str:
    """Return the name of the volume that keeps what jobs of an image compile."""
    return f"{label}-cache-{digest.removeprefix('sha256:')[:16]}"


def _address(engine: str | None) -> str:
    """Return which engine was asked, where somebody named one."""
    if engine is not None:
        return f" at {without_password(engine)} (--engine)"
    named = os.environ.get("DOCKER_HOST")
    return f" at {without_password(named)} (DOCKER_HOST)" if named else ""


_CREDENTIAL_WORDS = r"(?i:credential|credsStore|credHelpers)"
_CREDENTIAL_REMEDY = (
    "leave credsStore and credHelpers out of Docker's config.json, or set DOCKER_CONFIG to an "
    "empty folder"
)
# How an error is known, what it is, and what helps; the first that fits is told.
_CAUSES = (
    (
        r"PermissionError|Permission denied",
        "no permission on the Docker engine's socket",
        "add yourself to its group (sudo usermod -aG docker $USER, then log in again)",
    ),
    (
        r"paramiko",
        "an ssh:// address needs the Python package paramiko, which is not installed",
        "install it, or forward the socket: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock "
        "HOST, and name it: --engine /tmp/docker.sock",
    ),
    (
        r"TLSParameterError|TLS|[Cc]ertificate|\.pem",
        "its certificates cannot be used",
        "see that DOCKER_CERT_PATH holds ca.pem, cert.pem and key.pem, or unset DOCKER_TLS_VERIFY",
    ),
    (
        r"403|Forbidden",
        "the address forbids what the runner has to ask",
        "a proxy before the socket must let pass: info, version, containers, images, build, "
        "volumes, system",
    ),
    (
        r"InvalidVersion|client version .* is too (new|old)|API versions below",
        "the engine is too old",
        "update it: Docker 20.10 is the oldest that was tried",
    ),
    (
        _CREDENTIAL_WORDS,
        "the user's Docker configuration names a credential helper that does not work",
        _CREDENTIAL_REMEDY,
    ),
    (
        r"ValueError|Bind address|Invalid port|protocol|Invalid bind|not supported",
        "that is no address of an engine",
        "an address is like unix:///var/run/docker.sock or tcp://HOST:2376",
    ),
    (
        r"Name or service not known|nodename|name resolution",
        "no machine of that name is known",
        "see how the name is spelled, and whether it resolves (getent hosts NAME)",
    ),
)


def refusals() -> tuple[type[Exception], ...]:
    """Return what Docker's library raises by itself.

    A missing credential helper is none of its own errors.
    """
    from docker.credentials.errors import StoreError
    from docker.errors import DockerException

    return DockerException, StoreError


def _before_an_answer() -> tuple[type[Exception], ...]:
    """Return what is raised before an engine has answered; what requests raises is an OSError."""
    return (*refusals(), OSError, ValueError)


def _why_not(error: Exception, address: str = "") -> str:
    """Return one line for what stands between us and the engine, and one for the remedy."""
    import requests.exceptions

    text = f"{type(error).__name__}: {error}"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in text:
        return (
            f"the Docker engine{address} does not answer within {ANSWER_SECONDS} s\n"
            "see what it does (docker info), or restart it (sudo systemctl restart docker)"
        )
    for known_by, cause, remedy in _CAUSES:
        if re.search(known_by, text):
            about = f"no Docker engine answers{address}: " if address else ""
            return f"{about}{cause}\n{remedy}"
    return (
        f"no Docker engine answers{address}\n"
        "start one (sudo systemctl start docker), or name it: --engine /path/to/docker.sock"
    )


def connect_engine(engine: str | None = None) -> Engine:
    """Return the engine at a socket's path or URL, or the one the environment names.

    Raises MachineError with the cause and the remedy, one line each.
    """
    import docker

    url = f"unix://{engine}" if engine and engine.startswith("/") else engine
    try:
        if url:
            client = docker.DockerClient(base_url=url, timeout=ANSWER_SECONDS)
        else:
            client = docker.from_env(timeout=ANSWER_SECONDS)
        found = Engine(client, client.info())
    except _before_an_answer() as error:
        raise MachineError(_why_not(error, _address(engine))) from error
    client.api.timeout = WORK_SECONDS
    return found


def credential_problem() -> str | None:
    """Return why the user's credentials cannot be read, and what helps; None where they can.

    Docker's library reads all of them before each build, also where no registry asks for any.
    """
    import docker

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it warns of is what it raises then
            docker.auth.load_config().get_all_credentials()
    except _before_an_answer() as error:
        return explained(error)
    return None


def explained(error: BaseException) -> str:
    """Return in a line what an engine or its library refuses, and what helps where it is known."""
    text = printable(str(error).encode("utf-8", "backslashreplace"))
    return f"{text}; {_CREDENTIAL_REMEDY}" if re.search(_CREDENTIAL_WORDS, text) else text
