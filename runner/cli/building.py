"""Images built without running anything."""

from collections.abc import Callable

from runner import paths
from runner.environments.image import build_image, fresh_build_log
from runner.environments.patience import Making
from runner.errors import BuildError, ExitCode
from runner.execution.interrupts import Interrupts
from runner.execution.lanes import each_side_by_side
from runner.locks import image_marker, note_use
from runner.machine.docker_engine import Engine, connect_engine
from runner.plan.needs import image_needs, require_room
from runner.report.console import err, out, print_labelled, print_note
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device


def _is_built(
    engine: Engine, configuration: Configuration, device: Device, asked: BuildOptions,
    is_wanted: Callable[[], bool],
) -> bool:  # fmt: skip
    log = fresh_build_log(paths.cache(), configuration, device)
    try:
        making = Making(log, lambda line: print_note(f"{configuration.name}: {line}"), is_wanted)
        image = build_image(engine, configuration, device, asked, making)
    except BuildError as error:
        print_labelled(err, f"{configuration.name}:", str(error), "red")
        return False
    note_use(image_marker(paths.cache(), image.digest))
    out.print(f"{image.tag} {image.digest}", highlight=False, soft_wrap=True)
    return True


def build_images(
    chosen: list[Configuration],
    device: Device,
    asked: BuildOptions,
    engine: str | None,
    build_jobs: int,
) -> ExitCode:
    """Build the image of each configuration, and print its name and digest.

    ``build_jobs`` are built at the same time; one that fails does not stop the others. Raises
    MachineError without an engine or without room.
    """
    reached = connect_engine(engine)
    require_room(image_needs(reached, chosen, device, asked), print_note)

    def build(configuration: Configuration, is_wanted: Callable[[], bool]) -> bool:
        return _is_built(reached, configuration, device, asked, is_wanted)

    interrupts = Interrupts()
    with interrupts.installed():
        built = each_side_by_side(chosen, build_jobs, build, interrupts, print_note)
    return ExitCode.OK if all(built) else ExitCode.JOBS_NOT_OK
