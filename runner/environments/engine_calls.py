"""Calls to an engine that may take long or fail for a moment: cut off, or known as passing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests.exceptions
import urllib3.exceptions
from docker.errors import APIError

from runner.environments.patience import Making
from runner.machine.docker_engine import Engine

BROKEN = (APIError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError)
# How long a build goes on that nobody wants any more.
_POLL_SECONDS = 0.2
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


def _shut_down(answer: Any) -> None:
    # One that has come to its end has no connection left.
    with suppress(ValueError, RuntimeError):
        answer.shutdown()


@contextmanager
def cut_off_after(engine: Engine, seconds: float, making: Making) -> Iterator[None]:
    """Cut the engine's answers off after so many seconds, and raise OutOfTimeError then.

    Once what is made is not wanted any more they are cut off too, and UnwantedError is raised. An
    engine ends a build or a pull whose caller has gone. The answers are read in the thread that
    waits for them, so another one ends their connection.
    """
    answers: list[Any] = []
    ended, is_late, is_cut = threading.Event(), threading.Event(), threading.Event()
    deadline, caller = time.monotonic() + seconds, threading.get_ident()

    def keep(response: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG001
        # The engine's client serves several threads.
        if threading.get_ident() == caller:
            answers.append(response.raw)
            if is_cut.is_set():
                _shut_down(response.raw)

    def watch() -> None:
        while making.is_wanted():
            left = deadline - time.monotonic()
            if left <= 0:
                is_late.set()
                break
            if ended.wait(min(left, _POLL_SECONDS)):
                return
        # In this order, so that an answer that begins meanwhile is cut here or there.
        is_cut.set()
        for answer in answers:
            _shut_down(answer)

    hooks = engine.client.api.hooks["response"]
    watcher = threading.Thread(target=watch, daemon=True)
    hooks.append(keep)
    watcher.start()
    try:
        yield
    except BROKEN:
        if making.is_wanted() and not is_late.is_set():
            raise
    finally:
        ended.set()
        hooks.remove(keep)
    making.check()
    if is_late.is_set():
        raise OutOfTimeError


def is_passing(error: BaseException) -> bool:
    """Return whether an error may be over in a moment: the machine's or the network's."""
    text = str(error).lower()
    lost = isinstance(error, BROKEN) and not isinstance(error, APIError)
    return lost or any(word in text for word in _PASSING)
