"""What was found of a machine or of files: one line each, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How a finding bears on the run that was asked about.

    A ``warning`` lets every job run, though not as one may wish; a ``problem`` lets the run or
    some of its jobs fail. What was not looked at is ``skipped``.
    """

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it stands, and what to do about it."""

    check: str
    subject: str
    state: FindingState
    text: str
    remedy: str | None = None

    @property
    def lines(self) -> Iterator[str]:
        """Yield it in plain words: a line, and a line for what to do."""
        yield f"  {self.state:<8} {self.subject}: {self.text}"
        if self.remedy:
            yield f"           -> {self.remedy}"


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

    def skipped(self, subject: str, text: str) -> Finding:
        """Return what was not looked at, and why."""
        return Finding(self.check, subject, FindingState.SKIPPED, text)

    def problem(self, subject: str, text: str, remedy: str | None = None) -> Finding:
        """Return what the run or some of its jobs would fail of."""
        return Finding(self.check, subject, FindingState.PROBLEM, text, remedy)

    def error(self, subject: str, error: Exception) -> Finding:
        """Return an error as a problem: its first line, and the rest as what to do."""
        first, _, rest = str(error).partition("\n")
        return self.problem(subject, first, rest.replace("\n", " ") or None)

    def each(self, subject: str, problems: list[str], fine: str, remedy: str) -> Iterator[Finding]:
        """Yield a finding per problem, the remedy at the last, or that all is well."""
        *others, last = problems or [""]
        yield from (self.problem(subject, text) for text in others)
        yield self.problem(subject, last, remedy) if last else self.ok(subject, fine)
