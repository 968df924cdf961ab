"""The public functions, as a stranger's program meets them: imported, typed, documented."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import runner
from made_runs import small_run
from patching import patch_everywhere
from runner.errors import ExitCode, StoreError, UsageError
from runner.execution.session import Ended, execute_run
from runner.spec.study import all_studies
from runner.tables.load import load_runs
from steady_runs import CELLS, steady_run

ROOT = Path(__file__).parents[1]
NAMES = (
    "answer", "configurations", "run", "load", "summary", "published", "compare", "guard",
    "plot_seconds", "plot_epochs",
)  # fmt: skip


def fresh(*arguments):
    """Run a new interpreter that finds this checkout first, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "before",
    [
        "import runner",
        "import runner, runner.execution.loop, runner.spec.configuration, runner.tables.published",
        "from runner import run, published; import runner",
        "import runner.cli.app, runner.api, runner",
        "import runner.cli.commands.run, runner.cli.commands.published",
    ],
)
def test_no_order_of_imports_hides_a_function(before):
    check = f"assert all(callable(getattr(runner, name)) for name in {NAMES})"
    fresh("-c", f"{before}\n{check}\nimport runner.execution.loop, runner.api as again\n{check}")


def test_no_module_has_the_name_of_a_function():
    modules = {path.stem for path in (ROOT / "runner").iterdir()}
    assert not modules & set(NAMES)


def test_importing_it_alone_loads_nothing_heavy():
    fresh("-c", "import runner, sys; assert not {'pandas', 'typer', 'docker'} & set(sys.modules)")


def test_every_function_says_what_it_takes_and_returns():
    for name in NAMES:
        function = getattr(runner, name)
        assert len(function.__doc__.splitlines()) > 1
        assert "return" in function.__annotations__


USER = """
import pandas as pd
import runner

table: pd.DataFrame = runner.load("results/measured/20261124-184830")
cells: pd.DataFrame = runner.summary(table)
compared = runner.compare(table, table)
differences: pd.DataFrame = compared.differences
verdict = runner.guard(compared, 0.05)
passed: bool = verdict.passed
known: pd.DataFrame = pd.concat([runner.published(), runner.configurations(["jax-k3"])])


def measure() -> pd.DataFrame:
    try:
        return runner.run(["jax-k3"], models=["mnist_mlp"], device="cpu", epochs=2)
    except runner.BenchmarkError as error:
        raise SystemExit(str(error)) from error
"""


def test_a_users_program_passes_strict_mypy_and_runs(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    script = tmp_path / "user.py"
    script.write_text(USER)
    fresh("-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=pyproject.toml",
          script)  # fmt: skip
    fresh(script)


def test_a_wrong_call_of_a_users_program_fails_mypy(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    script = tmp_path / "user.py"
    script.write_text("import runner\nrunner.run(device='tpu', epochs='two')\n")
    with pytest.raises(AssertionError, match=r"(?s)\[arg-type\].*Found 2 errors"):
        fresh("-m", "mypy", "--strict", "--follow-imports=silent",
              "--config-file=pyproject.toml", script)  # fmt: skip


def test_the_example_runs():
    said = fresh("examples/read_results.py")
    assert "40 epochs of 20 jobs: {'ok': 20}" in said
    assert "mnist_mlp, mnist_cnn" in said
    assert "cannot tell (" in said
    assert "fastest" not in said
    assert "One repeat" in said


def test_the_example_compares_repeats(tmp_path):
    run = steady_run(tmp_path, {**CELLS, ("mnist_cnn", "tensorflow"): 1.0})
    said = fresh("examples/read_results.py", run)
    assert str(runner.answer(runner.load(run))) in said
    _, halves = said.split("verdict\n")
    assert sum(map(halves.count, ("same", "faster", "slower"))) == 3


def test_load_takes_names_and_folders(tmp_path):
    folder = small_run(tmp_path)
    for name in (folder, folder.name, "latest"):
        assert len(runner.load(name, results_dir=tmp_path)) == 26
    with pytest.raises(StoreError, match="no run 'none'"):
        runner.load("none", results_dir=tmp_path)


def test_configurations_are_a_row_per_backend():
    found = runner.configurations()
    assert not found.duplicated(["configuration", "backend"]).any()
    assert set(found["backend"]) >= {"tensorflow", "cntk", "theano", "mxnet"}
    assert runner.configurations(["mxnet-k122"])["backend"].tolist() == ["mxnet"]
    with pytest.raises(UsageError, match="did you mean 'mxnet-k122'"):
        runner.configurations(["mxnet-k12"])


def test_published_figures_have_sources():
    found = runner.published()
    assert found["source"].notna().all()
    assert (found["seconds"] > 0).all()


@pytest.fixture
def executed(monkeypatch, tmp_path):
    """Let ``run`` end as said, and give what it asked for."""
    asked: dict[str, Any] = {}

    def ending(**how):
        def execute(request, call, observer):
            asked.update(request=request, call=call)
            folder = small_run(tmp_path) if how.pop("has_rows", True) else tmp_path
            return Ended(folder, **{"code": ExitCode.JOBS_NOT_OK, **how})

        patch_everywhere(monkeypatch, execute_run, execute)
        return asked

    return ending


def test_run_returns_the_table_and_leaves_it_on_disk(executed, tmp_path):
    asked = executed()
    table = runner.run(["mxnet-k122"], ["mnist_mlp"], device="cpu", repeats=2, timeout=9,
                           results_dir=tmp_path)  # fmt: skip
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    pd.testing.assert_frame_equal(table, load_runs(folder))
    assert (folder / "table.parquet").exists()
    assert (folder / "summary.md").exists()
    assert asked["request"].config == ("mxnet-k122",)
    assert (asked["request"].repeats, asked["call"].limits.wall) == (2, 9)
    assert asked["call"].root == tmp_path


@pytest.mark.parametrize(
    ("how", "raised"),
    [
        ({"code": ExitCode.INTERRUPTED}, KeyboardInterrupt),
        ({"code": ExitCode.USAGE, "error": UsageError("no"), "has_rows": False}, UsageError),
    ],
)
def test_what_ended_a_run_is_raised(executed, how, raised):
    executed(**how)
    with pytest.raises(raised):
        runner.run(device="cpu")


def test_a_wrong_value_is_one_line():
    with pytest.raises(UsageError, match=r"^device='tpu': Input should be 'auto', 'gpu' or 'cpu'$"):
        runner.run(device="tpu")  # type: ignore[arg-type]


NAME = "it must be a name or a list of names"
RUN = "it must be a run's name or folder, or a list of them"


@pytest.mark.parametrize(
    ("name", "given", "named", "said"),
    [
        ("configurations", [5], {}, f"names=5: {NAME}"),
        ("configurations", [[5]], {}, f"names=[5]: {NAME}"),
        ("run", [], {"model": 1}, "runner.run() has no argument 'model'; did you mean 'models'?"),
        ("run", [], {"timeout": "long"}, "timeout='long': Input should be a valid number"),
        ("run", [], {"repeats": 1.5}, "repeats=1.5: Input should be a valid integer"),
        ("run", [], {"epochs": [2]}, "epochs=[2]: Input should be a valid integer"),
        ("load", [7], {}, f"runs=7: {RUN}"),
        ("summary", [], {}, "runner.summary() needs the argument 'table'"),
        ("summary", ["latest"], {}, "table='latest': Input should be an instance of DataFrame"),
        ("answer", [pd.DataFrame({"a": [1]})], {},
         "this is no table of runner.load: it has no column run, job, configuration, ..."),
        ("compare", [None, None], {}, "a=None: Input should be an instance of DataFrame"),
        ("guard", [1, 0.05], {}, "compared=1: Input should be a dictionary or an instance of"),
        ("published", [1], {}, "runner.published() takes fewer arguments without their names"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_one_line(name, given, named, said):
    with pytest.raises(UsageError) as caught:
        getattr(runner, name)(*given, **named)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_one_name_does_where_several_may_stand(executed, tmp_path):
    asked = executed()
    runner.run("mxnet-k122", models="mnist_mlp", backends="mxnet", results_dir=tmp_path)
    kept = asked["request"]
    assert (kept.config, kept.model, kept.backend) == (("mxnet-k122",), ("mnist_mlp",), ("mxnet",))
    assert runner.configurations("jax-k3")["backend"].tolist() == ["jax"]
    folder = small_run(tmp_path / "other")
    assert len(runner.load([folder])) == len(runner.load(folder)) == 26


def test_a_printed_summary_shows_the_seconds_and_the_verdict(tmp_path):
    table = runner.load(steady_run(tmp_path))
    for most_columns in (0, 20):
        with pd.option_context("display.width", 80, "display.max_columns", most_columns):
            said = str(runner.summary(table))
        assert "seconds_per_epoch" in said
        assert "fastest" in said
    by_backend = runner.summary(table).set_index("backend")["verdict"]
    assert by_backend.to_dict() == {"tensorflow": "fastest", "cntk": "slower"}


def test_what_the_summary_says_of_each_cell(tmp_path):
    cells = {
        **CELLS,
        ("mnist_mlp", "theano"): 1.0001,
        ("mnist_cnn", "cntk"): 1.0,
        ("mnist_cnn", "theano"): 0,
        ("babi_rnn", "cntk"): 1.0,
    }
    found = runner.summary(runner.load(steady_run(tmp_path, cells)))
    assert found["verdict"].fillna("nothing").to_dict() == {
        "mnist_mlp tensorflow": "same",
        "mnist_mlp theano": "same",
        "mnist_mlp cntk": "slower",
        "mnist_cnn cntk": "cannot tell",
        "mnist_cnn theano": "nothing",
        "babi_rnn cntk": "nothing",
    }


def test_every_table_has_the_same_types_whatever_it_holds(tmp_path):
    whole = runner.load(steady_run(tmp_path / "whole"))
    failed = runner.load(steady_run(tmp_path / "failed", dict.fromkeys(CELLS, 0)))
    empty = whole[:0]
    for other in (failed, empty):
        assert other.dtypes.equals(whole.dtypes)
        assert runner.summary(other).dtypes.equals(runner.summary(whole).dtypes)
        compared, known = runner.compare(other, other), runner.compare(whole, failed)
        assert compared.cells.dtypes.equals(known.cells.dtypes)
        assert compared.differences.dtypes.equals(known.differences.dtypes)
    assert str(runner.answer(empty)) == ""
    for table in (whole, runner.summary(whole), known.cells, runner.published()):
        assert set(map(str, table.dtypes)) <= {"string", "Int64", "Float64", "boolean"}


def test_every_column_is_explained():
    text = (ROOT / "docs" / "columns.md").read_text()
    explained = {
        heading: set(re.findall(r"^\| `(\w+)`", body, re.M))
        for heading, body in re.findall(r"^## (.*)\n((?:(?!^## ).*\n?)*)", text, re.M)
    }
    table = runner.load(ROOT / "results" / "measured" / "20261124-184830")
    compared = runner.compare(table, table)
    # A study that somebody adds has a column for each of its kinds of figures.
    kinds = {kind for study in all_studies() for kind in study.kinds}
    of_others = kinds - explained["The summary"]
    assert explained == {
        "The table": set(table),
        "The summary": set(runner.summary(table)) - of_others,
        "Two runs side by side": set(compared.cells),
        "Differences of two runs": set(compared.differences),
        "Published figures": set(runner.published()),
        "Configurations": set(runner.configurations()),
    }


@pytest.mark.parametrize(("empty", "side"), [("a", "only in B"), ("b", "only in A")])
def test_a_table_without_rows_has_no_cell_of_the_other(tmp_path, empty, side):
    table = runner.load(small_run(tmp_path))
    found = runner.compare(**{"a": table, "b": table, empty: table.iloc[0:0]})
    assert set(found.cells["verdict"]) == {side}


def test_what_is_wrong_with_arguments_together_names_no_one_of_them():
    with pytest.raises(UsageError, match=r"^seed 4294967295: the last repeat's"):
        runner.run("jax-k3", device="cpu", seed=4294967295, repeats=2)
