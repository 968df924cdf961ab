"""The code inside a job loads on Python 3.5 and needs numpy and Keras only."""

import ast
import sys
from pathlib import Path

import pytest

ALLOWED = {
    "models",
    "numpy",
    "keras",
    # the standard library
    "atexit",
    "inspect",
    "signal",
    "collections",
    "functools",
    "hashlib",
    "importlib",
    "json",
    "math",
    "os",
    "platform",
    "random",
    "re",
    "resource",
    "shutil",
    "sys",
    "tempfile",
    "time",
    "traceback",
}
FRAMEWORKS = {"tensorflow", "cntk", "theano", "mxnet", "jax", "torch"}


def sources(root):
    return sorted(Path(root, "models").rglob("*.py"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.skipif(sys.version_info < (3, 8), reason="feature_version came with 3.8")
def test_the_grammar_is_that_of_python_3_5(root):
    newer = (ast.JoinedStr, ast.AnnAssign)  # parsed whatever the feature version
    for path in sources(root):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 5))
        assert not [node for node in ast.walk(tree) if isinstance(node, newer)], path


def test_the_library_functions_are_those_of_python_3_5(root):
    vermin = pytest.importorskip("vermin")
    for path in sources(root):
        _, least = vermin.detect(path.read_text(encoding="utf-8"))
        assert least is None or least <= (3, 5), path


def test_nothing_else_is_imported(root):
    for path in sources(root):
        modules = set(imported(ast.parse(path.read_text(encoding="utf-8"))))
        if path.parent.name == "backends":
            modules -= FRAMEWORKS
        assert modules <= ALLOWED, path
