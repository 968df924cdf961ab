"""What can be known before anything is built: is there an engine, a GPU, and does it fit?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from runner.errors import MachineError, UsageError
from runner.launchers.gpu_request import gpu_request
from runner.machine.docker_engine import Engine, connect_engine
from runner.machine.gpu import Gpu
from runner.machine.inherited import limits_of_this_process
from runner.machine.interpreters import Installed
from runner.machine.machine import Cluster, Machine
from runner.plan.cards import choose_cards
from runner.plan.obstacles import (
    NOTHING,
    Against,
    card_against,
    libraries_against,
    look_into,
    other_versions,
    packages_against,
)
from runner.plan.resources import ELSEWHERE, require_resources
from runner.schedulers.base import Node, Scheduler
from runner.schedulers.choose import allotment_for
from runner.spec.choices import DeviceChoice, LauncherChoice
from runner.spec.configuration import Configuration, Device
from runner.spec.request import Request
from runner.words import Say

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a machine has for one question of a run, what was chosen by itself, or why nothing."""

    value: T | None
    notes: tuple[str, ...] = ()
    error: MachineError | None = None

    def take(self, say: Say) -> None:
        """Say what was chosen. Raises MachineError where there is nothing to go on with."""
        for note in self.notes:
            say(note)
        if self.error is not None:
            raise self.error


def _asked_once(
    question: Callable[["Preflight", Say], T],
) -> "cached_property[Answer[T]]":
    """Make of a question, which says what it chooses or raises MachineError, its kept answer."""

    def answer(preflight: "Preflight") -> Answer[T]:
        notes: list[str] = []
        try:
            value = question(preflight, notes.append)
        except MachineError as error:
            return Answer(None, tuple(notes), error)
        return Answer(value, tuple(notes))

    return cached_property(answer)


class Preflight:
    """A request held against this machine.

    Each question is put once, when its answer is first needed: by a run, which takes the answers
    one after the other, and by the doctor, which prints them all.
    """

    def __init__(self, request: Request, chosen: Sequence[Configuration]) -> None:
        self.request = request
        self.chosen = chosen

    @_asked_once
    def engine(self, say: Say) -> Engine | None:
        """Return the engine to use, or None where jobs are to be processes of this machine."""
        choice, named = self.request.runs_in, self.request.engine
        if choice is LauncherChoice.LOCAL:
            return None
        try:
            return connect_engine(named)
        except MachineError as error:
            if choice is LauncherChoice.DOCKER or named is not None:
                raise
            say(f"launcher: local, because {str(error).splitlines()[0]}")
            return None

    @_asked_once
    def cards(self, say: Say) -> tuple[Gpu, ...]:
        """Return the cards to use, equal ones; none where the CPU is to be used."""
        device, named = self.request.device, self.request.gpu
        cards, engine = choose_cards(device, named, say), self.engine.value
        is_here = engine is None or engine.is_local
        if not cards or is_here or device is not DeviceChoice.AUTO or named is not None:
            return cards
        say(f"device: cpu, because {ELSEWHERE}, whose cards cannot be seen from here")
        return ()

    @_asked_once
    def devices(self, _: Say) -> list[str]:
        """Return what the engine is asked for so that a container gets a card, for each one."""
        machine = self.machine
        if machine.engine is None:
            return []
        if machine.gpus and not machine.engine.is_local:
            raise MachineError(
                f"{ELSEWHERE}, whose cards cannot be seen from here\n"
                "run there, or measure on its CPU: --device cpu (make: DEVICE=cpu)"
            )
        asked = [gpu_request(machine.engine, card)["DeviceIDs"] for card in machine.gpus]
        return [", ".join(ids) for ids in asked]

    @_asked_once
    def resources(self, say: Say) -> None:
        """See whether jobs can have the processor, CPUs, memory and data that are asked for."""
        require_resources(self.request, self.machine)
        if self.is_local:
            for text in limits_of_this_process():
                say(text)

    @_asked_once
    def installed(self, say: Say) -> Installed | None:
        """Return what a given Python has of what jobs import; other versions are said."""
        if self.request.python is None:
            return None
        found = look_into(self.request.python, self.chosen)
        for text in other_versions(self.chosen, self.request.backend, found):
            say(text)
        return found

    @cached_property
    def machine(self) -> Machine:
        """What a run works with, as far as it is there."""
        cards = self.cards.value or ()
        return Machine(Device.GPU if cards else Device.CPU, self.engine.value, cards)

    @property
    def is_local(self) -> bool:
        """Return whether jobs are processes of this machine."""
        return self.engine.value is None and self.engine.error is None

    @cached_property
    def card_fit(self) -> Against:
        """What the card says against each backend."""
        return card_against(self.chosen, self.request.backend, self.machine.gpu)

    @cached_property
    def packages(self) -> Against:
        """Which backends a given Python has not got."""
        return packages_against(self.chosen, self.request.backend, self.installed.value)

    @cached_property
    def libraries(self) -> Against:
        """What each backend lacks of this machine; nothing where an image brings it."""
        if not self.is_local:
            return NOTHING
        return libraries_against(
            self.chosen, self.request.backend, self.machine.device, self.installed.value
        )

    def take_machine(self, say: Say) -> Machine:
        """Return the device, engine and GPUs of this machine that a run takes.

        What was chosen by itself goes to ``say``. Raises MachineError if one is missing.
        """
        for answer in (self.cards, self.engine, self.devices):
            answer.take(say)
        return self.machine

    def take_fitting_machine(self, say: Say) -> Machine:
        """Return the same. Raises MachineError also if no chosen backend can use the card."""
        machine = self.take_machine(say)
        self.card_fit.require_one_left()
        return machine


def device_to_build_for(choice: DeviceChoice, say: Say) -> Device:
    """Return what an image is for; that of a GPU can be built where there is none."""
    if choice is DeviceChoice.AUTO:
        return Device.GPU if choose_cards(choice, None, say) else Device.CPU
    return Device(choice)


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
