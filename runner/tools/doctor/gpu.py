"""The cards: which there are, which is chosen, whether it is free, and what fits it."""

from collections.abc import Iterator

from runner.errors import MachineError
from runner.execution.guard import device_guard
from runner.machine.cuda import last_branch, newest_served
from runner.machine.gpu import Gpu
from runner.plan.preflight import misfits
from runner.spec.choices import DeviceChoice
from runner.spec.configuration import Configuration
from runner.tools.doctor.asked import AskedRun, SeenMachine, text_and_remedy
from runner.tools.findings import Finding, Reporter

_cards = Reporter("gpu")
_fits = Reporter("configurations")


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


def gpu_cards(asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Name every card, and say which one the run would take."""
    if asked.device is DeviceChoice.CPU:
        return [_cards.ok("GPU", "not needed: the run is on the CPU")]
    if seen.card.error is not None:
        findings = [_cards.problem("GPU", *text_and_remedy(seen.card.error))]
    else:
        findings = [_cards.warning("GPU", note) for note in seen.card.notes]
    for index, card in enumerate(seen.cards.value or []):
        chosen = "chosen; " if card == seen.card.value else ""
        findings.append(_cards.ok(f"GPU {index}", f"{chosen}{_described(card)}; {card.uuid}"))
    return findings


def device_free(_asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say whether the device is ours alone at this moment."""
    if seen.card.error is not None:
        return []
    card = seen.card.value
    subject = card.name if card else "CPUs"
    try:
        with device_guard(card).hold():
            return [_cards.ok(subject, "no other run and no other process is on it" if card
                              else "no other run is measuring on them")]  # fmt: skip
    except MachineError as error:
        return [_cards.warning(subject, *text_and_remedy(error))]


def _pair(configuration: Configuration, backend: str) -> str:
    return f"{configuration.name} {backend}"


def _chosen(asked: AskedRun) -> Iterator[tuple[Configuration, str]]:
    """Yield each chosen configuration with each of its chosen backends."""
    for configuration in asked.configurations:
        for backend in configuration.backends:
            if not asked.backends or backend in asked.backends:
                yield configuration, backend


def _needed(configuration: Configuration, backend: str) -> str:
    facts = configuration.backends[backend].gpu
    newest = facts.max_compute_capability
    reach = f" to {newest}" if newest else " and newer"
    return (
        f"CUDA {facts.cuda} needs driver {facts.min_driver} or newer, compute capability "
        f"{facts.min_compute_capability}{reach}"
    )


def _nothing_needed(configuration: Configuration, backend: str) -> str:
    return f"{configuration.backends[backend].version} on the CPU needs no driver and no card"


def card_fits(asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say of each chosen configuration's backends whether the chosen card can run it."""
    card = seen.card.value
    if card is None:
        needs = _needed if seen.card.error else _nothing_needed
        return [
            _fits.ok(_pair(configuration, backend), needs(configuration, backend))
            for configuration, backend in _chosen(asked)
        ]
    against = misfits(asked.configurations, asked.backends, card)
    report = _fits.problem if all(against.values()) else _fits.warning
    findings = []
    for configuration, backend in _chosen(asked):
        subject = _pair(configuration, backend)
        found = against[configuration.name, backend]
        if found is None:
            text = f"fits {card.name}; {_needed(configuration, backend)}"
            findings.append(_fits.ok(subject, text))
        else:
            findings.append(report(subject, found.reason, found.remedy))
    return findings


def other_cards(asked: AskedRun, seen: SeenMachine) -> list[Finding]:
    """Say of each other kind of card which backends it could run."""
    if seen.card.value is None:
        return []
    kinds = {(card.name, card.compute_capability): card for card in seen.cards.value or []}
    kinds.pop((seen.card.value.name, seen.card.value.compute_capability), None)
    findings = []
    for card in kinds.values():
        against = misfits(asked.configurations, asked.backends, card)
        fitting = [" ".join(pair) for pair, found in against.items() if found is None]
        text = f"fits {', '.join(fitting)}" if fitting else "fits none of the chosen backends"
        findings.append(_fits.ok(card.name, f"not chosen (--gpu {card.uuid}); {text}"))
    return findings
