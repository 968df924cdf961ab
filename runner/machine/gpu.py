"""What the NVIDIA driver tells of its cards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import psutil
import pynvml

from runner.errors import MachineError

T = TypeVar("T")
THERMAL = frozenset({"software thermal slowdown", "hardware thermal slowdown"})
SLOWDOWNS = THERMAL | {"hardware power brake", "hardware slowdown"}
POWER_CAP = "software power cap"
# Not here: idle and application clocks, which are how a card stands, not something that befell it.
_REASONS = {
    pynvml.nvmlClocksThrottleReasonSwThermalSlowdown: "software thermal slowdown",
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown: "hardware thermal slowdown",
    pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: "hardware power brake",
    pynvml.nvmlClocksThrottleReasonHwSlowdown: "hardware slowdown",
    pynvml.nvmlClocksThrottleReasonSwPowerCap: POWER_CAP,
    pynvml.nvmlClocksThrottleReasonSyncBoost: "sync boost",
}


@dataclass(frozen=True)
class Gpu:
    """One card. ``compute_capability`` is (major, minor).

    ``memory_bytes`` is its whole memory; None where it has none of its own.
    """

    uuid: str
    name: str
    driver: str
    compute_capability: tuple[int, int]
    memory_bytes: int | None


@dataclass(frozen=True)
class GpuSample:
    """A card at one moment. None is what this card or driver does not tell."""

    utilization_percent: float | None = None
    memory_used_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    sm_mhz: float | None = None
    memory_mhz: float | None = None
    throttle: frozenset[str] | None = None


@dataclass(frozen=True)
class GpuProcess:
    """A process with a context on a card. ``graphics``: it draws the desktop and no more."""

    pid: int
    used_bytes: int | None
    name: str | None
    kind: Literal["compute", "graphics"] = "compute"

    def __str__(self) -> str:
        """Return the process in words."""
        used = f", {self.used_bytes >> 20} MiB" if self.used_bytes is not None else ""
        return f"pid {self.pid} ({self.name or 'name unknown'}{used})"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _told(ask: Callable[[], T]) -> T | None:
    """Return what the driver says, or None where it says that it cannot."""
    try:
        return ask()
    except pynvml.NVMLError:
        return None


def _process_name(pid: int) -> str | None:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return None


class Nvml:
    """The driver's own library. It stays loaded as long as this process lives."""

    def __init__(self) -> None:
        """Load it. Raises pynvml.NVMLError where there is no driver."""
        pynvml.nvmlInit()

    def cards(self) -> list[Gpu]:
        """Return the cards, in the driver's order."""
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        return [self._card(index, driver) for index in range(pynvml.nvmlDeviceGetCount())]

    def _card(self, index: int, driver: str) -> Gpu:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        return Gpu(
            uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
            name=_text(pynvml.nvmlDeviceGetName(handle)),
            driver=driver,
            compute_capability=(int(major), int(minor)),
            memory_bytes=_told(lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)),
        )

    def sample(self, uuid: str) -> GpuSample:
        """Return how a card stands now; what it does not support is None."""
        card = _told(lambda: pynvml.nvmlDeviceGetHandleByUUID(uuid))
        if card is None:
            return GpuSample()
        used = _told(lambda: int(pynvml.nvmlDeviceGetMemoryInfo(card).used))
        milliwatts = _told(lambda: float(pynvml.nvmlDeviceGetPowerUsage(card)))
        bits = _told(lambda: int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(card)))
        return GpuSample(
            utilization_percent=_told(
                lambda: float(pynvml.nvmlDeviceGetUtilizationRates(card).gpu)
            ),
            memory_used_bytes=used,
            temperature_c=_told(
                lambda: float(pynvml.nvmlDeviceGetTemperature(card, pynvml.NVML_TEMPERATURE_GPU))
            ),
            power_w=None if milliwatts is None else milliwatts / 1000,
            sm_mhz=_told(lambda: float(pynvml.nvmlDeviceGetClockInfo(card, pynvml.NVML_CLOCK_SM))),
            memory_mhz=_told(
                lambda: float(pynvml.nvmlDeviceGetClockInfo(card, pynvml.NVML_CLOCK_MEM))
            ),
            throttle=None
            if bits is None
            else frozenset(w for b, w in _REASONS.items() if bits & b),
        )

    def processes(self, uuid: str) -> list[GpuProcess] | None:
        """Return who uses a card, or None where the driver does not tell (WSL, vGPU)."""
        card = _told(lambda: pynvml.nvmlDeviceGetHandleByUUID(uuid))
        if card is None:
            return None
        computing = _told(lambda: pynvml.nvmlDeviceGetComputeRunningProcesses(card))
        if computing is None:
            return None
        drawing = _told(lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses(card)) or []
        # A process that does both is in both lists; it computes.
        pids = {told.pid for told in computing}
        return [
            *[self._process(told, "compute") for told in computing],
            *[self._process(told, "graphics") for told in drawing if told.pid not in pids],
        ]

    @staticmethod
    def _process(told: Any, kind: Literal["compute", "graphics"]) -> GpuProcess:
        used = None if told.usedGpuMemory is None else int(told.usedGpuMemory)
        return GpuProcess(int(told.pid), used, _process_name(int(told.pid)), kind)


def connect_driver() -> Nvml | None:
    """Return the driver's library, or None where there is no driver.

    Raises MachineError where there is one that does not answer.
    """
    try:
        return Nvml()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return None
    except pynvml.NVMLError as error:
        raise MachineError(
            f"the NVIDIA driver does not answer: {error}\n"
            "see whether nvidia-smi works; after an update of the driver the machine must restart"
        ) from error
