"""The bounds of a request, whoever makes it: the command line, Python, a kept manifest."""

import pytest
from pydantic import ValidationError

import runner
from runner.cli.app import main
from runner.errors import ExitCode, StoreError, UsageError
from runner.spec.request import MOST_SEED, Request

BEYOND = [
    {"seed": -1},
    {"seed": MOST_SEED + 1},
    {"seed": MOST_SEED, "repeats": 2},
    {"seed": MOST_SEED - 10, "until": "2%"},
    {"seed": MOST_SEED - 10, "budget": "10m"},
    {"epochs": 0},
    {"samples": 0},
    {"repeats": 0},
    {"max_repeats": 1},
    {"memory": 0},
    {"threads": 0},
    {"epochs": 10**12},
]


@pytest.mark.parametrize("asked", [*BEYOND, {"epochs": True}, {"seed": 1.5}, {"repeats": "x"}])
def test_python_is_refused_before_anything_is_made(asked):
    names = {"until": "until", "max_repeats": "max_repeats", "budget": "budget"}
    with pytest.raises(UsageError):
        runner.run("jax-k3", models="mnist_mlp", **{names.get(n, n): v for n, v in asked.items()})


@pytest.mark.parametrize("asked", BEYOND)
def test_the_command_line_is_refused_before_anything_is_made(asked, capsys, tmp_path):
    """A seed too large ended in a failed job, after its image was made."""
    options = [
        word for name, value in asked.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]  # fmt: skip
    called = ["--config", "jax-k3", "--dry-run", "--results", str(tmp_path), *options]
    assert main(called) == ExitCode.USAGE
    assert next(iter(asked)).replace("_", "-") in capsys.readouterr().err


@pytest.mark.parametrize("asked", BEYOND)
def test_a_kept_manifest_is_no_way_around(asked, tmp_path):
    with pytest.raises(StoreError):
        Request.of_manifest({"request": asked}, tmp_path)


def test_the_last_seed_of_all_is_allowed():
    Request(seed=MOST_SEED)
    Request(seed=MOST_SEED - 4, repeats=5)
    with pytest.raises(ValidationError, match="the last repeat's would be 4294967296"):
        Request(seed=MOST_SEED - 4, repeats=6)
