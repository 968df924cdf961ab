"""Keeps images, wheels and data in one checksummed folder, and brings them back from it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from runner import bundle, images, options, paths
from runner import configurations as configs
from runner.bundle.manifest import NAME as MANIFEST
from runner.bundle.manifest import Kept, Manifest
from runner.bundle.sizes import shown
from runner.commands.console import note, out
from runner.configurations import Device
from runner.data import file_sha256
from runner.engine import Engine, connect
from runner.images import BuildOptions
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


def _say(line: str) -> None:
    out.print(line, highlight=False, soft_wrap=True, markup=False)


def _tell(folder: Path, whole: Manifest) -> None:
    """Say what a bundle holds, and under which hash it can be known again."""
    _say(f"{folder}: {len(whole.files)} files, {shown(whole.size)}, made {whole.made}")
    _say(f"  {MANIFEST}\n    sha256:{file_sha256(folder / MANIFEST)}")
    for kept in whole.configurations:
        base = kept.base.repo_digest or kept.base.digest
        _say(f"  {kept.name} for {kept.device}\n    {kept.tag}")
        _say(f"  its base {kept.base.name}\n    {base}")
    held = [Path(file.path).name for file in whole.data()]
    _say(f"  data: {', '.join(held) or 'none'}")
    if whole.missing_data:
        _say(f"  data not in it: {', '.join(whole.missing_data)}")


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
    asked = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    wanted = bundle.Wanted(configs.load(config), device, asked, data)
    logs = paths.cache() / "build-logs"
    logs.mkdir(parents=True, exist_ok=True)
    whole = bundle.save(connect(engine), wanted, folder, paths.cache(), logs, note)
    _tell(folder, whole)


@app.command("verify")
def verify(folder: Folder) -> None:
    """Check every file of a bundle. Exit 2 if one is wrong, missing or not listed."""
    _tell(folder, bundle.verify(folder, note))
    _say("ok")


def _state(engine: Engine, kept: Kept) -> str:
    """Return what the first run here will do, as this checkout may be another than the saver's."""
    if kept.name not in configs.names():
        return "this checkout has no such configuration; take the commit that saved it"
    base = images.held_base(engine, kept.base.name)
    if base is None:
        return f"the base image {kept.base.name} is not there under its name"
    stages = images.plan(configs.load([kept.name])[0], kept.device, base).stages
    there = {image.tag for image in kept.images}
    missing = [stage.name for stage in stages if stage.tag not in there]
    if not missing:
        return "runs as it is"
    if missing == ["models"]:
        return "models/ are not those that were saved: the first run copies them in, offline too"
    return (
        f"this checkout's {missing[0]} is not the one that was saved: the first run builds it, "
        "which needs its packages (--wheels, or a network)"
    )


def _command(kept: Kept) -> str:
    words = ["python", "-m", "runner", "--config", kept.name, "--device", str(kept.device)]
    if kept.name in configs.names():
        usual = configs.load([kept.name])[0].images.base(kept.device)
        words += [] if kept.base.name == usual else ["--base-image", kept.base.name]
    return shlex.join(words)


@app.command("load")
def load(folder: Folder, engine: options.Engine = None) -> None:
    """Verify a bundle, load its images into the engine and its data into the cache."""
    reached = connect(engine)
    whole = bundle.load(reached, folder, paths.cache(), note)
    _tell(folder, whole)
    for kept in whole.configurations:
        _say(f"{kept.name}: {_state(reached, kept)}")
        _say(f"  {_command(kept)}")
        if kept.python is not None:
            wheels = shlex.quote(str(folder / "wheels"))
            _say(f"  without the engine, with Python {kept.python.rpartition('.')[0]}: "
                 f"--launcher local --wheels {wheels}")  # fmt: skip
