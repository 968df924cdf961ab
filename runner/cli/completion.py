"""What a shell offers after Tab. It is asked while a person types, so it imports little."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from runner import paths
from runner.errors import BenchmarkError

if TYPE_CHECKING:
    from runner.spec.configuration import Configuration

PROGRAM = "keras-bench"
VARIABLE = "_KERAS_BENCH_COMPLETE"
Named = TypeVar("Named")
Offer = tuple[str, str]
Normalize = Callable[[Sequence[str]], list[str]]


def _given(context: typer.Context, parameter: str) -> list[str]:
    """Return the values that the command line gives an option or argument so far."""
    source = context.get_parameter_source(parameter)
    if source is None or source.name != "COMMANDLINE":
        return []
    return [str(value) for value in context.params.get(parameter) or ()]


def _readable(names: Sequence[str], read: Callable[[str], Named]) -> Iterator[Named]:
    """Yield what can be read: a broken one must not break the prompt."""
    for name in names:
        with suppress(BenchmarkError):
            yield read(name)


def _read() -> Iterator[Configuration]:
    """Yield the configurations that can be read."""
    from runner.spec.configuration import configuration_names, read_configuration

    return _readable(
        configuration_names(), lambda name: read_configuration(paths.CONFIGURATIONS / name)
    )


def offer_configurations(context: typer.Context) -> list[Offer]:
    """Offer the configurations not named yet."""
    given = _given(context, "config")
    return [(found.name, found.title) for found in _read() if found.name not in given]


def offer_models(context: typer.Context) -> list[Offer]:
    """Offer the models not named yet."""
    from runner.spec.workload import WORKLOADS

    given = _given(context, "model")
    return [(model.name, model.title) for model in WORKLOADS.values() if model.name not in given]


def studies() -> list[Offer]:
    """Offer the published studies."""
    from runner.spec.study import load_study, study_names

    return [(study.name, study.title) for study in _readable(study_names(), load_study)]


def reproduced() -> list[Offer]:
    """Offer the published studies that can be run here."""
    from runner.spec.study import load_study, study_names

    known = _readable(study_names(), load_study)
    return [(study.name, study.title) for study in known if study.is_reproduced]


def offer_backends(context: typer.Context) -> list[Offer]:
    """Offer the backends, not named yet, of the configurations that are named."""
    from runner.spec.job import known_backends

    wanted, given = _given(context, "config"), _given(context, "backend")
    chosen = [found for found in _read() if not wanted or found.name in wanted]
    return [
        (name, ", ".join(found.name for found in chosen if name in found.backends))
        for name in known_backends(chosen)
        if name not in given
    ]


def offers_of(axis: str) -> Callable[[], list[Offer]]:
    """Return what offers the named values of an axis."""

    def offer() -> list[Offer]:
        from runner.spec.axes import declared_axes

        return [(value, "") for value in declared_axes()[axis].values]

    return offer


def offer_gpus() -> list[Offer]:
    """Offer the cards by UUID, and all of them; nothing where no driver answers."""
    from runner.machine.gpu import connect_driver
    from runner.plan.cards import ALL_CARDS

    try:
        driver = connect_driver()
        cards = driver.cards().usable.values() if driver else ()
        named = [(card.uuid, card.name) for card in cards]
        several = [(ALL_CARDS, "a job on each card at a time")] if len(named) > 1 else []
        return named + several
    except BenchmarkError:
        return []


def offer_runs(context: typer.Context) -> list[Offer]:
    """Offer the runs of the results folder that are not named yet, newest first."""
    from runner.spec.naming import LATEST
    from runner.store.find import list_runs

    root = Path(context.params.get("results_dir") or paths.RESULTS)
    given = _given(context, "runs")
    found = [folder.name for folder in reversed(list_runs(root))]
    named = [(name, "") for name in found]
    offers = [(LATEST, f"the newest: {found[0]}"), *named] if found else []
    return [offer for offer in offers if offer[0] not in given]


def _split(line: str) -> list[str]:
    """Return a shell line's words, though its last quote may be open."""
    for closing in ("", "'", '"'):
        try:
            return shlex.split(line + closing)
        except ValueError:
            continue
    return line.split()


def rewrite_words(environment: MutableMapping[str, str], normalize: Normalize) -> None:
    """Replace the words that a shell passes by what the parser understands.

    ``normalize`` gets the words before the one being typed and returns them as
    ``runner.cli.app.normalize`` does, with the option again that a further name would belong to.
    """
    if "COMP_WORDS" in environment:
        words = _split(environment["COMP_WORDS"])
        position = int(environment["COMP_CWORD"])
        typed = words[position] if position < len(words) else ""
        before = normalize(words[1:position])
        environment["COMP_WORDS"] = shlex.join([words[0], *before, typed])
        environment["COMP_CWORD"] = str(len(before) + 1)
    elif "_TYPER_COMPLETE_ARGS" in environment:
        line = environment["_TYPER_COMPLETE_ARGS"]
        words = _split(line)
        typed = words.pop() if len(words) > 1 and not line[-1].isspace() else ""
        before = normalize(words[1:])
        joined = shlex.join([words[0], *before])
        environment["_TYPER_COMPLETE_ARGS"] = f"{joined} {shlex.quote(typed) if typed else ''}"
