"""The default command: jobs in fresh processes, and the table of them; and its plan.

The options are declared here and nothing else is, so that a shell completes them at once.
"""

import inspect
from typing import Any

import typer

from runner import paths
from runner.cli import options
from runner.spec.choices import BUILD_JOBS, BuildOptions, DeviceChoice, LauncherChoice
from runner.spec.time_limits import TimeLimits

EXAMPLES = (
    "python -m runner --study bhatia2017",
    "python -m runner --config mxnet-k122",
    "python -m runner --config tf-k3 jax-k3 --model mnist_mlp --device cpu",
    "python -m runner --config tf-k3 jax-k3 --budget 10m",
    "python -m runner --config jax-k3 --phase train predict --jit on off",
    "python -m runner --config theano-k208 --repeats 5 --data real --name theano",
    "python -m runner --launcher slurm --partition gpu --config jax-k3 --detach",
    "python -m runner --resume latest --retry failed,timeout",
)
PLAN_EXAMPLES = (
    "python -m runner plan --config mxnet-k122 --device cpu",
    "python -m runner plan --resume latest",
)


def run_command(
    context: typer.Context,
    study: options.Study = None,
    config: options.Configs = options.NONE,
    model: options.Models = options.NONE,
    backend: options.Backends = options.NONE,
    device: options.RunDevice = DeviceChoice.AUTO,
    gpu: options.Gpu = None,
    epochs: options.Epochs = None,
    samples: options.Samples = options.NONE,
    seed: options.Seed = 2017,
    repeats: options.Repeats = 1,
    until: options.Until = None,
    max_repeats: options.MaxRepeats = 20,
    budget: options.Budget = None,
    same_within: options.SameWithin = "3%",
    phase: options.Phase = options.NONE,
    precision: options.Precision = options.NONE,
    jit: options.Jit = options.NONE,
    size: options.Size = options.NONE,
    batch_size: options.BatchSize = options.NONE,
    threads: options.Threads = options.NONE,
    data: options.Data = None,
    results_dir: options.Results = paths.RESULTS,
    name: options.Name = None,
    resume: options.Resume = None,
    retry: options.Retry = None,
    launcher: options.Launcher = LauncherChoice.AUTO,
    inside: options.InsideOption = None,
    partition: options.Partition = None,
    account: options.Account = None,
    constraint: options.Constraint = None,
    time: options.Time = None,
    slurm: options.SlurmOptions = options.NONE,
    detach: options.Detach = False,
    engine: options.Engine = None,
    python: options.Python = None,
    memory: options.Memory = None,
    timeout: options.Timeout = TimeLimits.wall,
    first_output: options.FirstOutput = TimeLimits.first_output,
    silence: options.Silence = TimeLimits.silence,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
    wait: options.Wait = 0,
    image_data_format: options.ImageDataFormat = None,
    recurrent_activation: options.RecurrentActivation = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_jobs: options.BuildJobs = BUILD_JOBS,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    dry_run: options.DryRun = False,
) -> None:
    """Train models in fresh processes and print the table (the default command)."""
    from runner.cli.measuring import measure, predict

    act = predict if dry_run else measure
    act(context)


def plan_command(context: typer.Context, **given: Any) -> None:
    """Show what a run would build, download, run and skip, and how long it would take."""
    from runner.cli.measuring import predict

    predict(context)


# The options of ``run``, declared there: all but those that make no difference here.
_OF_RUN = inspect.signature(run_command, eval_str=True).parameters.values()
plan_command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [each for each in _OF_RUN if each.name not in ("dry_run", "quiet", "detach")]
)
plan_command.__annotations__ = {each.name: each.annotation for each in _OF_RUN}
