"""The environment variables that a local job gets of its caller's, and what is kept of them.

A job gets a listed few: those by which programs and libraries are found, those of the libraries
that compute, the language and the time zone. All but the last two can change a time, so they are
part of a job's identity. docs/running.md has the list.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from runner import paths
from runner.words import without_password

# What they are called in an identity, and as a column of the table.
VARIABLES = "variables"
_BETWEEN = "; "
# No time depends on these.
_LOCALE_VARIABLES = re.compile(r"LANG|LANGUAGE|LC_[A-Z]+|TZ")
_RESULT_VARIABLES = re.compile(
    r"PATH|LD_LIBRARY_PATH|"
    r"(CUDA|CUDNN|CUBLAS|NCCL|NVIDIA|XLA|TF|JAX|TORCH|TORCHINDUCTOR|PYTORCH|TRITON|OMP|GOMP|KMP|"
    r"MKL|OPENBLAS|BLIS|DNNL|ONEDNN|MXNET|THEANO)_[A-Z0-9_]+"
)
# What may be a secret, as NVIDIA_API_KEY is, and what Terraform names like TensorFlow's.
_WITHHELD = re.compile(r".*(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL).*|TF_(VAR|CLI)_.*")
# The launcher says itself which card a job sees.
_SET_HERE = frozenset({"CUDA_VISIBLE_DEVICES"})
_LONGEST_VALUE = 200
# A text of a record is cut beyond 2,000 characters.
_LONGEST = 1900


def _search_path(value: str) -> str:
    """Return a PATH without the runner's own environment: a job has one of its own."""
    own = str(Path(sys.prefix) / "bin") if sys.prefix != sys.base_prefix else ""
    return os.pathsep.join(folder for folder in value.split(os.pathsep) if folder not in {"", own})


def passed_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of a caller's environment a local job gets."""
    found = {
        name: value
        for name, value in sorted(environ.items())
        if (_LOCALE_VARIABLES.fullmatch(name) or _RESULT_VARIABLES.fullmatch(name))
        and not _WITHHELD.fullmatch(name)
        and name not in _SET_HERE
    }
    return {n: _search_path(value) if n == "PATH" else value for n, value in found.items()}


def _bounded(text: str, limit: int) -> str:
    """Return a text, or its begin and its hash where it is too long to be kept."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 40]}... (sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]})"


def variables_text(passed: Mapping[str, str]) -> str:
    """Return those of the passed variables that can change a time, as "NAME=value; NAME=value".

    The user's home stands as ``~`` there, and passwords of addresses as ``***``.
    """
    home = paths.home()
    of_home = re.compile(rf"{re.escape(str(home))}(?=[/:]|$)" if home else r"(?!)")
    assignments = [
        f"{name}={_bounded(of_home.sub('~', without_password(value)), _LONGEST_VALUE)}"
        for name, value in passed.items()
        if _RESULT_VARIABLES.fullmatch(name)
    ]
    return _bounded(_BETWEEN.join(assignments), _LONGEST)


def differing_variables(texts: Iterable[str], others: Iterable[str]) -> tuple[str, str]:
    """Return what only the one and only the other side sets, from texts as above."""
    one, other = ({part for text in side for part in text.split(_BETWEEN)}
                  for side in (texts, others))  # fmt: skip
    return _or_not_set(one - other), _or_not_set(other - one)


def _or_not_set(parts: set[str]) -> str:
    return _BETWEEN.join(sorted(filter(None, parts))) or "not set"
