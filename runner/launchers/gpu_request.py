"""How a container gets a card: which way an engine has, and what it is asked for.

Docker with NVIDIA's container toolkit takes a request for a card by its UUID. Otherwise the card is
a device of the Container Device Interface (CDI), which the engine lists, by index or UUID. That an
engine has folders for such devices proves nothing: current ones name folders that are not there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import MachineError
from runner.machine.docker_engine import Engine, EngineKind
from runner.machine.gpu import Gpu

if TYPE_CHECKING:
    from docker.types import DeviceRequest

_CDI = "nvidia.com/gpu="
# Where Podman looks for what NVIDIA's toolkit writes (nvidia-ctk cdi generate).
CDI_FOLDERS = (Path("/etc/cdi"), Path("/var/run/cdi"))
_SUFFIXES = (".yaml", ".yml", ".json")
_KIND = re.compile(r'(?<!\w)"?kind"?:\s*"?nvidia\.com/gpu(?![\w./-])')
_NAME = re.compile(r'(?<!\w)"?name"?:\s*"?([\w.:-]+)')
# Older ones ignore what their Docker interface is asked for, and the container has no card.
_FIRST_PODMAN = 5
_ON_THE_CPU = "or measure on the CPU: --device cpu (make: DEVICE=cpu)"


def _spec_names() -> Iterator[str]:
    """Yield the cards that CDI files of this machine name."""
    for folder in CDI_FOLDERS:
        for path in sorted(folder.glob("*.*")):
            if path.suffix in _SUFFIXES and path.is_file() and os.access(path, os.R_OK):
                text = path.read_text(encoding="utf-8", errors="replace")
                if _KIND.search(text):
                    yield from _NAME.findall(text)


def _cdi_names(engine: Engine) -> set[str]:
    """Return the names of the cards that an engine can hand out as CDI devices."""
    found = engine.info.get("DiscoveredDevices", [])
    ids = [str(device.get("ID")) for device in found if isinstance(device, dict)]
    names = {name.removeprefix(_CDI) for name in ids if name.startswith(_CDI)}
    if not names and engine.kind is EngineKind.PODMAN and engine.is_local:
        return set(_spec_names())
    return names


def _takes_uuids(engine: Engine) -> bool:
    """Return whether NVIDIA's toolkit serves the engine's own requests for a card."""
    if engine.kind is EngineKind.PODMAN:
        return False
    has_hook = engine.is_local and shutil.which("nvidia-container-runtime-hook") is not None
    return has_hook or "nvidia" in engine.info.get("Runtimes", {})


def gpu_request(engine: Engine, card: Gpu) -> DeviceRequest:
    """Return what an engine is asked for so that a container gets ``card`` and no other.

    Raises MachineError with a remedy where the engine has no way to hand it out.
    """
    from docker.types import DeviceRequest

    if _takes_uuids(engine):
        return DeviceRequest(device_ids=[card.uuid], capabilities=[["gpu"]])
    version = engine.info.get("ServerVersion", "")
    major = re.match(r"\d+", version)
    if engine.kind is EngineKind.PODMAN and major and int(major[0]) < _FIRST_PODMAN:
        raise MachineError(
            f"Podman {version} gives no GPU to a container that is asked for by Docker's "
            f"interface\nuse Podman 5 or newer, or Docker; {_ON_THE_CPU}"
        )
    names = _cdi_names(engine)
    # Older toolkits write indices only.
    for name in (card.uuid, str(card.index)):
        if name in names:
            return DeviceRequest(driver="cdi", device_ids=[_CDI + name])
    if names:
        raise MachineError(
            f"the {engine.kind} engine's GPUs ({', '.join(sorted(names))}) do not include GPU "
            f"{card.index} ({card.uuid})\nlist them anew: sudo nvidia-ctk cdi generate "
            f"--output=/etc/cdi/nvidia.yaml; {_ON_THE_CPU}"
        )
    raise MachineError(
        f"the {engine.kind} engine has no NVIDIA runtime and no GPU as a CDI device, so a "
        f"container cannot get one\n{_REMEDIES[engine.kind]}, {_ON_THE_CPU}"
    )


_REMEDIES = {
    EngineKind.PODMAN: "install nvidia-container-toolkit and list the cards (sudo nvidia-ctk cdi "
    "generate --output=/etc/cdi/nvidia.yaml)",
    EngineKind.DOCKER: "install nvidia-container-toolkit, set it up (sudo nvidia-ctk runtime "
    "configure --runtime=docker) and restart the engine",
}
