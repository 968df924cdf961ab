"""What the user asked of a run: kept in its manifest, so that a resumed run asks for the same."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from runner.errors import StoreError, UsageError
from runner.spec.axes import Axis, AxisValue, declared_axes
from runner.spec.choices import BuildOptions, DeviceChoice, Inside, LauncherChoice, Threads
from runner.spec.configuration import ImageDataFormat, RecurrentActivation
from runner.spec.documents import Strict
from runner.spec.facts import refuse_taken
from runner.spec.workload import DataSource
from runner.words import without_password

# What NumPy takes as a seed.
MOST_SEED = 2**32 - 1


def _no_truth(value: object) -> object:
    """Refuse True and False, which Python counts as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("it must be a number")  # noqa: TRY004 pydantic takes it
    return value


Whole = Annotated[int, BeforeValidator(_no_truth)]
_Count = Annotated[Whole, Field(ge=1, le=10**9)]


def _several(value: object) -> object:
    """Return one value as several; before axes took several, None stood for none."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


# What goes into a line of a queue's script.
_OfQueue = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
_QUEUE_OPTIONS = ("partition", "account", "constraint", "time")


def _known_values(axis: Axis) -> Callable[[tuple[object, ...]], tuple[AxisValue, ...]]:
    """Return what checks the values of an axis, and gives each once."""

    def checked(given: tuple[object, ...]) -> tuple[AxisValue, ...]:
        found = []
        for value in given:
            try:
                found.append(axis.checked(value))
            except ValueError as error:
                raise ValueError(f"{value}: {error}") from error
        return tuple(dict.fromkeys(found))

    return checked


class RequestFields(Strict):
    """What a request holds: each axis that is declared is a field, also those not named here.

    ``axis_values`` gives all. ``memory`` is a job's, in GiB. ``gpu`` names a card, several with
    commas between, or all. ``partition``, ``account``, ``constraint``, ``time`` and ``slurm``
    ("name=value" each) are of a cluster's queue, ``inside`` is where jobs run on its nodes. Empty
    tuples mean what reproduces ``study``, or all there are.
    """

    study: str | None = None
    config: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    backend: tuple[str, ...] = ()
    device: DeviceChoice = DeviceChoice.AUTO
    gpu: str | None = None
    epochs: _Count | None = None
    seed: Annotated[Whole, Field(ge=0, le=MOST_SEED)] = 2017
    repeats: _Count = 1
    until: str | None = None
    max_repeats: Annotated[_Count, Field(ge=2)] = 20
    budget: str | None = None
    same_within: str = "3%"
    data: DataSource | None = None
    threads: tuple[Threads, ...] = ()
    launcher: LauncherChoice = LauncherChoice.AUTO
    inside: Inside | None = None
    partition: _OfQueue | None = None
    account: _OfQueue | None = None
    constraint: _OfQueue | None = None
    time: _OfQueue | None = None
    slurm: tuple[_OfQueue, ...] = ()
    engine: str | None = None
    python: Path | None = None
    memory: _Count | None = None
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

    @property
    def axis_values(self) -> dict[str, tuple[AxisValue, ...]]:
        """Return the values asked for of each axis, by its name; none: its own default."""
        return {name: getattr(self, name) for name in declared_axes()}

    @property
    def varied(self) -> tuple[str, ...]:
        """Return the names of the axes that take several values."""
        return tuple(name for name, values in self.axis_values.items() if len(values) > 1)

    @property
    def runs_in(self) -> LauncherChoice:
        """Return where jobs are to run on the machine that they are on.

        An interpreter is one of that machine.
        """
        if self.python is not None:
            return LauncherChoice.LOCAL
        if self.launcher.is_of_cluster:
            return LauncherChoice(self.inside or LauncherChoice.AUTO)
        return self.launcher

    @property
    def queue_options(self) -> dict[str, str]:
        """Return what is asked of a cluster's queue, by the names of its own options."""
        named = {name: getattr(self, name) for name in _QUEUE_OPTIONS}
        given = (text.partition("=") for text in self.slurm)
        options = {name.removeprefix("--"): value for name, _, value in given}
        return {name: value for name, value in named.items() if value is not None} | options

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.python is not None and self.launcher is LauncherChoice.DOCKER:
            raise ValueError("--python is of this machine: leave out --launcher docker")
        if self.python is not None and self.inside == "docker":
            raise ValueError("--python is of the nodes themselves: leave out --inside docker")
        return self

    @model_validator(mode="after")
    def _last_seed(self) -> Self:
        """Every repeat has a seed of its own."""
        is_open = self.until is not None or self.budget is not None
        last = self.seed + (max(self.repeats, self.max_repeats) if is_open else self.repeats) - 1
        if last > MOST_SEED:
            raise ValueError(
                f"seed {self.seed}: the last repeat's would be {last}, and {MOST_SEED} is the most"
            )
        return self

    @field_validator("python", "ca_bundle", "wheels")
    @classmethod
    def _from_anywhere(cls, path: Path | None) -> Path | None:
        """A resumed run may be called from another folder."""
        return path.absolute() if path is not None else None

    def require_cluster(self) -> None:
        """Raise UsageError for what means nothing without a cluster, or what a cluster decides.

        Not while options are read: a run that goes on has its launcher from its manifest.
        """
        on_cluster = self.launcher.is_of_cluster
        asked = [name for name in (*_QUEUE_OPTIONS, "inside", "slurm") if getattr(self, name)]
        if asked and not on_cluster:
            raise UsageError(f"--{asked[0]} needs --launcher slurm: it is of a cluster's queue")
        if on_cluster and self.gpu is not None:
            raise UsageError(
                "--gpu: Slurm gives each job its card; name a kind with --constraint or "
                "--slurm gres=gpu:KIND:1"
            )

    @classmethod
    def asked(cls, **options: Any) -> Self:
        """Return the request of these options. Raises UsageError where they cannot be."""
        try:
            return cls(**options)
        except ValidationError as error:
            wrong = (str(found["msg"]).removeprefix("Value error, ") for found in error.errors())
            raise UsageError("; ".join(wrong)) from error

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


if TYPE_CHECKING:
    # The axes' fields are known from their declaration only; ``axis_values`` gives them by name.
    Request = RequestFields
else:
    refuse_taken(RequestFields.model_fields, "an option of a run")
    Request = create_model(
        "Request",
        __base__=RequestFields,
        __module__=__name__,
        __doc__="The options of a run that decide what is measured, by the command line's names.",
        **{
            name: (
                Annotated[
                    tuple[Any, ...],
                    BeforeValidator(_several),
                    AfterValidator(_known_values(axis)),
                ],
                (),
            )
            for name, axis in declared_axes().items()
        },
    )
