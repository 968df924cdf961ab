"""What a check found, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How a finding bears on the run that was asked about.

    A ``warning`` lets every job run, though not as one may wish; a ``problem`` lets the run or
    some of its jobs fail.
    """

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it stands, and what to do about it."""

    check: str
    subject: str
    state: FindingState
    text: str
    remedy: str | None = None


@dataclass(frozen=True)
class Reporter:
    """Makes the findings of one check."""

    check: str

    def ok(self, subject: str, text: str) -> Finding:
        """Return what is as it should be."""
        return Finding(self.check, subject, FindingState.OK, text)

    def warning(self, subject: str, text: str, remedy: str | None = None) -> Finding:
        """Return what every job can run with."""
        return Finding(self.check, subject, FindingState.WARNING, text, remedy)

    def problem(self, subject: str, text: str, remedy: str | None = None) -> Finding:
        """Return what the run or some of its jobs would fail of."""
        return Finding(self.check, subject, FindingState.PROBLEM, text, remedy)
