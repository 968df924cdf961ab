"""Dependency configurations: one folder each under docker/, read and checked."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import Field, StringConstraints

from runner import paths
from runner.errors import ConfigurationError, choose_names, near_miss
from runner.spec.documents import Strict, read_document
from runner.spec.workload import WORKLOADS
from runner.words import version_numbers

Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9A-Za-z+]+)*$")]
Numbers = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})*$")]
MinorVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$")]
# These become folders, image tags and arguments.
BackendName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
ImageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}$")]
_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
ImageDataFormat = Literal["channels_first", "channels_last"]
RecurrentActivation = Literal["hard_sigmoid", "sigmoid"]


class Device(StrEnum):
    """What a job trains on."""

    GPU = "gpu"
    CPU = "cpu"


class CardDriver(Strict):
    """The oldest driver for cards from a compute capability on."""

    min_compute_capability: MinorVersion
    min_driver: Numbers


class GpuFacts(Strict):
    """What a backend's GPU build needs: versions as strings, capability as "major.minor".

    ``newer_cards`` are those that need a newer driver than ``min_driver``, the oldest cards first.
    """

    cuda: Version
    cudnn: Version
    min_driver: Numbers
    min_compute_capability: MinorVersion
    max_compute_capability: MinorVersion | None = None
    newer_cards: tuple[CardDriver, ...] = ()
    source: str

    def driver_for(self, compute_capability: tuple[int, ...]) -> str:
        """Return the oldest driver that serves such a card."""
        fitting = [
            card.min_driver
            for card in self.newer_cards
            if version_numbers(card.min_compute_capability) <= compute_capability
        ]
        return fitting[-1] if fitting else self.min_driver


class LocalNeeds(Strict):
    """What a backend needs of this machine where no image brings it.

    Programs by name, shared libraries by the name that the loader knows; ``gpu_`` ones beside
    the others for a GPU. ``packages`` says which of Debian's packages has one of them.
    """

    programs: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    gpu_programs: tuple[str, ...] = ()
    gpu_libraries: tuple[str, ...] = ()
    packages: dict[str, str] = Field(default_factory=dict)

    def programs_for(self, device: Device) -> tuple[str, ...]:
        """Return the programs that a job on ``device`` calls."""
        return self.programs + (self.gpu_programs if device is Device.GPU else ())

    def libraries_for(self, device: Device) -> tuple[str, ...]:
        """Return the libraries that a job on ``device`` loads."""
        return self.libraries + (self.gpu_libraries if device is Device.GPU else ())


class Backend(Strict):
    """One Keras backend in a configuration."""

    version: Version
    published_version: Version | None = None
    image_data_format: ImageDataFormat
    gpu: GpuFacts
    local: LocalNeeds = LocalNeeds()


class Images(Strict):
    """The default base image per device."""

    gpu: ImageName
    cpu: ImageName

    def base(self, device: Device) -> str:
        """Return the base image for ``device``."""
        return self.gpu if device is Device.GPU else self.cpu


class Sizes(Strict):
    """What a configuration takes of a disk on one device, in GiB; absent: not known.

    ``image_gib`` is what an image adds to its base, ``build_gib`` the most that building one takes
    at once, itself included.
    """

    image_gib: float | None = Field(default=None, gt=0)
    build_gib: float | None = Field(default=None, gt=0)
    environment_gib: float | None = Field(default=None, gt=0)
    source: str


class Disk(Strict):
    """What a configuration takes of a disk, by device."""

    gpu: Sizes | None = None
    cpu: Sizes | None = None

    def on(self, device: Device) -> Sizes | None:
        """Return the sizes on ``device``, None if none is known."""
        return self.gpu if device is Device.GPU else self.cpu


class OwnWheel(Strict):
    """A wheel of a lock that package indexes lack: where it is served, for which device."""

    device: Device
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+\.whl$")]

    @property
    def file(self) -> str:
        """Return the wheel's file name."""
        return unquote(self.url.rpartition("/")[2])


class Unsupported(Strict):
    """A model that a backend of this configuration cannot run, and why."""

    model: str
    backend: str
    reason: str


class Difference(Strict):
    """A known difference from the published set-up; ``backend`` absent means all."""

    text: str
    backend: str | None = None


class _File(Strict):
    title: str
    keras: Version
    python: Version
    local_pythons: tuple[MinorVersion, ...] = Field(min_length=1)
    reproduces: str | None = None
    recurrent_activation: RecurrentActivation
    images: Images
    disk: Disk = Disk()
    wheels: tuple[OwnWheel, ...] = ()
    backends: dict[BackendName, Backend] = Field(min_length=1)
    unsupported: tuple[Unsupported, ...] = ()
    differences: tuple[Difference, ...] = ()


class Configuration(_File):
    """A set of pinned dependencies: the content of ``docker/<name>/config.toml``."""

    name: str
    folder: Path

    def wanted(self, device: Device) -> Path:
        """Return the requirements that the lock for ``device`` is made from."""
        return self.folder / f"{device}.in"

    def overrides(self, device: Device) -> list[Path]:
        """Return the files whose lines stand instead of what any package asks of those they name.

        One is for both devices, the other for ``device``; there may be neither.
        """
        files = (self.folder / "overrides.in", self.folder / f"{device}.overrides.in")
        return [path for path in files if path.exists()]

    def lock(self, device: Device) -> Path:
        """Return the locked requirements for ``device``."""
        return self.folder / f"{device}.lock"

    @property
    def build_lock(self) -> Path:
        """Return the locked pip, setuptools and wheel that its packages are installed with."""
        version = ".".join(self.python.split(".")[:2])
        return self.folder.parent / "common" / f"bootstrap-{version}.lock"

    def reason_against(self, model: str, backend: str) -> str | None:
        """Return why ``backend`` cannot run ``model`` here, or None if it can."""
        needed = WORKLOADS[model].keras if model in WORKLOADS else None
        if needed not in (None, self.keras.partition(".")[0]):
            return f"needs Keras {needed}, here is Keras {self.keras}"
        same = (e.reason for e in self.unsupported if (e.model, e.backend) == (model, backend))
        return next(same, None)

    def differences_of(self, backend: str) -> list[str]:
        """Return the differences from the published set-up that touch ``backend``."""
        return [d.text for d in self.differences if d.backend in (None, backend)]


def _check_packages(path: Path, content: _File) -> None:
    for backend, facts in content.backends.items():
        needed = [*facts.local.programs_for(Device.GPU), *facts.local.libraries_for(Device.GPU)]
        for name in facts.local.packages:
            if name not in needed:
                hint = near_miss(name, needed)
                raise ConfigurationError(
                    f"{path}: backends.{backend}.local.packages: '{name}' is no program or library "
                    f"that it needs{hint}"
                )


def _check_names(path: Path, content: _File) -> None:
    backends = list(content.backends)
    for entry in content.unsupported:
        if entry.model not in WORKLOADS:
            hint = near_miss(entry.model, WORKLOADS)
            raise ConfigurationError(f"{path}: unsupported: unknown model '{entry.model}'{hint}")
    named = [e.backend for e in content.unsupported] + [e.backend for e in content.differences]
    for name in named:
        if name is not None and name not in backends:
            hint = near_miss(name, backends)
            raise ConfigurationError(f"{path}: backend '{name}' is not one of its own{hint}")


def read_configuration(folder: Path) -> Configuration:
    """Read and check one configuration folder. Raises ConfigurationError if it is wrong."""
    path = folder / "config.toml"
    if not _FOLDER.fullmatch(folder.name):
        raise ConfigurationError(
            f"{path}: its folder's name becomes an image's: small letters, digits, '.', '_', '-'"
        )
    content = read_document(path, _File)
    _check_names(path, content)
    _check_packages(path, content)
    return Configuration(name=folder.name, folder=folder, **dict(content))


def configuration_names(root: Path = paths.CONFIGURATIONS) -> list[str]:
    """Return the names of all configurations, sorted."""
    return sorted(path.parent.name for path in root.glob("*/config.toml"))


def load_configurations(
    wanted: list[str], root: Path = paths.CONFIGURATIONS
) -> list[Configuration]:
    """Return the named configurations, or all of them if none is named."""
    return [
        read_configuration(root / name)
        for name in choose_names(wanted, configuration_names(root), "configuration")
    ]
