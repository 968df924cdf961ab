"""What can be known before anything is built: is there an engine, a GPU, and does it fit?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from runner import devices
from runner.configurations import Configuration, Device
from runner.devices import Gpu
from runner.engine import Engine, connect, require_nvidia
from runner.errors import MachineError
from runner.jobs import Job

Say = Callable[[str], None]


class LauncherChoice(StrEnum):
    """Where a job's process lives; ``auto`` is docker where an engine answers, else local."""

    AUTO = "auto"
    DOCKER = "docker"
    LOCAL = "local"


class DeviceChoice(StrEnum):
    """What to train on; ``auto`` is the GPU where there is one, else the CPU."""

    AUTO = "auto"
    GPU = "gpu"
    CPU = "cpu"


@dataclass(frozen=True)
class Machine:
    """What a run works with. Without an engine, jobs are processes of this machine."""

    device: Device
    engine: Engine | None
    gpu: Gpu | None


def _choose_engine(choice: LauncherChoice, engine: str | None, say: Say) -> Engine | None:
    if choice is LauncherChoice.LOCAL:
        return None
    try:
        return connect(engine)
    except MachineError as error:
        if choice is LauncherChoice.DOCKER or engine is not None:
            raise
        say(f"launcher: local, because {str(error).splitlines()[0]}")
        return None


def _choose_card(choice: DeviceChoice, gpu: str | None, say: Say) -> Gpu | None:
    if choice is DeviceChoice.CPU:
        return None
    cards = devices.gpus()
    if choice is DeviceChoice.AUTO and not cards and gpu is None:
        say("device: cpu, because this machine shows no NVIDIA GPU")
        return None
    return devices.choose_gpu(gpu, cards)


def check(
    chosen: list[Configuration],
    device: DeviceChoice,
    gpu: str | None,
    launcher: LauncherChoice,
    engine: str | None,
    say: Say,
) -> Machine:
    """Return the device, engine and GPU of a run; what was chosen by itself goes to ``say``.

    Raises MachineError if one is missing, or if no backend of ``chosen`` can use the card.
    """
    card = _choose_card(device, gpu, say)
    found = _choose_engine(launcher, engine, say)
    if card is None:
        return Machine(Device.CPU, found, None)
    if found is not None:
        require_nvidia(found)
    against = [devices.reason_against(c, backend, card) for c in chosen for backend in c.backends]
    if all(against):
        raise MachineError(
            f"none of the chosen backends can run on this card: {against[0]}\n"
            "choose a Keras 3 configuration, or measure on the CPU: --device cpu"
        )
    return Machine(Device.GPU, found, card)


def refuse_cards(planned: list[Job], chosen: list[Configuration], gpu: Gpu | None) -> list[Job]:
    """Return the plan with the jobs that cannot be trusted on ``gpu`` marked unsupported."""
    if gpu is None:
        return planned
    by_name = {configuration.name: configuration for configuration in chosen}
    return [
        replace(
            job,
            unsupported=job.unsupported
            or devices.reason_against(by_name[job.configuration], job.backend, gpu),
        )
        for job in planned
    ]
