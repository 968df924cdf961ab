"""Work that goes on side by side: each worker takes the next turn until none is left."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Self, TypeVar

from runner.environments.patience import UnwantedError
from runner.errors import BenchmarkError
from runner.execution.interrupts import Interrupts
from runner.words import Say

T = TypeVar("T")
R = TypeVar("R")


class Turns(Iterator[T], Generic[T]):
    """What several workers take one after the other, each item once, until it is ended."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._lock:
            return next(self._items)

    def end(self) -> None:
        """Give nothing more: who is at work ends that, and takes no other turn."""
        with self._lock:
            self._items = iter(())


def side_by_side(
    works: Sequence[Callable[[], T]], end: Callable[[], None], interrupts: Interrupts, say: Say
) -> list[T]:
    """Do all works at the same time, the first one in this thread, and return what they gave.

    If one raises, ``end`` is called, so that the others come to their end; once all have, the
    first error goes up, and what else stood against the work goes to ``say``. Signals are heard by
    the main thread alone: while it waits here they are noted, and the works look for them.
    """
    given: dict[int, T] = {}
    errors: list[BaseException] = []

    def do(number: int, work: Callable[[], T]) -> None:
        try:
            given[number] = work()
        except BaseException as error:
            errors.append(error)
            end()

    others = [
        threading.Thread(target=do, args=(number, work), name=f"lane {number}")
        for number, work in enumerate(works[1:], start=1)
    ]

    def first_work() -> T:
        with interrupts.deferred():
            for thread in others:
                thread.start()
        return works[0]()

    try:
        do(0, first_work)
    finally:
        with interrupts.deferred():
            for thread in filter(threading.Thread.is_alive, others):
                thread.join()
    if errors:
        first, *later = errors
        for error in later:
            if isinstance(error, BenchmarkError):
                say(str(error))
        raise first
    return [given[number] for number in range(len(works))]


def each_side_by_side(
    items: Sequence[T],
    at_once: int,
    work: Callable[[T, Callable[[], bool]], R],
    interrupts: Interrupts,
    say: Say,
) -> list[R]:
    """Do ``work`` for each item, ``at_once`` at the same time, and return what each gave in order.

    A work is told what says whether it is still wanted: it is not once the end of all was asked
    for, or another work has raised; it raises UnwantedError then.
    """
    turns = Turns(enumerate(items))
    is_over = threading.Event()
    given: dict[int, R] = {}

    def is_wanted() -> bool:
        return not (is_over.is_set() or interrupts.pending)

    def take_turns() -> None:
        try:
            for number, item in turns:
                interrupts.check()
                given[number] = work(item, is_wanted)
        except UnwantedError:
            interrupts.check()
            raise

    def end() -> None:
        is_over.set()
        turns.end()

    side_by_side([take_turns] * max(1, min(at_once, len(items))), end, interrupts, say)
    return [given[number] for number in range(len(items))]
