"""What a configuration or a model may be called: names become folders, files and modules."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.errors import UsageError
from runner.spec.workload import MODEL_NAME

_CONFIGURATION = re.compile(r"((?:[a-z]+[0-9]*-)+)k([0-9]+)")
_NAME = re.compile(MODEL_NAME)
_ALIASES = {"tf": "tensorflow"}
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# What other commands call the run that began last.
LATEST = "latest"
_LONGEST = 60


@dataclass(frozen=True)
class ConfigurationName:
    """A name taken apart: its backends, each with the digits of a version or "", and Keras's."""

    text: str
    backends: Mapping[str, str]
    keras: str


def _digits(version: str) -> str:
    return version.partition("+")[0].replace(".", "")


def parse_configuration_name(text: str) -> ConfigurationName:
    """Take a configuration's name apart. Raises UsageError where it is none."""
    match = _CONFIGURATION.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        raise UsageError(
            f"{text!r} is no name for a configuration\n"
            "it is <backends>-k<Keras version>, such as jax-k3, jax-k3140 or tf-cntk-k208"
        )
    backends = {}
    for word in match[1].rstrip("-").split("-"):
        letters = word.rstrip("0123456789")
        backends[_ALIASES.get(letters, letters)] = word[len(letters) :]
    return ConfigurationName(text, backends, match[2])


def _checked(text: str, what: str, example: str, *made_of_it: str) -> str:
    if not _NAME.fullmatch(text) or any(map(keyword.iskeyword, (text, *made_of_it))):
        raise UsageError(
            f"{text!r} is no name for a {what}\n"
            "it is 2 to 40 of a-z, 0-9 and _, begins with a letter and is no word of Python, "
            f"such as {example}"
        )
    return text


def checked_model_name(text: str) -> str:
    """Return ``text`` if it may be a model's name. Raises UsageError where it may not."""
    return _checked(text, "model", "mnist_wide", class_name(text))


def suite_name(text: str) -> str:
    """Return ``text`` if it may be a suite's name. Raises UsageError where it may not."""
    return _checked(text, "suite", "own")


def checked_run_name(text: str) -> str:
    """Return ``text`` if it may be a run's name. Raises UsageError where it may not."""
    if not _RUN.fullmatch(text) or len(text) > _LONGEST or text == LATEST:
        raise UsageError(
            f"{text!r} is no name for a run\n"
            f"it is 1 to {_LONGEST} of A-Z, a-z, 0-9, '.', '_' and '-', begins with a letter or a "
            f"digit, and is not '{LATEST}', such as before-update"
        )
    return text


def class_name(model: str) -> str:
    """Return the name of a model's class: mnist_mlp gives MnistMlp."""
    return "".join(part.capitalize() for part in model.split("_"))


def name_mismatch(name: ConfigurationName, versions: Mapping[str, str], keras: str) -> str | None:
    """Return why a name does not say what a configuration holds, or None.

    ``versions`` are its backends' by their names. The name gives Keras's version whole or its
    first number, and a backend's version whole or not at all.
    """
    if list(name.backends) != list(versions):
        return f"the name says {', '.join(name.backends)}, it holds {', '.join(versions)}"
    for backend, digits in name.backends.items():
        if digits not in ("", _digits(versions[backend])):
            return f"the name says {backend} {digits}, it holds {backend} {versions[backend]}"
    if name.keras not in (_digits(keras), keras.split(".")[0]):
        return f"the name says Keras {name.keras}, it holds Keras {keras}"
    return None
