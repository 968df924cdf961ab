"""The engine and the cards: which there are, which are chosen, whether they are free."""

from collections.abc import Iterator, Mapping

from runner.doctor.asked import AskedRun
from runner.errors import MachineError
from runner.execution.guard import device_guard
from runner.machine.cuda import last_branch, newest_served
from runner.machine.docker_engine import credential_problem
from runner.machine.gpu import Gpu
from runner.machine.visible import list_gpus
from runner.plan.findings import Finding, Reporter
from runner.spec.choices import DeviceChoice, LauncherChoice

_engine = Reporter("engine")
_cards = Reporter("gpu")


def engine_answers(asked: AskedRun) -> Iterator[Finding]:
    """Say which engine answers; without one, whether the run can do without."""
    answer = asked.preflight.engine
    found = answer.value
    if asked.request.runs_in is LauncherChoice.LOCAL:
        yield _engine.ok("engine", "not needed: jobs are processes of this machine")
    elif answer.error is not None:
        yield _engine.error("engine", answer.error)
    elif found is None:
        hint = "for containers, see what --launcher docker says"
        yield _engine.warning("engine", "; ".join(answer.notes), hint)
    else:
        yield _engine.ok("engine", f"{found.description}: answers")
        if (problem := credential_problem()) is not None:
            yield _engine.problem("credentials", f"images cannot be built: {problem}")
        if not found.applies_limits:
            yield _engine.warning(
                "limits",
                "an engine without root applies none on control groups of version 1: a job can "
                "take all memory and CPUs",
                "use control groups of version 2, or an engine with root",
            )
        if not found.is_local:
            yield _engine.warning(
                "engine",
                "it runs on another machine: its cards and disks cannot be seen from here, and "
                "data of this machine cannot be mounted there",
                "run there, or take --device cpu and --data synthetic",
            )


def machine_suffices(asked: AskedRun) -> list[Finding]:
    """Say where jobs cannot run on the processor, or get the CPUs, memory and data asked for.

    Where they can, only what they inherit is said. Raises MachineError, which is a finding.
    """
    notes: list[str] = []
    asked.preflight.resources.take(notes.append)
    return [_engine.warning(*note.split(": ", 1)) for note in notes]


def container_gpu(asked: AskedRun) -> Iterator[Finding]:
    """Say whether a container can get a GPU, if the run is to have one."""
    subject, preflight = "GPU in a container", asked.preflight
    devices = preflight.devices
    if preflight.engine.value is None:
        return
    if devices.error is not None:
        yield _engine.error(subject, devices.error)
    elif preflight.machine.gpu is None:
        on_cpu = preflight.cards.error is None
        why = "the run is on the CPU" if on_cpu else "there is no card that a run would take"
        yield _engine.ok(subject, f"not needed: {why}")
    for device in devices.value or ():
        yield _engine.ok(subject, f"asked for as {device}")


def _described(card: Gpu) -> str:
    """Return a card in words: what it is, what its driver serves, and where its drivers end."""
    capability = ".".join(str(part) for part in card.compute_capability)
    served = newest_served(card.driver)
    words = [
        card.name,
        f"compute capability {capability}",
        f"driver {card.driver}",
        f"which serves CUDA {served} and older"
        if served
        else "which serves no CUDA that is known here",
    ]
    branch = last_branch(card.compute_capability)
    if branch is not None:
        words.append(f"R{branch} is the last driver branch for such cards")
    return ", ".join(words)


def cards_here() -> Mapping[int, Gpu]:
    """Return the cards that could be used, by their indices; none where no driver answers."""
    try:
        return list_gpus().usable
    except MachineError:
        return {}


def gpu_cards(asked: AskedRun) -> Iterator[Finding]:
    """Name every card, and say which ones the run would take."""
    if asked.request.device is DeviceChoice.CPU:
        yield _cards.ok("GPU", "not needed: the run is on the CPU")
        return
    answer = asked.preflight.cards
    if answer.error is not None:
        yield _cards.error("GPU", answer.error)
    yield from (_cards.warning("GPU", note) for note in answer.notes)
    for index, card in cards_here().items():
        chosen = "chosen; " if card in (answer.value or ()) else ""
        yield _cards.ok(f"GPU {index}", f"{chosen}{_described(card)}; {card.uuid}")


def device_free(asked: AskedRun) -> Iterator[Finding]:
    """Say whether the device is ours alone at this moment."""
    answer = asked.preflight.cards
    if answer.error is not None:
        return
    for card in answer.value or (None,):
        subject = card.name if card else "CPUs"
        try:
            with device_guard(card).hold():
                yield _cards.ok(subject, "no other run and no other process is on it" if card
                                else "no other run is measuring on them")  # fmt: skip
        except MachineError as error:
            found = _cards.error(subject, error)
            yield _cards.warning(subject, found.text, found.remedy)
