"""Says whether a run can work here, and what to do where it cannot."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.errors import choose_names
from runner.spec.choices import DeviceChoice, LauncherChoice
from runner.spec.job import known_backends
from runner.spec.request import Request
from runner.spec.workload import require_source

EXAMPLES = (
    "python -m runner doctor",
    "python -m runner doctor --config mxnet-k122",
    "python -m runner doctor --launcher slurm --partition gpu",
    "python -m runner doctor --launcher local --device cpu --data real --json",
)


def doctor(
    context: typer.Context,
    config: options.Configs = options.NONE,
    model: options.Models = options.NONE,
    backend: options.Backends = options.NONE,
    device: options.RunDevice = DeviceChoice.AUTO,
    gpu: options.Gpu = None,
    data: options.Data = None,
    results_dir: options.Results = paths.RESULTS,
    launcher: options.Launcher = LauncherChoice.AUTO,
    inside: options.InsideOption = None,
    partition: options.Partition = None,
    account: options.Account = None,
    constraint: options.Constraint = None,
    slurm: options.SlurmOptions = options.NONE,
    engine: options.Engine = None,
    python: options.Python = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Say whether a run with these options can work here. Exit 3 if it cannot."""
    from runner.doctor.asked import AskedRun
    from runner.doctor.show import tell_findings

    given = {name: value for name, value in context.params.items() if name in Request.model_fields}
    request = Request.asked(**given)
    request.require_cluster()
    asked = AskedRun.of(request, results_dir, paths.cache())
    choose_names(backend, known_backends(asked.preflight.chosen), "backend")
    if data is not None:
        require_source(asked.workloads, data)
    raise typer.Exit(tell_findings(asked, as_json))
