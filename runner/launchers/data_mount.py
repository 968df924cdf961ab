"""How a container gets the data: read-only, and with a label where SELinux asks for one."""

from dataclasses import dataclass, field
from pathlib import Path

from docker.types import Mount

from runner.errors import MachineError
from runner.machine.docker_engine import Engine

DATA_DIR = "/data"


@dataclass(frozen=True)
class DataMount:
    """What an engine is asked for: ``mounts`` as they are, ``volumes`` with a label of SELinux."""

    mounts: list[Mount] = field(default_factory=list)
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)


def mount_data(engine: Engine, folder: Path | None, cache: Path) -> DataMount:
    """Return what gives a container the data in ``folder``; nothing where there is none.

    Under SELinux a container reads only files with its label. The files of our own ``cache`` get
    the one that all containers share; what lies elsewhere is the user's and is not changed, and the
    confinement stays. Docker's interface takes a label with a path that has no colon only: raises
    MachineError for another.
    """
    if folder is None:
        return DataMount()
    if not (engine.confines_by_label and folder.resolve().is_relative_to(cache.resolve())):
        return DataMount(mounts=[Mount(DATA_DIR, str(folder), type="bind", read_only=True)])
    if ":" in str(folder):
        raise MachineError(
            f"{folder}: SELinux asks for a label, which a path with ':' cannot be given\n"
            "set XDG_CACHE_HOME to a folder without one"
        )
    return DataMount(volumes={str(folder): {"bind": DATA_DIR, "mode": "ro,z"}})
