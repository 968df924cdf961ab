"""Files that a person writes, read into checked values; what is wrong is said in a line."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from runner.errors import ConfigurationError, near_miss
from runner.words import escaped

Content = TypeVar("Content", bound=BaseModel)
# Gives the keys that are allowed at the place of an error, for a hint.
KnownKeys = Callable[[tuple[int | str, ...]], list[str]]


def explained_error(
    where: Path | str,
    error: ValidationError,
    known_keys: KnownKeys,
) -> str:
    """Return one line for the first problem of a file, or of the line of one, at ``where``.

    ``known_keys`` gives the keys that are allowed at the place of an error.
    """
    # A misspelt key also leaves the right one missing: the misspelling is what to say.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = near_miss(str(first["loc"][-1]), known_keys(first["loc"]))
        return f"{where}: unknown key '{key}'{hint}"
    return f"{where}: {key or 'the file'}: {first['msg']}"


def _read(
    path: Path, form: str, parsed: Callable[[str], Any], kind: type[Content], known: KnownKeys
) -> Content:
    try:
        return kind.model_validate(parsed(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(escaped(explained_error(path, error, known))) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not valid {form}: {escaped(str(error))}") from error


def read_toml(path: Path, kind: type[Content], known_keys: KnownKeys) -> Content:
    """Return what a TOML file holds, checked.

    ``known_keys`` gives the keys that are allowed at the place of an error. Raises
    ConfigurationError with the file, the key and the nearest known key.
    """
    return _read(path, "TOML", tomllib.loads, kind, known_keys)


def read_json(path: Path, kind: type[Content], known_keys: KnownKeys) -> Content:
    """Return what a JSON file holds, checked as ``read_toml`` checks."""
    return _read(path, "JSON", json.loads, kind, known_keys)
