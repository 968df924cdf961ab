"""Says whether a run can work here, and what to do where it cannot."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.cli.lazy import Declared
from runner.errors import choose_names
from runner.spec.job import known_backends
from runner.spec.request import Request
from runner.spec.workload import require_source

EXAMPLES = (
    "python -m runner doctor",
    "python -m runner doctor --config mxnet-k122",
    "python -m runner doctor --launcher slurm --partition gpu",
    "python -m runner doctor --launcher local --device cpu --data real --json",
)


# All that says what is to be measured, and where.
_ASKED = (*Request.model_fields, "results_dir")
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


def _examine(context: typer.Context) -> None:
    """Say whether a run with these options can work here. Exit 3 if it cannot."""
    from runner.doctor.asked import AskedRun
    from runner.doctor.show import tell_findings

    given = context.params
    request = Request.asked(**{n: v for n, v in given.items() if n in Request.model_fields})
    request.require_cluster()
    asked = AskedRun.of(request, given["results_dir"], paths.cache())
    choose_names(request.backend, known_backends(asked.preflight.chosen), "backend")
    if request.data is not None:
        require_source(asked.workloads, request.data)
    raise typer.Exit(tell_findings(asked, given["as_json"]))


doctor = Declared(
    _examine, {**{name: options.PLAN[name] for name in _ASKED}, "as_json": (Json, False)}
)
