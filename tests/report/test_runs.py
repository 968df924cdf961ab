"""The list of kept runs: when, what, where, how far, and which was fastest."""

import json

import pytest

from made_runs import HOSTILE, small_run
from runner.cli.app import main
from runner.errors import ExitCode
from runner.store.run_folder import RunStore
from steady_runs import CELLS, steady_run


@pytest.fixture
def listed(tmp_path, capsys, monkeypatch):
    """Return what the command says of the runs of a folder, as text and as objects."""
    monkeypatch.setenv("COLUMNS", "200")

    def ask(*arguments):
        assert main(["runs", "--results", str(tmp_path), *arguments]) == ExitCode.OK
        said = capsys.readouterr()
        return said.out, said.err

    return ask


def objects(said):
    return [json.loads(line) for line in said[0].splitlines()]


def test_without_runs_it_says_how_to_make_one(listed, tmp_path):
    assert listed()[0] == f"no runs yet in {tmp_path}: make bench\n"
    assert objects(listed("--json")) == []


def test_a_run_is_told_in_a_line(listed, tmp_path):
    folder = steady_run(tmp_path)
    text, _ = listed()
    words = ["tf-cntk-k208; mnist_mlp; cpu", "a processor", "10 of 10 jobs ok",
             "tensorflow fastest"]  # fmt: skip
    row = next(line for line in text.splitlines() if folder.name in line)
    places = [row.index(word) for word in words]
    assert places == sorted(places)


def test_json_has_the_same_for_programs(listed, tmp_path):
    folder = steady_run(tmp_path, {**CELLS, ("mnist_cnn", "tensorflow"): 0}, repeats=2)
    [found] = objects(listed("--json"))
    assert found.pop("began") is not None
    assert found == {
        "run": folder.name, "folder": str(folder), "state": "ended", "jobs": 6,
        "statuses": {"ok": 4, "failed": 2}, "configurations": ["tf-cntk-k208"],
        "backends": ["cntk", "tensorflow"], "models": ["mnist_mlp", "mnist_cnn"],
        "devices": ["cpu"], "machine": ["a processor"], "verdict": "tensorflow fastest",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "repeats", "verdict"),
    [
        ({("mnist_mlp", "cntk"): 1.0}, 3, "nothing to compare"),
        (CELLS, 1, "cannot tell"),
        ({**CELLS, ("mnist_mlp", "theano"): 1.0001}, 5, "tensorflow and theano same"),
        (
            {(m, b): s for m in ("mnist_mlp", "mnist_cnn") for (_, b), s in CELLS.items()},
            3,
            "tensorflow fastest in all 2 models",
        ),
        (
            {**CELLS, ("mnist_cnn", "tensorflow"): 2.0, ("mnist_cnn", "cntk"): 1.0},
            3,
            "cntk fastest in 1 of 2, tensorflow fastest in 1 of 2",
        ),
    ],
)
def test_the_verdict_in_short(listed, tmp_path, cells, repeats, verdict):
    steady_run(tmp_path, cells, repeats=repeats)
    assert [run["verdict"] for run in objects(listed("--json"))] == [verdict]


def test_a_run_that_is_held_is_running(listed, tmp_path):
    store = RunStore(steady_run(tmp_path, repeats=1))
    store.amend(jobs=[f"planned.{n}" for n in range(3)])
    with store.hold():
        assert objects(listed("--json"))[0]["state"] == "running"
        assert "running, 2 of 5 jobs ok" in listed()[0]
    assert objects(listed("--json"))[0]["state"] == "ended"


def test_the_newest_are_listed_and_the_rest_is_counted(listed, tmp_path):
    names = [RunStore.create(tmp_path, {}, f"run-{9 - n}").name for n in range(5)]
    assert [run["run"] for run in objects(listed("--json", "--limit", "2"))] == names[-2:]
    text, _ = listed("--limit", "2")
    assert "the newest 2 of 5 runs; more with --limit" in text
    assert "no job was started" in text
    assert "more with" not in listed()[0]


def test_a_run_that_cannot_be_read_is_said_and_hides_no_other(listed, tmp_path):
    sound, broken = steady_run(tmp_path, repeats=1), RunStore.create(tmp_path, {}, "broken")
    (broken.folder / "manifest.json").write_text("{")
    text, error = listed()
    assert sound.name in text
    assert f"{broken.folder}/manifest.json: cannot be read" in error.replace("\n", "")


def test_nothing_that_a_run_says_controls_the_terminal(listed, tmp_path):
    RunStore(small_run(tmp_path)).amend(identity={"cpu_model": HOSTILE}, started=HOSTILE)
    text, _ = listed()
    assert all(line.isprintable() for line in text.splitlines())
    assert objects(listed("--json"))[0]["began"] is None


def test_it_fits_80_columns(listed, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    run = steady_run(tmp_path, configuration="a-configuration-of-a-rather-long-name-k3")
    text, _ = listed()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert run.name in text
