"""The recipes keep to the rules that let any of them be built anywhere."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
RECIPES = sorted(DOCKER.glob("*/Dockerfile"))
SCRIPTS = [*sorted(DOCKER.glob("common/*.sh")), ROOT / ".ci" / "make-base"]


def named_after_folder(path: Path) -> str:
    return path.parent.name


def instructions(recipe: Path) -> list[str]:
    """A recipe's instructions, continuation lines joined, comments left out."""
    lines = [line for line in recipe.read_text().splitlines() if not line.startswith("#")]
    return [line for line in "\n".join(lines).replace("\\\n", "").splitlines() if line]


def test_there_are_recipes():
    assert len(RECIPES) >= 6


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_begins_at_the_base_image_it_is_given(recipe):
    assert instructions(recipe)[:2] == ["ARG BASE_IMAGE", "FROM ${BASE_IMAGE}"]


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_a_change_of_the_models_rebuilds_the_last_layer_only(recipe):
    assert instructions(recipe)[-1] == "COPY models /opt/bench/models"


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_files_come_by_copy_alone_so_that_an_image_is_named_after_them(recipe):
    assert not [line for line in instructions(recipe) if line.split()[0] == "ADD"]


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_uses_nothing_that_the_classic_builder_lacks(recipe):
    assert not [line for line in instructions(recipe) if "--mount" in line or "<<" in line]


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_runs_the_models_as_an_ordinary_user(recipe):
    found = instructions(recipe)
    assert "USER bench" in found
    assert 'ENTRYPOINT ["python3", "-m", "models"]' in found
    assert "WORKDIR /opt/bench" in found


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_calls_only_scripts_that_are_there(recipe):
    for word in recipe.read_text().split():
        if word.startswith("/opt/build/common/"):
            assert (DOCKER / "common" / word.rpartition("/")[2]).is_file(), word


@pytest.mark.parametrize("recipe", RECIPES, ids=named_after_folder)
def test_checks_the_libraries_it_installed(recipe):
    found = instructions(recipe)
    installed = next(i for i, line in enumerate(found) if "install-requirements.sh" in line)
    assert any("check_libraries.py" in line for line in found[installed:])


def test_no_recipe_needs_an_image_that_was_deleted():
    for path in DOCKER.rglob("*"):
        if path.is_file() and path.suffix != ".md":
            assert "nvidia/cuda" not in path.read_text(encoding="utf-8"), path


def pinned(lock: Path, backend: str) -> set[str]:
    """The versions of a backend's package, whichever device it is for."""
    pattern = re.compile(rf"^{backend}(?:-gpu|-cpu|-cu\d+)?==([^\s+]+)", re.MULTILINE)
    return set(pattern.findall(lock.read_text()))


@pytest.mark.parametrize("path", sorted(DOCKER.glob("*/config.toml")), ids=named_after_folder)
def test_the_facts_name_what_the_locks_pin(path):
    for backend, about in tomllib.loads(path.read_text())["backends"].items():
        for lock in path.parent.glob("*.lock"):
            assert pinned(lock, backend) == {about["version"]}, lock


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound(script):
    subprocess.run(["bash", "-n", script], check=True)
    shellcheck = shutil.which("shellcheck")
    if shellcheck:
        subprocess.run([shellcheck, "-x", script], check=True, cwd=ROOT)


@pytest.mark.parametrize(("is_apts", "said"), [(True, "python3-dev x"), (False, "")])
def test_packages_that_belong_to_apt_s_python_are_wanted_with_it_alone(tmp_path, is_apts, said):
    for name, code in (("python3", 0), ("dpkg", 0 if is_apts else 1)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    run = subprocess.run(
        [DOCKER / "common" / "with-apt-python.sh", "python3-dev", "x"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.strip() == said


@pytest.mark.parametrize("arguments", [[], ["one"], ["--unknown", "a", "b"]])
def test_make_base_explains_itself(arguments):
    script = ROOT / ".ci" / "make-base"
    run = subprocess.run([script, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("usage: .ci/make-base")
