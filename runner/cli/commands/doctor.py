"""Says whether a run can work here, and what to do where it cannot."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.errors import choose_names
from runner.spec.choices import BuildOptions, DeviceChoice, LauncherChoice
from runner.spec.configuration import load_configurations
from runner.spec.job import known_backends
from runner.spec.study import choose_workloads
from runner.spec.workload import require_source

EXAMPLES = (
    "python -m runner doctor",
    "python -m runner doctor --config mxnet-k122 --device auto",
    "python -m runner doctor --launcher local --device cpu --data real --json",
)


def doctor(
    config: options.Configs = options.NONE,
    model: options.Models = options.NONE,
    backend: options.Backends = options.NONE,
    device: options.RunDevice = DeviceChoice.GPU,
    gpu: options.Gpu = None,
    data: options.Data = None,
    results_dir: options.Results = paths.RESULTS,
    launcher: options.Launcher = LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Say whether a run with these options can work here. Exit 3 if it cannot."""
    from runner.tools.doctor.asked import AskedRun
    from runner.tools.doctor.show import tell_findings, tell_findings_in_json

    chosen = load_configurations(config)
    choose_names(backend, known_backends(chosen), "backend")
    workloads = choose_workloads(model)
    if data is not None:
        require_source(workloads, data)
    asked = AskedRun(
        configurations=chosen,
        backends=backend,
        workloads=workloads,
        device=device,
        gpu=gpu,
        data=data,
        launcher=LauncherChoice.LOCAL if python is not None else launcher,
        engine=engine,
        python=python,
        results=results_dir,
        cache=paths.cache(),
        build=BuildOptions(base_image, ca_bundle, package_index, wheels),
    )
    raise typer.Exit(tell_findings_in_json(asked) if as_json else tell_findings(asked))
