"""The default command: jobs in fresh processes, and the table of them; and its plan.

Nothing else is imported before an option's values are known, so that a shell completes at once.
"""

from typing import Any

from runner.cli import options
from runner.cli.lazy import Declared

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


def _run(context: Any) -> None:
    """Train models in fresh processes and print the table (the default command)."""
    from runner.cli.measuring import measure, predict

    act = predict if context.params["dry_run"] else measure
    act(context)


def _plan(context: Any) -> None:
    """Show what a run would build, download, run and skip, and how long it would take."""
    from runner.cli.measuring import predict

    predict(context)


run_command = Declared(_run, options.RUN)
plan_command = Declared(_plan, options.PLAN)
