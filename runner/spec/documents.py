"""Files that a person writes, read into checked values; what is wrong is said in a line."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from runner.errors import ConfigurationError, near_miss
from runner.spec.regular import read_regular
from runner.words import escaped, foreign

Content = TypeVar("Content", bound=BaseModel)
# What a person writes is far smaller.
_MOST_BYTES = 16 << 20
_PARSERS = {".toml": tomllib.loads, ".json": json.loads}


class Strict(BaseModel):
    """What such a file holds: known keys only."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _known_keys(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at the place of an error, for a hint."""
    for step in ("root", *location[:-1]):
        if (field := kind.model_fields.get(str(step))) is not None:
            kind = next(_models_in(field.annotation), kind)
    return list(kind.model_fields)


def explained_error(where: Path | str, error: ValidationError, kind: type[BaseModel]) -> str:
    """Return one line for the first problem of a file, or of the line of one, at ``where``.

    ``kind`` is what it should have held.
    """
    # A misspelt key also leaves the right one missing: the misspelling is what to say.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = near_miss(str(first["loc"][-1]), _known_keys(kind, first["loc"]))
        return f"{where}: unknown key '{key}'{hint}"
    return f"{where}: {key or 'the file'}: {first['msg']}"


def read_document(path: Path, kind: type[Content]) -> Content:
    """Return what a TOML or JSON file holds, checked.

    Raises ConfigurationError with the file, the key and the nearest known key.
    """
    with foreign(f"{path}: not valid {path.suffix[1:].upper()}", ConfigurationError):
        try:
            text = read_regular(path.resolve(), _MOST_BYTES).decode("utf-8-sig")
            return kind.model_validate(_PARSERS[path.suffix](text))
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from error
        except ValidationError as error:
            raise ConfigurationError(escaped(explained_error(path, error, kind))) from error
