"""Builds images and runs nothing."""

from __future__ import annotations

import typer
from rich.markup import escape

from runner import config_files as configs
from runner import options, paths
from runner.choices import BuildOptions
from runner.commands.console import err, note, out
from runner.config_files import Device
from runner.errors import BuildError, ExitCode

NONE: list[str] = []
EXAMPLES = (
    "python -m runner build --config mxnet-k122",
    "python -m runner build --config tf-k3 jax-k3 --device cpu",
    "python -m runner build --base-image mirror.example/ubuntu:16.04",
)


def build(
    config: options.Configs = NONE,
    device: options.BuildDevice = Device.GPU,
    engine: options.Engine = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
) -> None:
    """Build images without running anything. GPU images build without a GPU."""
    from runner import disk, images, usage
    from runner.engine import connect

    chosen = configs.load(config)
    reached = connect(engine)
    asked = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    disk.check(disk.of_images(reached, chosen, device, asked), note)
    logs = paths.cache() / "build-logs"
    logs.mkdir(parents=True, exist_ok=True)
    failed = 0
    for configuration in chosen:
        log = logs / f"{configuration.name}-{device}.log"
        log.unlink(missing_ok=True)
        try:
            image = images.build(reached, configuration, device, asked, log, note)
            usage.note(usage.image_marker(paths.cache(), image.digest))
            out.print(f"{image.tag} {image.digest}", highlight=False, soft_wrap=True)
        except BuildError as error:
            failed += 1
            err.print(f"[red]{configuration.name}:[/] {escape(str(error))}", highlight=False)
    raise typer.Exit(ExitCode.JOBS_NOT_OK if failed else ExitCode.OK)
