"""What there is to run, as tables on a terminal."""

from rich.table import Table

from runner.report.console import out
from runner.spec.configuration import load_configurations
from runner.spec.workload import WORKLOADS


def print_available() -> None:
    """Print configurations, their backends, and the models."""
    columns = ("configuration", "Keras", "Python", "backends", "title")
    table = Table(*columns, title="Configurations", title_justify="left")
    for configuration in load_configurations([]):
        backends = ", ".join(f"{n} {b.version}" for n, b in configuration.backends.items())
        table.add_row(
            configuration.name, configuration.keras, configuration.python, backends,
            configuration.title,
        )  # fmt: skip
    out.print(table)
    of_models = ("model", "parameters", "batch", "epochs", "training samples", "data")
    table = Table(*of_models, title="Models", title_justify="left")
    for workload in WORKLOADS.values():
        table.add_row(
            workload.name, f"{workload.parameters:,}", str(workload.batch_size),
            str(workload.epochs), f"{workload.train:,}", ", ".join(workload.sources),
        )  # fmt: skip
    out.print(table)
