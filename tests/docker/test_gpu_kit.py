"""The kit for a machine with a card and no network: gathered here, and run where there is none."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from given_python import make_python
from runner import paths

MINE = "{}.{}".format(*sys.version_info)
# Whoever asks for something there is refused.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
MOST_BYTES = 64 << 20


@pytest.fixture(scope="module")
def kit(package_index, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    ended = subprocess.run(
        ["bash", "docker/gpu-kit/gather.sh", folder, MINE], cwd=paths.ROOT,
        env=os.environ | {"VENV": sys.prefix}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert f"{folder}/run /path/to/python{MINE}" in ended.stdout
    return folder


def run(kit, python, *options):
    return subprocess.run(
        [kit / "run", python, *options], env=os.environ | NO_NETWORK,
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip


def test_it_is_small_enough_to_carry(kit):
    assert 0 < sum(path.stat().st_size for path in kit.rglob("*")) < MOST_BYTES
    names = {path.name.partition("-")[0] for path in (kit / "wheels").iterdir()}
    assert {"keras", "pydantic_core", "typer", "keras_backend_benchmarks"} <= names
    assert not {"uv", "numpy", "jax", "torch"} & names


def test_it_makes_the_table_and_the_page_without_a_network(kit, python_of, tmp_path):
    """With what the framework's environment has, and numpy, pandas and pyarrow of this one."""
    python = make_python(tmp_path / "venv")
    environment = python_of("jax-k3").parent.parent
    folders = [sysconfig.get_path("purelib", "venv", {"base": str(environment)}),
               sysconfig.get_path("purelib")]  # fmt: skip
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(python.parent.parent)}))
    lines = [f"import sys; sys.path.append({str(name)!r})\n" for name in folders]
    (site / "below.pth").write_text("".join(lines))
    what = ("--config", "jax-k3", "--device", "cpu", "--model", "mnist_mlp", "--epochs", "2")
    ended = run(kit, python, *what, "--samples", "256", "--wait", "300")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "mnist_mlp" in ended.stdout
    assert "<html" in (kit / "report.html").read_text()
    (record,) = (kit / "results").glob("2*/jobs/*/record.json")
    assert json.loads(record.read_text())["status"] == "ok"


def test_a_python_that_lacks_what_is_not_in_the_kit_is_told_what(kit, tmp_path):
    ended = run(kit, make_python(tmp_path / "venv"))
    assert ended.returncode == 3
    assert "has no numpy and no pandas and no pyarrow: install them there" in ended.stderr


def test_a_python_of_another_version_is_told_how_to_get_its_kit(kit, tmp_path):
    (kit / "python-version").write_text("3.99\n")
    try:
        ended = run(kit, make_python(tmp_path / "venv"))
    finally:
        (kit / "python-version").write_text(f"{MINE}\n")
    assert ended.returncode == 3
    assert f"this kit is for 3.99: make gpu-kit KIT_PYTHON={MINE} makes another" in ended.stderr


def test_without_a_python_it_says_how_it_is_used(kit):
    ended = subprocess.run([kit / "run"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout.startswith("usage: run PYTHON")
