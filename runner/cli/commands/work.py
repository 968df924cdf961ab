"""Runs one job of a run on a node of a cluster, called by the script that was handed in."""

from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options
from runner.spec.choices import BuildOptions
from runner.spec.time_limits import TimeLimits

EXAMPLES = ("python -m runner work results/runs/night jax-k3.jax.mnist_mlp.1",)


def work(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's name in it.")],
    retry: options.Retry = None,
    timeout: options.Timeout = TimeLimits.wall,
    first_output: options.FirstOutput = TimeLimits.first_output,
    silence: options.Silence = TimeLimits.silence,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
    wait: options.Wait = 0,
) -> None:
    """Run one job of a run here, on the node that a cluster's queue gave it."""
    from runner.cli.on_node import work_here
    from runner.plan.resume import Session, statuses_to_retry

    limits = TimeLimits(first_output, silence, timeout)
    session = Session(
        again=statuses_to_retry(retry),
        limits=limits,
        build_seconds=build_timeout,
        pull_seconds=pull_timeout,
        wait=wait,
    )
    raise typer.Exit(work_here(run, job, session))
