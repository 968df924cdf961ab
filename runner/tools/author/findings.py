"""What a step of a check found, in a line, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What a step found. Only ``problem`` stands against using what was checked."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CheckFinding:
    """One step: what was found in a line, and what to do about it."""

    step: str
    mark: Mark
    text: str
    remedy: str | None = None


Findings = Iterator[CheckFinding]


def problem_finding(step: str, text: str, remedy: str | None = None) -> CheckFinding:
    return CheckFinding(step, Mark.PROBLEM, text, remedy)


def ok_finding(step: str, text: str) -> CheckFinding:
    return CheckFinding(step, Mark.OK, text)


def each_finding(step: str, problems: list[str], fine: str, remedy: str) -> Findings:
    """Yield a finding per problem, the remedy at the last, or that all is well."""
    *others, last = problems or [""]
    yield from (problem_finding(step, text) for text in others)
    yield problem_finding(step, last, remedy) if last else ok_finding(step, fine)
