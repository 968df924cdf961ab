"""Keeps images, wheels and data in one checksummed folder, and brings them back from it."""

from pathlib import Path
from typing import Annotated

import typer

from runner.cli import options
from runner.spec.choices import BuildOptions, DeviceChoice
from runner.spec.configuration import load_configurations
from runner.spec.workload import DataSource

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
def bundle_save(
    folder: Folder,
    config: options.Configs = options.NONE,
    device: options.BuildDevice = DeviceChoice.AUTO,
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
    from runner.bundle.save import WantedBundle
    from runner.bundle.tell import save_and_tell
    from runner.plan.preflight import device_to_build_for
    from runner.report.console import print_note

    asked = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    built_for = device_to_build_for(device, print_note)
    save_and_tell(WantedBundle(load_configurations(config), built_for, asked, data), folder, engine)


@app.command("verify")
def bundle_verify(folder: Folder) -> None:
    """Check every file of a bundle. Exit 2 if one is wrong, missing or not listed."""
    from runner.bundle.tell import verify_and_tell

    verify_and_tell(folder)


@app.command("load")
def bundle_load(folder: Folder, engine: options.Engine = None) -> None:
    """Verify a bundle, load its images into the engine and its data into the cache."""
    from runner.bundle.tell import load_and_tell

    load_and_tell(folder, engine)
