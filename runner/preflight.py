"""What can be known before anything is built: is there an engine, a GPU, and does it fit?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner import devices
from runner.configurations import Configuration, Device
from runner.devices import Gpu
from runner.engine import Engine, connect, require_nvidia
from runner.errors import MachineError
from runner.jobs import Job


@dataclass(frozen=True)
class Machine:
    """What a run works with."""

    engine: Engine
    gpu: Gpu | None


def check(
    chosen: list[Configuration], device: Device, gpu: str | None, engine: str | None
) -> Machine:
    """Return the engine and the GPU of a run.

    Raises MachineError if one is missing, or if no backend of ``chosen`` can use the card.
    """
    if device is Device.CPU:
        return Machine(connect(engine), None)
    card = devices.choose_gpu(gpu, devices.gpus())
    found = connect(engine)
    require_nvidia(found)
    against = [devices.reason_against(c, backend, card) for c in chosen for backend in c.backends]
    if all(against):
        raise MachineError(
            f"none of the chosen backends can run on this card: {against[0]}\n"
            "choose a Keras 3 configuration, or measure on the CPU: --device cpu"
        )
    return Machine(found, card)


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
