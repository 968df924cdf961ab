"""What runner/ imports is what pyproject.toml asks for: no less, and no more."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Packages that no module imports, each with the one that fails without it.
IMPORTED_BY_OTHERS = {
    "matplotlib": "pandas, to draw",
    "alembic": "mlflow, to make its own SQLite store",
    "pyarrow": "pandas, to write Parquet",
    "sqlalchemy": "mlflow, to write to that store",
}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


NEEDED = names(PROJECT["dependencies"])
# What dev asks for is for the tests.
OPTIONAL = names(
    [
        text
        for extra, wanted in PROJECT["optional-dependencies"].items()
        if extra != "dev"
        for text in wanted
    ]
)
PROVIDERS = packages_distributions()


def modules_of(node: ast.AST) -> list[str]:
    """Return the top packages that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [str(node.module).partition(".")[0]]
    return []


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a module is imported: no function's body, nothing for types only."""
    for below in ast.iter_child_nodes(node):
        is_for_types = isinstance(below, ast.If) and ast.unparse(below.test) == "TYPE_CHECKING"
        if not is_for_types and not isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef):
            yield below
            yield from at_import(below)


def imported(walk=ast.walk) -> dict[str, str]:
    """Map each package from elsewhere that runner/ imports to a file that does."""
    found = {}
    for path in sorted((ROOT / "runner").rglob("*.py")):
        for node in walk(ast.parse(path.read_text())):
            for module in modules_of(node):
                if module != "runner" and module not in sys.stdlib_module_names:
                    found[module] = path.relative_to(ROOT).as_posix()
    return found


def providers(module: str) -> set[str]:
    return {canonicalize_name(name) for name in PROVIDERS.get(module, [])}


def test_each_import_is_of_something_that_is_asked_for():
    undeclared = {
        module: file
        for module, file in imported().items()
        if not providers(module) & (NEEDED | OPTIONAL)
    }
    assert undeclared == {}


def test_an_optional_package_is_imported_where_it_is_used_only():
    early = {
        module: file
        for module, file in imported(at_import).items()
        if not providers(module) & NEEDED
    }
    assert early == {}


def test_whatever_is_asked_for_is_used():
    used = {name for module in imported() for name in providers(module)}
    assert (NEEDED | OPTIONAL) & (used | IMPORTED_BY_OTHERS.keys()) == NEEDED | OPTIONAL
    assert used & IMPORTED_BY_OTHERS.keys() == set()


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_each_has_a_lowest_version(text):
    assert [bound.operator for bound in Requirement(text).specifier] == [">="]
