"""What the tutorials add, added to a copy of the project: its tests take it, and test it too."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from runner import paths

GUIDE = (paths.ROOT / "CONTRIBUTING.md").read_text()
MODEL_PAGE = (paths.ROOT / "docs" / "adding-a-model.md").read_text()
PLAYED = re.compile(
    r"<!-- played: tests/packaging/test_additions.py -->\n```sh\npython (.*?)\n```", re.S
)
NOT_COPIED = shutil.ignore_patterns(".venv*", ".git", ".*_cache", "__pycache__", "*.egg-info",
                                    ".hypothesis", "runs")  # fmt: skip
# The tests that ask what there is: of configurations, of models or of studies.
OF_WHAT_IS_THERE = (
    "author/test_check.py", "author/test_new.py", "cli/test_completion.py", "docker/test_locks.py",
    "docker/test_recipes.py", "environments/test_recipe_stages.py", "execution/test_validity.py",
    "machine/test_cuda.py", "machine/test_libraries.py", "models/workloads", "plan/test_needs.py",
    "spec", "tables/test_published_elsewhere.py", "test_api.py::test_every_column_is_explained",
)  # fmt: skip


def study_of_the_guide():
    """Return the two files of the study that CONTRIBUTING.md adds, by their names."""
    section = GUIDE.partition("## Add a study")[2].partition("\n## ")[0]
    facts = re.search(r"```toml\n(.*?)```", section, re.S)
    figures = re.search(r"```csv\n(test,backend.*?)```", section, re.S)
    return {"study.toml": facts[1], "figures.csv": figures[1]}


@pytest.fixture
def copy(package_index, tmp_path):
    """Return a copy of the project, and a function that calls Python in it."""
    copy = tmp_path / "project"
    shutil.copytree(paths.ROOT, copy, ignore=NOT_COPIED)

    def python(*arguments):
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=copy, text=True, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=os.environ | {"PYTHONPATH": str(copy)},
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout[-5000:]
        return ended.stdout

    return copy, python


@pytest.mark.timeout(1200)  # hundreds of tests in one
def test_what_the_tutorials_add_passes_the_tests_and_is_tested(copy):
    folder, python = copy
    python("-m", "runner", "new", "configuration", "jax090-k3", "--pin", "jax==0.9.0")
    made, last = [line.split() for line in PLAYED.findall(GUIDE)]
    for line in (made, *(line.split() for line in PLAYED.findall(MODEL_PAGE))):
        python(*line)
    study = folder / "results" / "published" / "two2024"
    study.mkdir()
    for name, text in study_of_the_guide().items():
        (study / name).write_text(text)
    assert "Two backends" in python(*last)
    files = [f"tests/{name}" for name in OF_WHAT_IS_THERE]
    printed = python("-m", "pytest", "-vv", "-n", "0", "-m", "not real", *files)
    for added in ("jax090-k3", "small_mlp", "mnist_wide", "two2024"):
        assert re.search(rf"\[.*{added}.*\] PASSED", printed), added
