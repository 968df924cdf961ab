"""The run that is asked about, and what of the machine several checks look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from runner.errors import MachineError
from runner.machine.docker_engine import Engine
from runner.machine.fit import Machine, list_gpus
from runner.machine.gpu import Gpu
from runner.machine.interpreters import Installed
from runner.plan.interpreter import look_into
from runner.plan.libraries import lacks_here
from runner.plan.preflight import cards_on_engine, choose_cards, choose_engine
from runner.spec.configuration import Configuration, Device, load_configurations
from runner.spec.request import Request
from runner.spec.study import choose_workloads
from runner.spec.workload import Workload
from runner.words import Say

T = TypeVar("T")


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What the machine gave to a question, what was chosen by itself, or why there is nothing."""

    value: T | None
    notes: tuple[str, ...] = ()
    error: MachineError | None = None


def _ask(question: Callable[[Say], T]) -> Seen[T]:
    notes: list[str] = []
    try:
        return Seen(question(notes.append), tuple(notes))
    except MachineError as error:
        return Seen(None, tuple(notes), error)


class AskedRun(Request):
    """A run that is asked about: its request, where it writes, what it would find.

    ``found_engine``, ``chosen_cards``, ``cards``, ``installed`` and ``lacks`` are looked at once,
    with the same functions that a run decides with.
    """

    results: Path
    cache: Path

    @cached_property
    def configurations(self) -> list[Configuration]:
        return load_configurations(list(self.config))

    @cached_property
    def workloads(self) -> list[Workload]:
        return choose_workloads(list(self.model))

    @cached_property
    def found_engine(self) -> Seen[Engine | None]:
        return _ask(lambda say: choose_engine(self.runs_in, self.engine, say))

    @cached_property
    def chosen_cards(self) -> Seen[tuple[Gpu, ...]]:
        def chosen(say: Say) -> tuple[Gpu, ...]:
            found = choose_cards(self.device, self.gpu, say)
            return cards_on_engine(found, self.found_engine.value, self.device, self.gpu, say)

        return _ask(chosen)

    @property
    def card(self) -> Seen[Gpu | None]:
        """The first of the chosen cards, which stands for all of them: they are equal."""
        found = self.chosen_cards
        return Seen(found.value[0] if found.value else None, found.notes, found.error)

    @property
    def machine(self) -> Machine:
        """What the run would work with; without a card where none can be chosen."""
        cards = self.chosen_cards.value or ()
        return Machine(Device.GPU if cards else Device.CPU, self.found_engine.value, cards)

    @cached_property
    def cards(self) -> Mapping[int, Gpu]:
        return found.usable if (found := _ask(lambda _: list_gpus()).value) else {}

    @cached_property
    def installed(self) -> Seen[Installed | None]:
        """What a given Python has of what the chosen configurations import."""
        python = self.python
        return _ask(lambda _: look_into(python, self.configurations) if python else None)

    @cached_property
    def lacks(self) -> Mapping[tuple[str, str], str | None]:
        """What each chosen backend lacks of this machine where jobs are processes of it."""
        device = Device.GPU if self.card.value else Device.CPU
        return lacks_here(self.configurations, self.backend, device, self.installed.value)

    @property
    def runs_locally(self) -> bool:
        """Return whether jobs would be processes of this machine."""
        return self.found_engine.value is None and self.found_engine.error is None


def text_and_remedy(error: Exception) -> tuple[str, str | None]:
    """Return an error's first line and, as what to do, the rest."""
    first, _, rest = str(error).partition("\n")
    return first, rest.replace("\n", " ") or None
