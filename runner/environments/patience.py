"""What may take long: told as it goes on, ended when nobody wants it, tried again if it fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import tenacity

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

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        said = printable(str(error).encode(), limit=200)
        wait = state.next_action.sleep if state.next_action else 0
        say(f"{said}; trying again in {wait:.0f} s")

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_worth_it),
        stop=tenacity.stop_after_attempt(patience.attempts),
        wait=tenacity.wait_exponential(multiplier=2, max=patience.longest_wait),
        before_sleep=tell,
        sleep=patience.sleep,
        reraise=True,
    )
    return attempts(call, *arguments)
