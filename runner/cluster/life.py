"""A worker's sign of life in its run's folder: by it, what a queue does not list is not gone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

BEAT_SECONDS = 10.0
# Other machines see a file of a shared file system late, up to a minute with NFS's defaults.
LASTS_SECONDS = 90.0


def _file(run: Path, job: str) -> Path:
    return run / "nodes" / f"{job}.alive"


@contextmanager
def sign_of_life(run: Path, job: str, every: float = BEAT_SECONDS) -> Iterator[None]:
    """Give a sign of life of the worker of a job every so many seconds, until it ends."""
    ended, file = threading.Event(), _file(run, job)

    def beat() -> None:
        while not ended.is_set():
            with suppress(OSError):  # a file system that is away for a while
                file.write_text(f"{time.time()}\n", encoding="ascii")
            ended.wait(every)

    thread = threading.Thread(target=beat, name="sign of life", daemon=True)
    file.parent.mkdir(exist_ok=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):
            file.unlink()


@dataclass
class SignsOfLife:
    """When the workers of a run were last seen to be alive, by this machine's own clock.

    The times in the files are of other machines' clocks: only that they change counts.
    """

    run: Path
    clock: Callable[[], float]
    _seen: dict[str, tuple[str, float]] = field(default_factory=dict)

    def is_alive(self, job: str) -> bool:
        """Return whether a job's worker gave a sign lately; one that is seen first counts."""
        try:
            sign = _file(self.run, job).read_text(encoding="ascii")
        except (OSError, ValueError):
            self._seen.pop(job, None)
            return False
        before, since = self._seen.get(job, ("", self.clock()))
        if sign != before:
            since = self.clock()
        self._seen[job] = (sign, since)
        return self.clock() - since < LASTS_SECONDS
