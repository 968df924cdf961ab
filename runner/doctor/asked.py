"""The run that is asked about."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from runner.plan.preflight import Preflight
from runner.spec.configuration import load_configurations
from runner.spec.request import Request
from runner.spec.study import choose_workloads, with_study
from runner.spec.workload import Workload


@dataclass(frozen=True)
class AskedRun:
    """A run that is asked about, held against this machine as a run itself is.

    ``results`` is where it would write, ``cache`` where data and environments lie.
    """

    preflight: Preflight
    workloads: list[Workload]
    results: Path
    cache: Path

    @classmethod
    def of(cls, request: Request, results: Path, cache: Path) -> Self:
        """Return the run of a request. Raises UsageError for a name that is not known."""
        request = with_study(request)
        preflight = Preflight(request, load_configurations(list(request.config)))
        return cls(preflight, choose_workloads(list(request.model)), results, cache)

    @property
    def request(self) -> Request:
        """Return what is asked for."""
        return self.preflight.request
