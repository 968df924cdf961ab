"""Which cards a process may use by the variables that CUDA, schedulers and containers set.

- ``CUDA_VISIBLE_DEVICES``: positions among the cards that may be opened, or UUIDs, which may be cut
  short; the first that is none of these ends the list, and an empty value hides all (CUDA
  Programming Guide, "CUDA Environment Variables").
- ``SLURM_STEP_GPUS`` and ``SLURM_JOB_GPUS``: the driver's indices, where Slurm set them alone.
- ``NVIDIA_VISIBLE_DEVICES``: applied already inside a container, whose driver shows no more; where
  it shows more, as in a privileged one, the named ones are meant.
"""

import os
import re
from collections.abc import Mapping, Sequence

from runner.machine.gpu import Cards, Gpu, UnusableCard, connect_driver

_CUDA = "CUDA_VISIBLE_DEVICES"
_SLURM = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
_CONTAINER = "NVIDIA_VISIBLE_DEVICES"


def _of_uuid(name: str, usable: Mapping[int, Gpu]) -> int | None:
    """Return the one card whose UUID begins with ``name``."""
    found = [index for index, card in usable.items() if card.uuid.startswith(name)]
    return found[0] if len(found) == 1 and name.startswith("GPU-") else None


def _by_cuda(value: str, usable: Mapping[int, Gpu]) -> list[int]:
    """Return the cards' indices as CUDA reads its variable."""
    # CUDA counts only those that a process may open.
    opened = sorted(usable)
    found: list[int] = []
    for name in (part.strip() for part in value.split(",")):
        if re.fullmatch(r"\d+", name):
            index = opened[int(name)] if int(name) < len(opened) else None
        else:
            index = _of_uuid(name, usable)
        if index is None or index in found:
            break
        found.append(index)
    return found


def _by_driver(value: str, usable: Mapping[int, Gpu]) -> list[int] | None:
    """Return the named cards' indices, or None unless each of them is there."""
    found: list[int] = []
    for name in (part.strip() for part in value.split(",")):
        index = int(name) if re.fullmatch(r"\d+", name) else _of_uuid(name, usable)
        if index is None or index not in usable:
            return None
        found.append(index)
    return list(dict.fromkeys(found))


def _named(environ: Mapping[str, str], usable: Mapping[int, Gpu]) -> tuple[str, Sequence[int]]:
    """Return the variable that decides and the cards that it names; "" and all without one."""
    if _CUDA in environ:
        return _CUDA, _by_cuda(environ[_CUDA], usable)
    for variable in (*_SLURM, _CONTAINER):
        found = _by_driver(environ[variable], usable) if environ.get(variable) else None
        if found is not None:
            return variable, found
    return "", list(usable)


def visible_cards(cards: Cards, environ: Mapping[str, str]) -> Cards:
    """Return the cards with those that the environment hides as unusable.

    The usable ones are in the order in which a variable names them.
    """
    variable, named = _named(environ, cards.usable)
    hidden = {
        index: UnusableCard(f"hidden by {variable}={environ[variable]}", card.uuid)
        for index, card in cards.usable.items()
        if index not in named
    }
    usable = {index: cards.usable[index] for index in named}
    return Cards(usable, {**cards.unusable, **hidden}, cards.driver)


def list_gpus() -> Cards:
    """Return the cards that the NVIDIA driver shows and this process may use.

    Those that it may not use, with the reason, are among the unusable ones.
    """
    found = connect_driver()
    return visible_cards(found.cards(), os.environ) if found is not None else Cards()
