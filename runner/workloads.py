"""The five models as the host knows them: names, sizes and the data each can be fed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.errors import UsageError, choose


class DataSource(StrEnum):
    """Where the samples come from; every row of a result says which."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    DIGITS = "digits"


@dataclass(frozen=True)
class Workload:
    """One of the five models.

    ``test`` is its name in the published figures, ``dataset`` the data set it trains on,
    ``parameters`` the number of trainable weights that every job is checked against.
    """

    name: str
    title: str
    test: str
    dataset: str
    parameters: int
    batch_size: int
    epochs: int
    train: int

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """Return the data sources that fit this model's input."""
        if self.dataset == "mnist":
            return (DataSource.REAL, DataSource.SYNTHETIC, DataSource.DIGITS)
        return (DataSource.REAL, DataSource.SYNTHETIC)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("mnist_mlp", "MNIST MLP", "mnist_mlp", "mnist", 669_706, 128, 20, 60_000),
        Workload("mnist_cnn", "MNIST CNN", "mnist_cnn", "mnist", 1_199_882, 128, 12, 60_000),
        Workload(
            "cifar10_cnn", "CIFAR-10 CNN", "cifar10_cnn", "cifar10", 1_250_858, 32, 50, 50_000
        ),
        Workload(
            "mnist_hrnn",
            "MNIST hierarchical RNN",
            "mnist_hier_rnn",
            "mnist",
            199_434,
            32,
            5,
            60_000,
        ),
        Workload("babi_rnn", "bAbI RNN", "babi_rnn", "babi", 45_836, 32, 40, 950),
    )
}


def choose_workloads(names: list[str]) -> list[Workload]:
    """Return the named models, or all five if none is named."""
    return [WORKLOADS[name] for name in choose(names, list(WORKLOADS), "model")]


def require_source(workloads: list[Workload], source: DataSource) -> None:
    """Fail if one of the models cannot be fed from ``source``."""
    unfit = [workload.name for workload in workloads if source not in workload.sources]
    if unfit:
        fit = [w.name for w in WORKLOADS.values() if source in w.sources]
        raise UsageError(
            f"--data {source} does not fit {', '.join(unfit)}; "
            f"it serves {', '.join(fit)} (name them with --model, or use --data synthetic)"
        )
