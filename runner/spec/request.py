"""What the user asked of a run: kept in its manifest, so that a resumed run asks for the same."""

from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, field_validator

from runner.errors import StoreError
from runner.spec.choices import BuildOptions, DeviceChoice, LauncherChoice, Threads
from runner.spec.configuration import ImageDataFormat, RecurrentActivation
from runner.spec.documents import Strict
from runner.spec.workload import DataSource
from runner.words import without_password


class Request(Strict):
    """The options of a run that decide what is measured, by the names of the command line.

    ``memory`` is a job's, in GiB. Empty tuples mean what reproduces ``study``, or all
    there are.
    """

    study: str | None = None
    config: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    backend: tuple[str, ...] = ()
    device: DeviceChoice = DeviceChoice.AUTO
    gpu: str | None = None
    epochs: int | None = None
    samples: int | None = None
    seed: int = 2017
    repeats: int = 1
    until: str | None = None
    max_repeats: int = 20
    budget: str | None = None
    same_within: str = "3%"
    threads: Threads | None = None
    data: DataSource | None = None
    launcher: LauncherChoice = LauncherChoice.AUTO
    engine: str | None = None
    python: Path | None = None
    memory: int | None = None
    image_data_format: ImageDataFormat | None = None
    recurrent_activation: RecurrentActivation | None = None
    base_image: str | None = None
    ca_bundle: Path | None = None
    package_index: str | None = None
    wheels: Path | None = None

    @property
    def build(self) -> BuildOptions:
        """Return the part that builds need."""
        return BuildOptions(self.base_image, self.ca_bundle, self.package_index, self.wheels)

    @field_validator("python", "ca_bundle", "wheels")
    @classmethod
    def _from_anywhere(cls, path: Path | None) -> Path | None:
        """A resumed run may be called from another folder."""
        return path.absolute() if path is not None else None

    def to_keep(self) -> dict[str, Any]:
        """Return the request as JSON values, without the password of an address."""
        plain: dict[str, Any] = self.model_dump(mode="json")
        return {n: without_password(v) if isinstance(v, str) else v for n, v in plain.items()}

    @classmethod
    def of_manifest(cls, manifest: dict[str, Any], folder: Path) -> Self:
        """Return the request of a run. Raises StoreError if its manifest keeps none."""
        try:
            return cls.model_validate(manifest["request"])
        except (KeyError, ValidationError) as error:
            raise StoreError(
                f"{folder}: its manifest keeps no request that this version understands, "
                "so it cannot be resumed; it can still be reported"
            ) from error
