"""The run that is asked about, and what of the machine several checks look at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from runner.errors import MachineError
from runner.machine.docker_engine import Engine
from runner.machine.fit import list_gpus
from runner.machine.gpu import Gpu
from runner.plan.preflight import choose_card, choose_engine
from runner.spec.choices import BuildOptions, DeviceChoice, LauncherChoice
from runner.spec.configuration import Configuration
from runner.spec.workload import DataSource, Workload
from runner.words import Say

T = TypeVar("T")


@dataclass(frozen=True)
class AskedRun:
    """The options of a run that decide whether it can work."""

    configurations: list[Configuration]
    backends: list[str]
    workloads: list[Workload]
    device: DeviceChoice
    gpu: str | None
    data: DataSource | None
    launcher: LauncherChoice
    engine: str | None
    python: Path | None
    results: Path
    cache: Path
    build: BuildOptions


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What the machine gave to a question, what was chosen by itself, or why there is nothing."""

    value: T | None
    notes: tuple[str, ...] = ()
    error: MachineError | None = None


def _ask(question: Callable[[Say], T]) -> Answer[T]:
    notes: list[str] = []
    try:
        return Answer(question(notes.append), tuple(notes))
    except MachineError as error:
        return Answer(None, tuple(notes), error)


@dataclass(frozen=True)
class SeenMachine:
    """The engine, the card and all cards, asked for once, as a run asks for them."""

    engine: Answer[Engine | None]
    card: Answer[Gpu | None]
    cards: Answer[list[Gpu]]

    @property
    def runs_locally(self) -> bool:
        """Return whether jobs would be processes of this machine."""
        return self.engine.value is None and self.engine.error is None


def look_at_machine(asked: AskedRun) -> SeenMachine:
    """Look at the machine with the same functions that a run decides with."""
    return SeenMachine(
        _ask(lambda say: choose_engine(asked.launcher, asked.engine, say)),
        _ask(lambda say: choose_card(asked.device, asked.gpu, say)),
        _ask(lambda _: list_gpus()),
    )


def text_and_remedy(error: Exception) -> tuple[str, str | None]:
    """Return an error's first line and, as what to do, the rest."""
    first, _, rest = str(error).partition("\n")
    return first, rest.replace("\n", " ") or None
