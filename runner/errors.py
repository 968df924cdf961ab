"""The one tree of errors that a user can see, and the exit code of each."""

import difflib
from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    OK = 0
    JOBS_NOT_OK = 1
    USAGE = 2
    MACHINE = 3
    INTERRUPTED = 130


class BenchmarkError(Exception):
    """An expected failure: its text says what is wrong, where, and what to do."""

    exit_code = ExitCode.JOBS_NOT_OK


class UsageError(BenchmarkError):
    """A name or an option that the command line got wrong."""

    exit_code = ExitCode.USAGE


class ConfigurationError(BenchmarkError):
    """A configuration folder that does not hold what it must."""

    exit_code = ExitCode.USAGE


class DataError(BenchmarkError):
    """Data that is not there or is not what it should be."""

    exit_code = ExitCode.MACHINE


class MachineError(BenchmarkError):
    """This machine cannot do it: no engine, no GPU, a card too new."""

    exit_code = ExitCode.MACHINE


class BuildError(BenchmarkError):
    """An image that could not be built. Ends the jobs of its configuration only."""


class UnobtainableError(BuildError):
    """What a configuration needs cannot be had from here: its jobs are not supported."""


class StoreError(BenchmarkError):
    """A folder of results that cannot be read."""

    exit_code = ExitCode.USAGE


class IdentityError(BenchmarkError):
    """A run that would go on with something else than it was begun with."""

    exit_code = ExitCode.USAGE


class BundleError(BenchmarkError):
    """A bundle that is not what its manifest says, or no bundle at all."""

    exit_code = ExitCode.USAGE


class EngineError(BenchmarkError):
    """What carries a job failed: the engine, the process. The job's own code is not to blame.

    It may be over in a moment, so it is tried again.
    """


class LeftoverError(EngineError):
    """A job's process or container is still there: another job would be timed beside it."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``, or an empty string where nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def choose_names(names: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    """Return ``names`` checked against ``known``, each once, in order; all of them if empty."""
    for name in names:
        if name not in known:
            hint = near_miss(name, known) or f"; known: {', '.join(known)}"
            raise UsageError(f"unknown {what} '{name}'{hint}")
    return list(dict.fromkeys(names)) or list(known)
