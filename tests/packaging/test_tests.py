"""What the tests of this project say of themselves: what failed, at once, and what they needed."""

import os
import subprocess
import sys

import pytest

from needs import NEEDS
from runner import paths

TESTS = paths.ROOT / "tests"
MADE = """
import pytest

@pytest.fixture
def browser():
    pytest.skip("there is none")

@pytest.fixture
def slurm():
    pass

def test_early():
    assert 1 + 1 == 3

def test_pages(browser): ...
def test_queue(slurm): ...
def test_that_needs_nothing(): ...
"""


@pytest.fixture
def tests(tmp_path):
    """Return what pytest prints of four tests, of which one fails, with this project's hooks."""
    (tmp_path / "test_made.py").write_text(MADE)

    def run(*options):
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider",
             "--rootdir", tmp_path, *options],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": f"{TESTS}:{paths.ROOT}"},
        )  # fmt: skip
        return ended.stdout

    return run


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_failure_is_named_at_once_and_what_was_needed_at_the_end(tests, workers):
    printed = tests("-n", workers)
    early, _, late = printed.partition("= FAILURES =")
    assert "FAILED test_made.py::test_early at call: assert (1 + 1) == 3" in early
    lines = late.splitlines()
    what = {need.name: need.what for need in NEEDS}
    assert f"browser: 0 ran, 1 skipped; needs {what['browser']}" in lines
    assert f"queue: 1 ran, 0 skipped; needs {what['queue']}" in lines


def test_either_part_is_chosen_by_what_its_tests_need(tests):
    assert "1 failed, 1 passed, 2 deselected" in tests("-m", "not real", "-n", "0")
    assert "1 passed, 1 skipped, 2 deselected" in tests("-m", "real", "-n", "0")
