"""The house shows the way of the data: its rooms, their names, and one name for each thing."""

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

from needs import REAL, group_of
from runner import paths

RUNNER = paths.ROOT / "runner"
GUIDE = paths.ROOT / "CONTRIBUTING.md"
TOP = {
    "__init__.py",
    "__main__.py",
    "api.py",
    "errors.py",
    "locks.py",
    "paths.py",
    "words.py",
    "py.typed",
}
PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())
# What gives a test something real. Its fixtures are known by name: see needs.py.
GIVE_REAL = {"engine_fixtures", "local_environments", "playwright", "podman_engine", "project",
             "real_browser", "real_slurm", "slurm_fixtures"}  # fmt: skip


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "_project" not in path.parts)


def rooms() -> list[Path]:
    return sorted({path.parent for path in modules(RUNNER)} - {RUNNER})


def test_nothing_lies_at_the_top_but_what_every_room_may_use():
    found = {path.name for path in RUNNER.iterdir() if path.is_file()}
    assert found == TOP


def test_every_room_says_in_a_line_what_it_is_for():
    for room in rooms():
        said = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
        assert said, room
        assert said.splitlines()[0].endswith("."), room


def test_the_checked_order_of_imports_knows_every_room():
    [layers] = [c["layers"] for c in PROJECT["tool"]["importlinter"]["contracts"] if "layers" in c]
    ordered = {name.strip() for layer in layers for name in layer.split("|")}
    top = {f"runner.{path.name}" for path in rooms() if path.parent == RUNNER}
    assert top <= ordered
    assert ordered - top == {
        f"runner.{name}" for name in ("api", "errors", "locks", "paths", "words")
    }


def test_a_class_or_a_function_has_its_name_alone_in_its_room():
    places = defaultdict(list)
    for path in modules(RUNNER):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
                places[path.parent.relative_to(RUNNER), node.name].append(path.name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def names_in(path: Path) -> set[str]:
    """Return every name that a file gives or uses: of variables, arguments, functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        fields = dict(ast.iter_fields(node))
        found |= {fields[key] for key in ("id", "attr", "arg", "name", "asname") if fields.get(key)}
    return {name for name in found if isinstance(name, str)}


def test_a_name_says_what_a_thing_is_and_not_that_it_is_told():
    vague = re.compile(r"(^|_)(un)?(told|said|TOLD|SAID)(_|$)|(^|_)OF_")
    files = [*modules(RUNNER), *modules(paths.ROOT / "models")]
    found = {path: sorted(filter(vague.search, names_in(path))) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_room_is_a_list_of_tools():
    assert {room.name for room in rooms()} & {
        "tools",
        "utils",
        "helpers",
        "common",
        "misc",
    } == set()


def test_the_guide_for_contributors_names_every_room_in_the_order_of_imports():
    [layers] = [c["layers"] for c in PROJECT["tool"]["importlinter"]["contracts"] if "layers" in c]
    order = [room.strip() for layer in reversed(layers) for room in layer.split("|")]
    named = re.findall(r"^\| `(\w+)/` \|", GUIDE.read_text(encoding="utf-8"), re.M)
    top = [name.removeprefix("runner.") for name in order if (RUNNER / name.split(".")[1]).is_dir()]
    assert [name for name in named if name in top] == top


def test_tests_mirror_the_rooms():
    wanted = {room.name for room in rooms() if room.parent == RUNNER}
    assert {
        name for name in wanted if not list((paths.ROOT / "tests" / name).glob("test_*.py"))
    } == set()


def imported(path: Path) -> set[str]:
    """Return the modules that a test's file imports, in whatever place of it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_what_uses_an_engine_a_browser_a_queue_or_a_framework_is_among_the_real_tests(request):
    """``make test`` is for any machine: whatever is collected there imports nothing of these."""
    quick = {item.path for item in request.session.items if REAL not in item.keywords}
    assert Path(__file__) in quick
    assert {path.name: found for path in quick if (found := imported(path) & GIVE_REAL)} == {}


def test_what_waits_for_this_machines_cpus_keeps_together():
    """Two that hold the lock of its CPUs would wait for each other."""
    option = '"--' + 'wait"'
    files = sorted((paths.ROOT / "tests").rglob("test_*.py"))
    users = [path for path in files if option in path.read_text()]
    assert len(users) > 1
    assert {group_of(str(path.relative_to(paths.ROOT))) for path in users} == {"machine"}
