"""Keeps images, wheels and data in one checksummed folder, and brings them back from it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from runner import config_files as configs
from runner import options, paths
from runner.choices import BuildOptions
from runner.commands.console import note
from runner.config_files import Device
from runner.workloads import DataSource

NONE: list[str] = []
EXAMPLES = (
    "python -m runner bundle save kept --config mxnet-k122 --device cpu",
    "python -m runner bundle verify kept",
    "python -m runner bundle load kept",
)
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The bundle's folder.")]
KeptData = Annotated[
    DataSource | None,
    typer.Option(
        "--data",
        help="real: all files, fetched if missing; synthetic, digits: none are needed. "
        "[default: the real files that are cached]",
    ),
]

app = typer.Typer(
    help="Save images, wheels and data to a folder that runs without a network.",
    no_args_is_help=True,
)


@app.command("save")
def save(
    folder: Folder,
    config: options.Configs = NONE,
    device: options.BuildDevice = Device.GPU,
    data: KeptData = None,
    engine: options.Engine = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
) -> None:
    """Write a bundle: what is not built yet is built, what is not cached is said."""
    from runner import bundle
    from runner.commands import bundling
    from runner.engine import connect

    asked = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    wanted = bundle.Wanted(configs.load(config), device, asked, data)
    logs = paths.cache() / "build-logs"
    logs.mkdir(parents=True, exist_ok=True)
    whole = bundle.save(connect(engine), wanted, folder, paths.cache(), logs, note)
    bundling.tell(folder, whole)


@app.command("verify")
def verify(folder: Folder) -> None:
    """Check every file of a bundle. Exit 2 if one is wrong, missing or not listed."""
    from runner import bundle
    from runner.commands import bundling

    bundling.tell(folder, bundle.verify(folder, note))
    bundling.say("ok")


@app.command("load")
def load(folder: Folder, engine: options.Engine = None) -> None:
    """Verify a bundle, load its images into the engine and its data into the cache."""
    from runner import bundle
    from runner.commands import bundling
    from runner.engine import connect

    reached = connect(engine)
    whole = bundle.load(reached, folder, paths.cache(), note)
    bundling.tell(folder, whole)
    for kept in whole.configurations:
        bundling.say(f"{kept.name}: {bundling.state(reached, kept)}")
        bundling.say(f"  {bundling.command(kept)}")
        if kept.python is not None:
            wheels = shlex.quote(str(folder / "wheels"))
            bundling.say(
                f"  without the engine, with Python {kept.python.rpartition('.')[0]}: "
                f"--launcher local --wheels {wheels}"
            )
