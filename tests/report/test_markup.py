"""Text of any origin is shown as it is: brackets in a path or a reason are no markup."""

import ast
from pathlib import Path

import pytest

from launcher_contract import make_job
from made_runs import write_job
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.terminal import show_run
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from steady_runs import steady_run

ODD = "r[x]"


@pytest.fixture
def run(tmp_path):
    """Return a run's folder that lies in a folder with brackets in its name."""
    (tmp_path / ODD).mkdir()
    return steady_run(tmp_path / ODD)


def joined(capsys) -> str:
    said = capsys.readouterr()
    return (said.out + said.err).replace("\n", "")


def test_a_path_is_printed_as_it_is(run, capsys):
    show_run(run)
    assert f"files: {run}" in joined(capsys)


@pytest.mark.parametrize(
    ("command", "option"), [("report", "--html"), ("export", "--output")], ids=["report", "export"]
)
def test_a_file_is_named_as_it_is(run, tmp_path, capsys, command, option):
    target = tmp_path / ODD / "out.csv"
    assert main([command, str(run), option, str(target)]) == ExitCode.OK
    assert str(target) in joined(capsys)


def test_an_error_names_a_path_as_it_is(tmp_path, capsys):
    assert main(["report", str(tmp_path / ODD)]) != ExitCode.OK
    assert ODD in joined(capsys)


def test_a_reason_is_printed_as_it_is(tmp_path, capsys):
    store = RunStore.create(tmp_path, {})
    write_job(store, make_job(), [], status=Status.FAILED, reason="list[int] [red]and[/red]")
    show_run(store.folder)
    assert "list[int] [red]and[/red]" in joined(capsys)


def _prints(path: Path):
    """Yield the calls of a console's ``print`` in a module that do not read markup."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if node.func.attr == "print" and named.get("markup") != "True":
                yield node


@pytest.mark.parametrize(
    "path", sorted((paths.ROOT / "runner").rglob("*.py")), ids=lambda path: path.name
)
def test_no_line_that_is_printed_as_it_is_holds_markup(path):
    for call in _prints(path):
        written = ast.unparse(call)
        assert "[/" not in written, written
        assert "escape(" not in written, written
