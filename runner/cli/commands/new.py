"""Writes the skeleton of a configuration or of a model."""

from typing import Annotated

import typer

from runner import paths
from runner.cli import options
from runner.report.console import out, print_note
from runner.spec.choices import BuildOptions

app = typer.Typer(
    help="Write a working skeleton of a configuration or a model.", no_args_is_help=True
)
OWN = "own"  # the suite of models that came with no study
EXAMPLES = (
    "python -m runner new configuration jax-k3150 --pin keras==3.15.0",
    "python -m runner new model mnist_wide",
)


def _say(*lines: tuple[str, str]) -> None:
    """Print what was made and the next commands, in two columns."""
    width = max(len(left) for left, _ in lines)
    for left, right in lines:
        out.print(f"{left:<{width}}  {right}", highlight=False, markup=False, soft_wrap=True)


@app.command("configuration")
def new_configuration(
    name: Annotated[str, typer.Argument(help="<backends>-k<Keras version>, such as jax-k3140.")],
    like: Annotated[
        str | None,
        typer.Option("--like", help="Start from this one. [default: the newest of the backends]"),
    ] = None,
    pin: Annotated[
        list[str],
        typer.Option("--pin", help="One or several versions: keras==3.14.0, jax==0.9.0."),
    ] = options.NONE,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
) -> None:
    """Write docker/NAME, made like a configuration that works, with other versions."""
    from runner.author.new import parse_pins, write_configuration

    paths.need_checkout("new configuration")
    build = BuildOptions(None, ca_bundle, package_index, wheels, build_timeout)
    made, source = write_configuration(name, like, parse_pins(pin), build, print_note)
    _say(
        ("made", f"docker/{name}: {made.title}, like {source.name}"),
        ("correct", f"docker/{name}/config.toml (its words are still {source.name}'s)"),
        ("repin", f"cpu.in, gpu.in, then: python -m runner lock {name}"),
        ("check", f"python -m runner check configuration {name} --device cpu"),
        ("run", f"python -m runner --config {name} --device cpu --epochs 3 --samples 256"),
    )


@app.command("model")
def new_model(
    name: Annotated[str, typer.Argument(help="Such as mnist_wide.")],
    suite: Annotated[
        str, typer.Option("--suite", help="The folder of models/workloads/ to put it into.")
    ] = OWN,
) -> None:
    """Write models/workloads/own/NAME.py, a small network that trains, and register it."""
    from runner.author.new import write_model

    paths.need_checkout("new model")
    made = write_model(name, suite).relative_to(paths.ROOT)
    _say(
        ("made", f"{made}, and its entry in {made.with_name(paths.SUITE)}"),
        ("change", "the network there; check tells its number of parameters for the entry"),
        ("check", f"python -m runner check model {name} --device cpu"),
        ("run", f"python -m runner --model {name} --config jax-k3 tf-k3 --device cpu"),
    )
