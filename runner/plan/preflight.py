"""What can be known before anything is built: is there an engine, a GPU, and does it fit?"""

from collections.abc import Sequence

from runner.errors import MachineError, UsageError
from runner.launchers.gpu_request import gpu_request
from runner.machine.docker_engine import Engine, connect_engine
from runner.machine.fit import (
    ELSEWHERE,
    Cluster,
    Machine,
    Misfit,
    choose_gpus,
    find_misfit,
    list_gpus,
    misfit_reason,
    require_on_engine,
    unusable_texts,
)
from runner.machine.gpu import Gpu
from runner.schedulers.base import Node, Scheduler
from runner.schedulers.choose import allotment_for
from runner.spec.choices import DeviceChoice, LauncherChoice
from runner.spec.configuration import Configuration, Device
from runner.spec.job import Job, marked_unsupported
from runner.spec.request import Request
from runner.words import Say


def choose_engine(choice: LauncherChoice, engine: str | None, say: Say) -> Engine | None:
    """Return the engine to use, or None where jobs are to be processes of this machine.

    Raises MachineError if one was asked for and none answers.
    """
    if choice is LauncherChoice.LOCAL:
        return None
    try:
        return connect_engine(engine)
    except MachineError as error:
        if choice is LauncherChoice.DOCKER or engine is not None:
            raise
        say(f"launcher: local, because {str(error).splitlines()[0]}")
        return None


def choose_cards(choice: DeviceChoice, gpu: str | None, say: Say) -> tuple[Gpu, ...]:
    """Return the cards to use, equal ones; none where the CPU is to be used.

    Raises MachineError if a card was asked for and there is none such, or if they differ.
    """
    if choice is DeviceChoice.CPU:
        return ()
    cards = list_gpus()
    for text in unusable_texts(cards):
        say(f"left out: {text}")
    if choice is DeviceChoice.AUTO and not cards.usable and gpu is None:
        shown = "no GPU can be used" if cards.unusable else "this machine shows no NVIDIA GPU"
        say(f"device: cpu, because {shown}")
        return ()
    return choose_gpus(gpu, cards)


def cards_on_engine(
    cards: tuple[Gpu, ...], engine: Engine | None, choice: DeviceChoice, gpu: str | None, say: Say
) -> tuple[Gpu, ...]:
    """Return the cards, or none where nobody asked for one and the engine is elsewhere."""
    if not cards or engine is None or engine.is_local:
        return cards
    if choice is not DeviceChoice.AUTO or gpu is not None:
        return cards
    say(f"device: cpu, because {ELSEWHERE}, whose cards cannot be seen from here")
    return ()


def device_to_build_for(choice: DeviceChoice, say: Say) -> Device:
    """Return what an image is for; that of a GPU can be built where there is none."""
    if choice is DeviceChoice.AUTO:
        return Device.GPU if choose_cards(choice, None, say) else Device.CPU
    return Device(choice)


def misfits(
    chosen: list[Configuration], backends: Sequence[str], card: Gpu
) -> dict[tuple[str, str], Misfit | None]:
    """Return what stands between each chosen configuration's backend and the card.

    ``backends`` empty means all of them.
    """
    return {
        (configuration.name, backend): find_misfit(configuration, backend, card)
        for configuration in chosen
        for backend in configuration.backends
        if not backends or backend in backends
    }


def require_fit(chosen: list[Configuration], backends: Sequence[str], card: Gpu) -> None:
    """Fail if no chosen backend can use the card."""
    against = list(misfits(chosen, backends, card).values())
    first = against[0] if against else None
    if first is not None and all(against):
        raise MachineError(
            f"none of the chosen backends can run on this card: {first.reason}\n{first.remedy}"
        )


def look_at_machine(
    device: DeviceChoice, gpu: str | None, launcher: LauncherChoice, engine: str | None, say: Say
) -> Machine:
    """Return the device, engine and GPUs of this machine that a run takes, whatever fits them.

    What was chosen by itself goes to ``say``. Raises MachineError if one is missing.
    """
    cards = choose_cards(device, gpu, say)
    found = choose_engine(launcher, engine, say)
    cards = cards_on_engine(cards, found, device, gpu, say)
    machine = Machine(Device.GPU if cards else Device.CPU, found, cards)
    require_on_engine(found, None, machine.gpu)
    if found is not None:
        for card in cards:
            gpu_request(found, card)
    return machine


def check_machine(
    chosen: list[Configuration],
    device: DeviceChoice,
    gpu: str | None,
    launcher: LauncherChoice,
    engine: str | None,
    say: Say,
    backends: Sequence[str] = (),
) -> Machine:
    """Return the device, engine and GPUs of a run; what was chosen by itself goes to ``say``.

    Raises MachineError if one is missing, or if none of ``backends`` (empty: all of
    ``chosen``'s) can use the card.
    """
    machine = look_at_machine(device, gpu, launcher, engine, say)
    if machine.gpu is not None:
        require_fit(chosen, backends, machine.gpu)
    return machine


def _usable(nodes: Sequence[Node], queue: str) -> list[Node]:
    """Return the nodes that can be given jobs. Raises MachineError if there are none."""
    usable = [node for node in nodes if node.is_usable]
    if usable:
        return usable
    there = ", ".join(f"{node.name} is {node.state}" for node in nodes) or "it has none"
    raise MachineError(
        f"no node of {queue} can be given a job: {there}\n"
        "see what sinfo lists, or name others: --partition, --constraint"
    )


def check_cluster(request: Request, scheduler: Scheduler, say: Say) -> Machine:
    """Return the nodes of a cluster that a run's jobs may be given.

    The device is a GPU where a node has one, unless it is said. What fits a node's card is seen
    there. Raises MachineError if no node can be given such a job, UsageError for an option of the
    queue that is not the user's to set.
    """
    options = request.queue_options
    for name in sorted(options.keys() & scheduler.reserved):
        raise UsageError(f"--slurm {name}: the runner sets it itself; leave it out")
    queue = f"partition {options['partition']}" if "partition" in options else "the usual partition"
    nodes = _usable(scheduler.nodes(allotment_for(request)), queue)
    with_cards = [node for node in nodes if node.gpus]
    device = Device.CPU if request.device is DeviceChoice.CPU else Device.GPU
    if request.device is DeviceChoice.AUTO and not with_cards:
        device = Device.CPU
        say(f"device: cpu, because no node of {queue} has a GPU")
    taken = with_cards if device is Device.GPU else nodes
    if not taken:
        raise MachineError(
            f"no node of {queue} has a GPU\nname another one: --partition; or measure on the "
            "CPU: --device cpu"
        )
    own = options.get("cpus-per-task", "")
    cpus = int(own) if own.isdecimal() else min(node.cpus for node in taken)
    return Machine(device, None, cluster=Cluster(queue, len(taken), cpus))


def refuse_cards(planned: list[Job], chosen: list[Configuration], gpu: Gpu | None) -> list[Job]:
    """Return the plan with the jobs that cannot be trusted on ``gpu`` marked unsupported."""
    if gpu is None:
        return planned
    by_name = {configuration.name: configuration for configuration in chosen}
    return marked_unsupported(
        planned, lambda job: misfit_reason(by_name[job.configuration], job.backend, gpu)
    )
