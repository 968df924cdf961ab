"""Images built without running anything."""

from __future__ import annotations

from rich.markup import escape

from runner import disk, images, paths, usage
from runner.choices import BuildOptions
from runner.commands.console import err, note, out
from runner.config_files import Configuration, Device
from runner.engine import Engine, connect
from runner.errors import BuildError, ExitCode


def _is_built(
    engine: Engine, configuration: Configuration, device: Device, asked: BuildOptions
) -> bool:
    log = images.fresh_log(paths.cache(), configuration, device)
    try:
        image = images.build(engine, configuration, device, asked, log, note)
    except BuildError as error:
        err.print(f"[red]{configuration.name}:[/] {escape(str(error))}", highlight=False)
        return False
    usage.note(usage.image_marker(paths.cache(), image.digest))
    out.print(f"{image.tag} {image.digest}", highlight=False, soft_wrap=True)
    return True


def build_images(
    chosen: list[Configuration], device: Device, asked: BuildOptions, engine: str | None
) -> ExitCode:
    """Build the image of each configuration, and print its name and digest.

    One that fails does not stop the others. Raises MachineError without an engine or without room.
    """
    reached = connect(engine)
    disk.check(disk.of_images(reached, chosen, device, asked), note)
    built = [_is_built(reached, configuration, device, asked) for configuration in chosen]
    return ExitCode.OK if all(built) else ExitCode.JOBS_NOT_OK
