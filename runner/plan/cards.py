"""Which cards a run takes of those that this machine shows."""

from collections.abc import Sequence

from runner.errors import MachineError, near_miss
from runner.machine.gpu import Cards, Gpu
from runner.machine.visible import list_gpus
from runner.spec.choices import DeviceChoice
from runner.words import Say

# In place of cards' names: all that can be used.
ALL_CARDS = "all"


def _why_none(cards: Cards) -> str:
    if cards.driver is None:
        return (
            "no NVIDIA GPU: the driver is not loaded on this machine\n"
            "install the NVIDIA driver, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
    if not cards.unusable:
        return (
            f"no NVIDIA GPU: the driver ({cards.driver}) shows none\n"
            "see what nvidia-smi -L lists, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
        )
    return (
        f"no GPU can be used: {'; '.join(unusable_texts(cards))}\n"
        "see what nvidia-smi says of it, or measure on the CPU: --device cpu (make: DEVICE=cpu)"
    )


def unusable_texts(cards: Cards) -> list[str]:
    """Return why cards are left out, a phrase for each reason."""
    by_reason: dict[str, list[str]] = {}
    for index, card in cards.unusable.items():
        by_reason.setdefault(card.reason, []).append(str(index))
    return [f"GPU {', '.join(indices)}: {reason}" for reason, indices in by_reason.items()]


def choose_gpu(wanted: str | None, cards: Cards) -> Gpu:
    """Return the card named by UUID or index, or the first. Raises MachineError without one."""
    named = {wanted} if wanted is not None else set()
    for index, unusable in cards.unusable.items():
        if named & {str(index), unusable.uuid}:
            raise MachineError(f"GPU {wanted} cannot be used: {unusable.reason}")
    if not cards.usable:
        raise MachineError(_why_none(cards))
    if wanted is None:
        return next(iter(cards.usable.values()))
    by_name = {str(index): card for index, card in cards.usable.items()}
    by_name |= {card.uuid: card for card in cards.usable.values()}
    if wanted not in by_name:
        hint = near_miss(wanted, by_name)
        there = ", ".join(card.uuid for card in cards.usable.values())
        raise MachineError(f"no GPU '{wanted}'{hint}\nthis machine has: {there}")
    return by_name[wanted]


def choose_gpus(wanted: str | None, cards: Cards) -> tuple[Gpu, ...]:
    """Return the named cards, each once: UUIDs or indices with commas between, or ``ALL_CARDS``.

    The first card where none is named. Raises MachineError without one, or if they differ.
    """
    if wanted is None:
        return (choose_gpu(None, cards),)
    if wanted != ALL_CARDS:
        chosen = [choose_gpu(name.strip(), cards) for name in wanted.split(",")]
    elif not cards.usable:
        raise MachineError(_why_none(cards))
    else:
        chosen = list(cards.usable.values())
    each = tuple(dict.fromkeys(chosen))
    require_equal(each)
    return each


def require_equal(cards: Sequence[Gpu]) -> None:
    """Raise MachineError if cards are of different kinds: their times would stand in one cell."""
    by_kind: dict[str, list[str]] = {}
    for card in cards:
        by_kind.setdefault(card.kind, []).append(card.uuid)
    if len(by_kind) > 1:
        kinds = "; ".join(f"{len(uuids)} of {kind}" for kind, uuids in by_kind.items())
        most = max(by_kind.values(), key=len)
        raise MachineError(
            f"the cards are of different kinds, whose times are no repeats of each other: {kinds}\n"
            f"name equal cards: --gpu {','.join(most)}; of a run for each kind, report A B has a "
            "column each"
        )


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
