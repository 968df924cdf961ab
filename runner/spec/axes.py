"""The axes: settings that may take several values in one run, each value a cell of its own.

``models/job/axes.json`` declares them, and the code inside a job reads the same file. Every
combination of the values asked for is a cell; a value that is not the same on two sides makes
their times no comparison.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, RootModel, model_validator

from runner import paths
from runner.errors import near_miss
from runner.spec.documents import Strict, read_document

AxisValue = int | str
# A whole number of a record, which another machine may have written.
Count = Annotated[int, Field(ge=0, lt=2**63)]
# Of a row that was measured before the axis was there.
NOT_RECORDED = "not recorded"


class Value(Strict):
    """A named value of an axis; ``from_keras`` is the first version of Keras that knows it.

    ``trains``: it is a phase that updates the weights.
    """

    from_keras: int = 1
    trains: bool = False


class Axis(Strict):
    """An axis: named ``values``, whole numbers from ``least`` on, or both.

    ``label`` is how a value is written where cells are told apart, "{}" standing for it.
    ``is_same_work``: a step computes the same network on as many samples whatever the value, so
    that times say which value is faster. ``default`` is the value where none is asked for; without
    it the first that a version of Keras knows, or for numbers what the runner or, of an axis that
    ``is_optional``, the model chooses. ``before`` is the value of jobs that were recorded before
    the axis was declared; without it they have none. ``from_keras`` is the first version of Keras
    that knows any number but the default.
    """

    label: Annotated[str, Field(pattern=r"\{\}")]
    help: str
    is_same_work: bool = False
    values: dict[str, Value] = Field({})
    least: int | None = None
    default: AxisValue | None = None
    before: AxisValue | None = None
    is_optional: bool = False
    from_keras: int = 1

    @model_validator(mode="after")
    def _has_values(self) -> "Axis":
        if not self.values and self.least is None:
            raise ValueError("an axis needs values, or the least of its whole numbers")
        for value in (self.default, self.before):
            if value is not None:
                self.checked(value)
        return self

    @property
    def record_type(self) -> Any:
        """Return the type of a value that is read from a record: a name, a count, or either."""
        if self.least is None:
            return str
        return Count | Literal[*self.values] if self.values else Count

    @property
    def column_type(self) -> Literal["string", "Int64"]:
        """Return the type of its column in tables."""
        return "string" if self.values else "Int64"

    def cell(self, value: AxisValue | None) -> AxisValue | None:
        """Return a value as its column holds it."""
        return str(value) if self.values and value is not None else value

    def checked(self, given: object) -> AxisValue:
        """Return a value that a person or a program gave. Raises ValueError with what is wrong."""
        if isinstance(given, str) and given in self.values:
            return given
        if self.least is None:
            known = ", ".join(self.values)
            raise ValueError(f"it is one of {known}{near_miss(str(given), self.values)}")
        number = _whole(given)
        if number is None or not self.least <= number <= MOST:
            names = "".join(f", or {name}" for name in self.values)
            raise ValueError(f"expected a whole number from {self.least} on{names}")
        return number

    def choose(self, keras: str) -> AxisValue | None:
        """Return the value where none is asked for: the first that this version of Keras knows.

        None for an axis of numbers without a default: its value is the model's, or the machine's.
        """
        if self.default is not None or self.least is not None:
            return self.default
        return next(name for name in self.values if self.needs(name, keras) is None)

    def needs(self, value: AxisValue | None, keras: str) -> int | None:
        """Return the first version of Keras that knows a value, where this one does not."""
        if value in self.values:
            first = self.values[value].from_keras
        else:
            first = 1 if value in (None, self.default) else self.from_keras
        return first if int(keras.partition(".")[0]) < first else None


MOST = 10**9


def _whole(given: object) -> int | None:
    """Return a whole number, or the one that a text holds; neither True nor 2.5 is one."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    is_number = isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 11
    return int(str(given)) if is_number else None


class _File(RootModel[dict[str, Axis]]):
    """The whole file, by the axes' names."""


@cache
def declared_axes() -> Mapping[str, Axis]:
    """Return the axes by their names, in the order in which a cell's values are told."""
    return read_document(paths.axes(), _File).root


def recorded_fields() -> dict[str, tuple[Any, AxisValue | None]]:
    """Return the fields that the axes add to a record, by name: the type, and the value before."""
    return {name: (axis.record_type | None, axis.before) for name, axis in declared_axes().items()}


def trains(phase: str) -> bool:
    """Return whether a phase updates the weights; one that is not known here does not."""
    declared = declared_axes()["phase"].values.get(phase)
    return declared is not None and declared.trains


def _declared_phase(name: str) -> str:
    declared_axes()["phase"].checked(name)
    return name


PhaseName = Annotated[str, AfterValidator(_declared_phase)]


def combinations(
    asked: Mapping[str, Sequence[AxisValue]],
) -> list[dict[str, AxisValue | None]]:
    """Return every combination of the values asked for; None stands where none is."""
    names = list(declared_axes())
    return [
        dict(zip(names, values, strict=True))
        for values in product(*(asked[name] or (None,) for name in names))
    ]


def settings_text(values: Mapping[str, object], varied: Iterable[str]) -> str:
    """Return the values of the axes that are ``varied``, as cells are told apart by them."""
    named = set(varied)
    return ", ".join(
        axis.label.format(NOT_RECORDED if values.get(name) is None else values[name])
        for name, axis in declared_axes().items()
        if name in named
    )
