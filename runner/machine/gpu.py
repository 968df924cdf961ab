"""What the NVIDIA driver tells of its cards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import psutil
import pynvml

from runner.errors import MachineError
from runner.words import size_text

T = TypeVar("T")
POWER_CAP = "software power cap"
_SLICED = "it is divided by MIG, whose slices are not measured; nvidia-smi -mig 0 makes it whole"
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

    ``memory_bytes`` is its whole memory; None where it has none of its own. ``index`` is its
    number among the driver's cards, unusable ones included. ``bus_id`` is its address on the PCI
    bus as the kernel writes it, None where the driver does not tell.
    """

    uuid: str
    name: str
    driver: str
    compute_capability: tuple[int, int]
    memory_bytes: int | None
    index: int = 0
    bus_id: str | None = None

    @property
    def kind(self) -> str:
        """Return in words what two cards must have in common to be equal."""
        own = self.memory_bytes
        memory = "no memory of its own" if own is None else size_text(own)
        capability = ".".join(map(str, self.compute_capability))
        return f"{self.name}, {memory}, compute capability {capability}, driver {self.driver}"


@dataclass(frozen=True)
class UnusableCard:
    """Why a card cannot be used, and its UUID where the driver tells it."""

    reason: str
    uuid: str | None = None


@dataclass(frozen=True)
class Cards:
    """The driver's cards by its index; ``driver`` is its version, None where there is none."""

    usable: Mapping[int, Gpu] = field(default_factory=dict)
    unusable: Mapping[int, UnusableCard] = field(default_factory=dict)
    driver: str | None = None


@dataclass(frozen=True)
class GpuSample:
    """A card at one moment. None is what this card or driver does not tell.

    ``energy_j`` are the joules that it has used since its driver was loaded.
    """

    utilization_percent: float | None = None
    memory_used_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    sm_mhz: float | None = None
    memory_mhz: float | None = None
    throttle: frozenset[str] | None = None
    energy_j: float | None = None


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


# A library without a function that its binding calls is no NVMLError.
_REFUSED = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError)
_LOST = frozenset({pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED})


def _answer_or_none(ask: Callable[[], T]) -> T | None:
    """Return what the driver says, or None where it says that it cannot."""
    try:
        return ask()
    except _REFUSED:
        return None


def _name(handle: Any) -> str:
    """Return a card's name; a card whose name is no text has none."""
    try:
        return str(pynvml.nvmlDeviceGetName(handle))
    except (*_REFUSED, UnicodeDecodeError):
        return "NVIDIA GPU of unknown name"


def _bus_id(handle: Any) -> str | None:
    """Return a card's address on the PCI bus, as ``/sys/bus/pci/devices`` names it."""
    address = _answer_or_none(lambda: pynvml.nvmlDeviceGetPciInfo(handle))
    return (
        f"{address.domain:04x}:{address.bus:02x}:{address.device:02x}.0"
        if address is not None
        else None
    )


def _remedied(error: Exception) -> str:
    """Return why the driver refuses a card, and what helps where that is known."""
    reason = str(error) or type(error).__name__
    code = getattr(error, "value", None)
    if code in _LOST:
        return f"{reason}: it is off the bus until the machine restarts"
    if code == pynvml.NVML_ERROR_NO_PERMISSION:
        return f"{reason}: it may not be opened by this user or from this control group"
    return reason


def _processes_by(newest: Callable[[], T], before: Callable[[], T]) -> T | None:
    """Ask for processes by the newest function that the driver's library has.

    R470, the last driver of Kepler cards, has the one before.
    """
    try:
        return newest()
    except (pynvml.NVMLLibraryMismatchError, pynvml.NVMLError_FunctionNotFound):
        return _answer_or_none(before)
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

    def cards(self) -> Cards:
        """Return the cards. One that is lost or may not be opened stops none of the others."""
        driver = _answer_or_none(lambda: str(pynvml.nvmlSystemGetDriverVersion()))
        usable: dict[int, Gpu] = {}
        unusable: dict[int, UnusableCard] = {}
        for index in range(_answer_or_none(pynvml.nvmlDeviceGetCount) or 0):
            if driver is None:
                unusable[index] = UnusableCard("the driver does not tell its version")
                continue
            try:
                card = self._card(index, driver)
                if self._is_sliced(index):
                    unusable[index] = UnusableCard(_SLICED, card.uuid)
                else:
                    usable[index] = card
            except (*_REFUSED, UnicodeDecodeError) as error:
                unusable[index] = UnusableCard(_remedied(error))
        return Cards(usable, unusable, driver or "of unknown version")

    @staticmethod
    def _is_sliced(index: int) -> bool:
        """Return whether a card is divided by MIG, so that nothing can use the whole of it."""
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        modes = _answer_or_none(lambda: pynvml.nvmlDeviceGetMigMode(handle))
        return modes is not None and modes[0] == pynvml.NVML_DEVICE_MIG_ENABLE

    def _card(self, index: int, driver: str) -> Gpu:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        return Gpu(
            uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
            name=_name(handle),
            driver=driver,
            compute_capability=(int(major), int(minor)),
            memory_bytes=_answer_or_none(lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)),
            index=index,
            bus_id=_bus_id(handle),
        )

    def sample(self, uuid: str) -> GpuSample:
        """Return how a card stands now; what it does not support is None."""
        card = _answer_or_none(lambda: pynvml.nvmlDeviceGetHandleByUUID(uuid))
        if card is None:
            return GpuSample()
        used = _answer_or_none(lambda: int(pynvml.nvmlDeviceGetMemoryInfo(card).used))
        milliwatts = _answer_or_none(lambda: float(pynvml.nvmlDeviceGetPowerUsage(card)))
        millijoules = _answer_or_none(
            lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(card))
        )
        bits = _answer_or_none(lambda: int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(card)))
        return GpuSample(
            utilization_percent=_answer_or_none(
                lambda: float(pynvml.nvmlDeviceGetUtilizationRates(card).gpu)
            ),
            memory_used_bytes=used,
            temperature_c=_answer_or_none(
                lambda: float(pynvml.nvmlDeviceGetTemperature(card, pynvml.NVML_TEMPERATURE_GPU))
            ),
            power_w=None if milliwatts is None else milliwatts / 1000,
            sm_mhz=_answer_or_none(
                lambda: float(pynvml.nvmlDeviceGetClockInfo(card, pynvml.NVML_CLOCK_SM))
            ),
            memory_mhz=_answer_or_none(
                lambda: float(pynvml.nvmlDeviceGetClockInfo(card, pynvml.NVML_CLOCK_MEM))
            ),
            energy_j=None if millijoules is None else millijoules / 1000,
            throttle=None
            if bits is None
            else frozenset(w for b, w in _REASONS.items() if bits & b),
        )

    def processes(self, uuid: str) -> list[GpuProcess] | None:
        """Return who uses a card, or None where the driver does not tell (WSL, vGPU)."""
        card = _answer_or_none(lambda: pynvml.nvmlDeviceGetHandleByUUID(uuid))
        if card is None:
            return None
        computing = _processes_by(
            lambda: pynvml.nvmlDeviceGetComputeRunningProcesses_v3(card),
            lambda: pynvml.nvmlDeviceGetComputeRunningProcesses_v2(card),
        )
        if computing is None:
            return None
        drawing = _processes_by(
            lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3(card),
            lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2(card),
        )
        # A process that does both is in both lists; it computes.
        pids = {process.pid for process in computing}
        return [
            *[self._process(process, "compute") for process in computing],
            *[
                self._process(process, "graphics")
                for process in drawing or ()
                if process.pid not in pids
            ],
        ]

    @staticmethod
    def _process(process: Any, kind: Literal["compute", "graphics"]) -> GpuProcess:
        used = None if process.usedGpuMemory is None else int(process.usedGpuMemory)
        return GpuProcess(int(process.pid), used, _process_name(int(process.pid)), kind)


def connect_driver() -> Nvml | None:
    """Return the driver's library, or None where there is no driver.

    Raises MachineError where there is one that does not answer.
    """
    try:
        return Nvml()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return None
    except _REFUSED as error:
        raise MachineError(
            f"the NVIDIA driver does not answer: {error}\n"
            "see whether nvidia-smi works; after an update of the driver the machine must restart"
        ) from error
