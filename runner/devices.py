"""The GPUs of this machine, as NVML tells them."""

from __future__ import annotations

from dataclasses import dataclass

import pynvml

from runner.configurations import Configuration
from runner.errors import MachineError, near_miss


@dataclass(frozen=True)
class Gpu:
    """One card. ``compute_capability`` is (major, minor); ``memory_bytes`` its whole memory."""

    uuid: str
    name: str
    driver: str
    compute_capability: tuple[int, int]
    memory_bytes: int


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _read(index: int, driver: str) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Gpu(
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        name=_text(pynvml.nvmlDeviceGetName(handle)),
        driver=driver,
        compute_capability=(int(major), int(minor)),
        memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
    )


def gpus() -> list[Gpu]:
    """Return the cards that the NVIDIA driver shows; none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return []
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        return [_read(index, driver) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def choose_gpu(wanted: str | None, cards: list[Gpu]) -> Gpu:
    """Return the card named by UUID or index, or the first. Raises MachineError without one."""
    if not cards:
        raise MachineError(
            "no NVIDIA GPU: the driver is not loaded on this machine\n"
            "install the NVIDIA driver, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
    if wanted is None:
        return cards[0]
    by_name = {card.uuid: card for card in cards} | {str(i): c for i, c in enumerate(cards)}
    if wanted not in by_name:
        hint = near_miss(wanted, by_name)
        raise MachineError(
            f"no GPU '{wanted}'{hint}\nthis machine has: {', '.join(c.uuid for c in cards)}"
        )
    return by_name[wanted]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def reason_against(configuration: Configuration, backend: str, gpu: Gpu) -> str | None:
    """Return why ``backend`` cannot be trusted to run on ``gpu``, or None.

    A card newer than a framework's machine code does not fail: it hangs, or trains to NaN with
    fast epochs. So it is refused beforehand.
    """
    facts = configuration.backends[backend].gpu
    capability = ".".join(str(part) for part in gpu.compute_capability)
    if _version(gpu.driver) < _version(facts.min_driver):
        return (
            f"CUDA {facts.cuda} needs driver {facts.min_driver} or newer, "
            f"this machine has {gpu.driver}"
        )
    newest = facts.max_compute_capability
    too_new = newest is not None and gpu.compute_capability > _version(newest)
    if too_new or gpu.compute_capability < _version(facts.min_compute_capability):
        reach = f"{facts.min_compute_capability} to {newest}" if newest else (
            f"{facts.min_compute_capability} and newer"
        )  # fmt: skip
        return (
            f"{backend} {configuration.backends[backend].version} has code for compute "
            f"capability {reach}; {gpu.name} has {capability}"
        )
    return None
