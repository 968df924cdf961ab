"""Builds images and runs nothing."""

import typer

from runner.cli import options
from runner.spec.choices import BUILD_JOBS, BuildOptions, DeviceChoice
from runner.spec.configuration import load_configurations

EXAMPLES = (
    "python -m runner build --config mxnet-k122",
    "python -m runner build --config tf-k3 jax-k3 --device cpu",
    "python -m runner build --base-image mirror.example/ubuntu:16.04",
)


def build(
    config: options.Configs = options.NONE,
    device: options.BuildDevice = DeviceChoice.AUTO,
    engine: options.Engine = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    build_timeout: options.BuildTimeout = BuildOptions.build_seconds,
    pull_timeout: options.PullTimeout = BuildOptions.pull_seconds,
    build_jobs: options.BuildJobs = BUILD_JOBS,
) -> None:
    """Build images without running anything. GPU images build without a GPU."""
    from runner.cli.building import build_images
    from runner.plan.preflight import device_to_build_for
    from runner.report.console import print_note

    asked = BuildOptions(base_image, ca_bundle, package_index, wheels, build_timeout, pull_timeout)
    built_for = device_to_build_for(device, print_note)
    chosen = load_configurations(config)
    raise typer.Exit(build_images(chosen, built_for, asked, engine, build_jobs))
