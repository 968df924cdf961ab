"""What fits the chosen backends: cards, interpreters, programs and libraries."""

from collections.abc import Iterator

from runner.doctor.asked import AskedRun
from runner.doctor.machine import cards_here
from runner.environments.venv import environment_folder, is_environment_made, python_for
from runner.errors import BuildError
from runner.machine.interpreters import Installed
from runner.plan.findings import Finding, Reporter
from runner.plan.obstacles import Against, card_against
from runner.spec.configuration import Configuration, GpuFacts

_fits = Reporter("configurations")
_local = Reporter("local")


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


def _against(report: Reporter, against: Against) -> Iterator[Finding]:
    """Yield what stands against backends: a problem only where it leaves none of them."""
    finding = report.problem if against.stops_all else report.warning
    for pair, obstacle in against.found.items():
        if obstacle is not None:
            yield finding(" ".join(pair), obstacle.reason, obstacle.remedy)


def card_fits(asked: AskedRun) -> Iterator[Finding]:
    """Say of each chosen configuration's backends whether the chosen card can run it."""
    preflight = asked.preflight
    card = preflight.machine.gpu
    refused = {found.subject: found for found in _against(_fits, preflight.card_fit)}
    for configuration in preflight.chosen:
        for backend, about in configuration.backends.items():
            subject = f"{configuration.name} {backend}"
            if asked.request.backend and backend not in asked.request.backend:
                continue
            if subject in refused:
                yield refused[subject]
            elif card is not None:
                yield _fits.ok(subject, f"fits {card.name}; {_needed(about.gpu)}")
            elif preflight.cards.error is not None:
                yield _fits.ok(subject, _needed(about.gpu))
            else:
                text = f"{about.version} on the CPU needs no driver and no card"
                yield _fits.ok(subject, text)


def other_cards(asked: AskedRun) -> Iterator[Finding]:
    """Say of each other kind of card which backends it could run."""
    preflight = asked.preflight
    chosen = preflight.machine.gpu
    if chosen is None:
        return
    kinds = {(card.name, card.compute_capability): card for card in cards_here().values()}
    kinds.pop((chosen.name, chosen.compute_capability), None)
    for card in kinds.values():
        against = card_against(preflight.chosen, asked.request.backend, card)
        fitting = [" ".join(pair) for pair, found in against.found.items() if found is None]
        text = f"fits {', '.join(fitting)}" if fitting else "fits none of the chosen backends"
        yield _fits.ok(card.name, f"not chosen (--gpu {card.uuid}); {text}")


def _interpreter(configuration: Configuration, asked: AskedRun) -> Finding:
    folder = environment_folder(configuration, asked.preflight.machine.device, asked.cache)
    if is_environment_made(folder):
        return _local.ok(configuration.name, "its environment is made")
    try:
        python = python_for(configuration)
    except BuildError as error:
        text, _, remedy = str(error).partition("; ")
        if asked.preflight.is_local:
            return _local.problem(configuration.name, text, remedy)
        return _local.ok(configuration.name, f"{text} (only for --launcher local)")
    return _local.ok(configuration.name, f"Python {python}" if "/" in python
                     else f"uv fetches Python {python}")  # fmt: skip


def local_pythons(asked: AskedRun) -> Iterator[Finding]:
    """Say for each chosen configuration which Python its environment has or would have."""
    preflight = asked.preflight
    answer = preflight.installed
    if answer.error is not None:
        yield _local.error("--python", answer.error)
    elif answer.value is None:
        yield from (_interpreter(configuration, asked) for configuration in preflight.chosen)
    else:
        installed = answer.value
        text = f"{asked.request.python} is Python {installed.python}, taken as it is"
        yield _local.ok("--python", text)
        yield from _packages(asked, installed)
        for note in answer.notes:
            yield _local.warning("--python", note, "its figures are of what it has")


def _packages(asked: AskedRun, installed: Installed) -> Iterator[Finding]:
    """Say which chosen backends a given interpreter has. One of them is enough for a run."""
    against = asked.preflight.packages
    finding = _local.problem if against.stops_all else _local.warning
    for name, obstacle in {backend: found for (_, backend), found in against.found.items()}.items():
        if obstacle is None:
            version = installed.version_of(name) or "of unknown version"
            yield _local.ok(name, f"{version}, keras {installed.version_of('keras')}")
        else:
            yield finding(name, obstacle.reason, obstacle.remedy)


def local_needs(asked: AskedRun) -> Iterator[Finding]:
    """Say which programs and libraries a backend lacks, where no image would bring them."""
    return _against(_local, asked.preflight.libraries)


def something_left(asked: AskedRun) -> Iterator[Finding]:
    """Say where each backend lacks something, though no one thing is lacking to all of them."""
    preflight = asked.preflight
    every = (preflight.card_fit, preflight.packages, preflight.libraries)
    against = [each for each in every if each.found]
    if not against or any(each.stops_all for each in against):
        return
    if all(any(each.found[pair] for each in against) for pair in against[0].found):
        yield _local.problem("backends", "none of the chosen ones can run: see the warnings")
