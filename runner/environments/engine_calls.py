"""Calls to an engine that may take long or fail for a moment: cut off, or tried again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import requests.exceptions
import tenacity
import urllib3.exceptions
from docker.errors import APIError

from runner.machine.docker_engine import Engine
from runner.words import printable

BROKEN = (APIError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError)
# What engines, registries and package indexes say when it is not the recipe's fault.
_PASSING = (
    "no space left",
    "timeout",
    "timed out",
    "connection refused",
    "connection reset",
    "temporary failure",
    "too many requests",
    "service unavailable",
    "bad gateway",
    "tls handshake",
)
T = TypeVar("T")


class OutOfTimeError(Exception):
    """The engine took longer than it may."""


@contextmanager
def cut_off_after(engine: Engine, seconds: float) -> Iterator[None]:
    """Cut the engine's answers off after so many seconds, and raise OutOfTimeError then.

    An engine ends a build or a pull whose caller has gone. The answers are read in the thread
    that waits for them, so another one ends their connection.
    """
    answers: list[Any] = []
    fired = threading.Event()

    def keep(response: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG001
        answers.append(response.raw)

    def cut() -> None:
        fired.set()
        for answer in answers:
            # One that has come to its end has no connection left.
            with suppress(ValueError, RuntimeError):
                answer.shutdown()

    hooks = engine.client.api.hooks["response"]
    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    hooks.append(keep)
    timer.start()
    try:
        yield
    except BROKEN:
        if not fired.is_set():
            raise
    finally:
        timer.cancel()
        hooks.remove(keep)
    if fired.is_set():
        raise OutOfTimeError


def is_passing(error: BaseException) -> bool:
    """Return whether an error may be over in a moment: the machine's or the network's."""
    text = str(error).lower()
    lost = isinstance(error, BROKEN) and not isinstance(error, APIError)
    return lost or any(word in text for word in _PASSING)


@dataclass(frozen=True)
class Patience:
    """How often something is tried, and the longest wait in between, in seconds.

    ``sleep`` waits; what it raises ends the trying.
    """

    attempts: int = 5
    longest_wait: float = 30.0
    sleep: Callable[[float], None] = time.sleep


def call_again(
    say: Callable[[str], None],
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
