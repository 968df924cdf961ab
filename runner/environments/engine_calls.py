"""Calls to an engine that may take long or fail for a moment: cut off, or known as passing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests.exceptions
import urllib3.exceptions
from docker.errors import APIError

from runner.machine.docker_engine import Engine

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
