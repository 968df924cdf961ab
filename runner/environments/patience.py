"""What may take long: told as it goes on, ended when nobody wants it, tried again if it fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from runner.words import Say, printable

T = TypeVar("T")


class UnwantedError(Exception):
    """What was being made is not wanted any more: the run ends."""


@dataclass(frozen=True)
class Making:
    """How the making of an environment is followed: its output to ``log``, its steps to ``say``.

    ``is_wanted`` says whether to go on; it is asked time and again while something takes long,
    also by other threads.
    """

    log: Path
    say: Say
    is_wanted: Callable[[], bool] = lambda: True

    def check(self) -> None:
        """Raise UnwantedError if it is not wanted any more."""
        if not self.is_wanted():
            raise UnwantedError


@dataclass(frozen=True)
class Patience:
    """How often something is tried, and the longest wait in between, in seconds.

    ``sleep`` waits; what it raises ends the trying.
    """

    attempts: int = 5
    longest_wait: float = 30.0
    sleep: Callable[[float], None] = time.sleep


def call_again(
    say: Say,
    is_worth_it: Callable[[BaseException], bool],
    patience: Patience,
    call: Callable[..., T],
    *arguments: Any,
) -> T:
    """Call, and again after a while where it failed of something that may be over by then."""

    wait = 2.0
    for _ in range(patience.attempts - 1):
        try:
            return call(*arguments)
        except Exception as error:
            if not is_worth_it(error):
                raise
            wait = min(wait, patience.longest_wait)
            say(f"{printable(str(error).encode(), limit=200)}; trying again in {wait:.0f} s")
        patience.sleep(wait)
        wait *= 2
    return call(*arguments)
