"""The cards: which there are, which is chosen, whether it is free, and what fits it."""

from collections.abc import Iterator

from runner.doctor.asked import AskedRun, text_and_remedy
from runner.errors import MachineError
from runner.execution.guard import device_guard
from runner.machine.cuda import last_branch, newest_served
from runner.machine.gpu import Gpu
from runner.plan.preflight import misfits
from runner.report.findings import Finding, Reporter
from runner.spec.choices import DeviceChoice
from runner.spec.configuration import GpuFacts

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


def gpu_cards(asked: AskedRun) -> Iterator[Finding]:
    """Name every card, and say which one the run would take."""
    if asked.device is DeviceChoice.CPU:
        yield _cards.ok("GPU", "not needed: the run is on the CPU")
        return
    if asked.card.error is not None:
        yield _cards.problem("GPU", *text_and_remedy(asked.card.error))
    yield from (_cards.warning("GPU", note) for note in asked.card.notes)
    for index, card in asked.cards.items():
        chosen = "chosen; " if card in (asked.chosen_cards.value or ()) else ""
        yield _cards.ok(f"GPU {index}", f"{chosen}{_described(card)}; {card.uuid}")


def device_free(asked: AskedRun) -> Iterator[Finding]:
    """Say whether the device is ours alone at this moment."""
    if asked.card.error is not None:
        return
    for card in asked.chosen_cards.value or (None,):
        subject = card.name if card else "CPUs"
        try:
            with device_guard(card).hold():
                yield _cards.ok(subject, "no other run and no other process is on it" if card
                                else "no other run is measuring on them")  # fmt: skip
        except MachineError as error:
            yield _cards.warning(subject, *text_and_remedy(error))


def _needed(facts: GpuFacts) -> str:
    newest = facts.max_compute_capability
    reach = f" to {newest}" if newest else " and newer"
    drivers = [
        f"{facts.min_driver} or newer",
        *(f"{card.min_driver} from {card.min_compute_capability} on" for card in facts.newer_cards),
    ]
    return (
        f"CUDA {facts.cuda} needs driver {', '.join(drivers)}; compute capability "
        f"{facts.min_compute_capability}{reach}"
    )


def card_fits(asked: AskedRun) -> Iterator[Finding]:
    """Say of each chosen configuration's backends whether the chosen card can run it."""
    card = asked.card.value
    against = misfits(asked.configurations, asked.backend, card) if card else {}
    report = _fits.problem if all(against.values()) else _fits.warning
    for configuration in asked.configurations:
        for backend, about in configuration.backends.items():
            subject = f"{configuration.name} {backend}"
            if asked.backend and backend not in asked.backend:
                continue
            if (found := against.get((configuration.name, backend))) is not None:
                yield report(subject, found.reason, found.remedy)
            elif card is not None:
                yield _fits.ok(subject, f"fits {card.name}; {_needed(about.gpu)}")
            elif asked.card.error is not None:
                yield _fits.ok(subject, _needed(about.gpu))
            else:
                text = f"{about.version} on the CPU needs no driver and no card"
                yield _fits.ok(subject, text)


def other_cards(asked: AskedRun) -> Iterator[Finding]:
    """Say of each other kind of card which backends it could run."""
    if asked.card.value is None:
        return
    kinds = {(card.name, card.compute_capability): card for card in asked.cards.values()}
    kinds.pop((asked.card.value.name, asked.card.value.compute_capability), None)
    for card in kinds.values():
        against = misfits(asked.configurations, asked.backend, card)
        fitting = [" ".join(pair) for pair, found in against.items() if found is None]
        text = f"fits {', '.join(fitting)}" if fitting else "fits none of the chosen backends"
        yield _fits.ok(card.name, f"not chosen (--gpu {card.uuid}); {text}")
