"""The device is this run's alone: held for the run, looked at before each job."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import MachineError
from runner.execution.watch import (
    CpuProbe,
    GpuProbe,
    Judge,
    Probe,
    cpu_probe,
    judge_leniently,
    judge_strictly,
)
from runner.launchers.base import Process
from runner.machine.device_lock import POLL_SECONDS, device_held, lock_folder
from runner.machine.gpu import Gpu, GpuProcess, Nvml, connect_driver
from runner.words import Say

# A framework's context goes within a second or two; a driver under load has been slower.
FREE_WITHIN_SECONDS = 60.0
# What the driver's own bookkeeping moves by; the smallest CUDA context is larger than this.
MEMORY_MARGIN_BYTES = 64 << 20
Obstacle = Callable[[], str | None]


class DeviceGuard(ABC):
    """Keeps a device to one run, and judges whether it was kept during each job."""

    judge: Judge

    @abstractmethod
    def hold(self) -> AbstractContextManager[Obstacle]:
        """Hold the device for a whole run; raises MachineError if it is not free.

        What it gives, called before each job, returns why that job cannot start, or None.
        """

    @abstractmethod
    def probe(self, process: Process) -> Probe:
        """Return what samples the device while ``process`` runs."""


@dataclass(frozen=True)
class CpuGuard(DeviceGuard):
    """Keeps the machine's CPUs to one run. Other work on them is seen in the samples.

    ``node`` is the name by which a cluster knows the machine: a machine may be several nodes.
    """

    node: str | None = None
    judge: Judge = judge_leniently
    wait_seconds: float = 0
    say: Say = lambda _: None
    folder: Path = field(default_factory=lock_folder)

    @contextmanager
    def hold(self) -> Iterator[Obstacle]:
        device, name = "the CPUs of this machine", "cpu"
        if self.node is not None:
            device, name = f"the CPUs of node {self.node}", f"cpu-{self.node}"
        with device_held(device, name, self.folder, self.wait_seconds, self.say):
            yield lambda: None

    def probe(self, process: Process) -> Probe:
        return CpuProbe(process)


@dataclass(frozen=True)
class GpuGuard(DeviceGuard):
    """Keeps one card to one run. Nobody's process is ever ended for it.

    ``share`` are the CPUs of its jobs alone, where other jobs of the run are on other cards.
    Processes that only draw the desktop are no obstacle: a workstation's card always has them.
    """

    gpu: Gpu
    nvml: Nvml
    judge: Judge = judge_strictly
    wait_seconds: float = 0
    say: Say = lambda _: None
    folder: Path = field(default_factory=lock_folder)
    patience: float = FREE_WITHIN_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    share: tuple[int, ...] | None = None

    @contextmanager
    def hold(self) -> Iterator[Obstacle]:
        name = f"{self.gpu.name} {self.gpu.uuid}"
        with device_held(name, self.gpu.uuid, self.folder, self.wait_seconds, self.say):
            self._refuse_strangers()
            before = self._memory_used()
            yield lambda: self._wait_until_free(before)

    def probe(self, process: Process) -> Probe:
        return GpuProbe(process, self.nvml, self.gpu.uuid, cpu_probe(process, self.share))

    def _strangers(self) -> list[GpuProcess]:
        present = self.nvml.processes(self.gpu.uuid) or []
        return [process for process in present if process.kind == "compute"]

    def _refuse_strangers(self) -> None:
        if strangers := self._strangers():
            raise MachineError(
                f"{self.gpu.name} {self.gpu.uuid} is in use by {', '.join(map(str, strangers))}\n"
                "a time taken beside another process is worth nothing: wait until it has ended, "
                "end it yourself, or take another card (--gpu)"
            )

    def _memory_used(self) -> int | None:
        return self.nvml.sample(self.gpu.uuid).memory_used_bytes

    def _wait_until_free(self, before: int | None) -> str | None:
        """Wait for the card to be as before the run, and return what still stands against it."""
        deadline = self.clock() + self.patience
        while (obstacle := self._obstacle(before)) is not None:
            if self.clock() >= deadline:
                return f"not started, after {self.patience:.0f} s of waiting: {obstacle}"
            self.sleep(POLL_SECONDS)
        return None

    def _obstacle(self, before: int | None) -> str | None:
        if strangers := self._strangers():
            return f"the GPU is in use by {', '.join(map(str, strangers))}"
        used = self._memory_used()
        if used is None or before is None or used <= before + MEMORY_MARGIN_BYTES:
            return None
        return (
            f"the GPU's memory did not come back: {used >> 20} MiB are used, "
            f"{before >> 20} MiB were before the first job"
        )


def device_guard(
    gpu: Gpu | None,
    wait_seconds: float = 0,
    say: Say = lambda _: None,
    *,
    share: tuple[int, ...] | None = None,
    node: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> DeviceGuard:
    """Return what keeps a run's device its own: a card, or the CPUs."""
    if gpu is None:
        return CpuGuard(node, wait_seconds=wait_seconds, say=say)
    found = connect_driver()
    if found is None:
        raise MachineError(f"{gpu.uuid}: the NVIDIA driver is gone\nsee whether nvidia-smi works")
    return GpuGuard(gpu, found, wait_seconds=wait_seconds, say=say, share=share, sleep=sleep)
