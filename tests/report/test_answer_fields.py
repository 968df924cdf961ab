"""The answer is data first: no reader of JSON needs to take a sentence apart."""

import json
import re

import pytest

import runner
from runner.cli.app import main
from runner.errors import ExitCode
from steady_runs import CELLS, steady_run

TWO_MODELS = {**CELLS, ("mnist_cnn", "tensorflow"): 2.0, ("mnist_cnn", "cntk"): 8.0}
EVEN = {**CELLS, ("mnist_mlp", "cntk"): 1.02}


@pytest.fixture
def answer(tmp_path, capsys):
    """Return the answer on a run of steady cells as ``report --json`` prints it."""

    def ask(cells, **changes):
        folder = steady_run(tmp_path, cells, **changes)
        capsys.readouterr()
        assert main(["report", str(folder), "--json"]) == ExitCode.OK
        return json.loads(capsys.readouterr().out)

    return ask


def figures(text):
    return sorted(set(re.findall(r"\d+\.\d\d", text)))


def written(ratios):
    ends = (one[name] for one in ratios for name in ("ratio", "low", "high"))
    return sorted({f"{end:.2f}" for end in ends})


def test_the_line_over_all_models_has_its_numbers_beside_it(answer):
    [over] = answer(TWO_MODELS)["overall"]
    assert (over["kind"], over["first"]) == ("fastest", "tensorflow")
    assert (over["models"], over["models_asked"]) == (2, 2)
    assert (over["fastest_in"], over["same_in"], over["cannot_tell_in"]) == (2, 0, 0)
    [ratio] = over["ratios"]
    assert (ratio["slower"], ratio["relation"], ratio["processes"]) == ("cntk", "faster", 5)
    assert 0.95 <= ratio["confidence"] < 1
    assert figures(over["text"]) == written([ratio])


@pytest.mark.parametrize(
    ("cells", "changes", "kind", "reason", "obstacle"),
    [
        (CELLS, {}, "fastest", None, None),
        (EVEN, {"repeats": 2}, "cannot tell", "interval open", None),
        (CELLS, {"repeats": 1}, "cannot tell", "fewer than two cells can be compared",
         "one process"),
        (CELLS, {"telemetry": {"foreign_load": 0.9, "samples": 10}}, "cannot tell",
         "fewer than two cells can be compared", "disturbed"),
        ({**CELLS, ("mnist_mlp", "theano"): 0}, {}, "fastest", None, "status"),
    ],
)  # fmt: skip
def test_each_verdict_has_its_kind_reason_and_numbers(
    answer, cells, changes, kind, reason, obstacle
):
    [found] = answer(cells, **changes)["verdicts"]
    assert (found["kind"], found["reason"]) == (kind, reason)
    assert figures(found["text"]) == written(found["ratios"])
    obstacles = {one["obstacle"] for one in found["contenders"] if one["obstacle"]}
    assert obstacles == ({obstacle} if obstacle else set())
    for pair in found["ratios"]:
        assert pair["processes_faster"] == pair["processes_slower"] == changes.get("repeats", 5)
        asked = re.search(r"--repeats (\d+) may tell", found["text"])
        assert pair["processes_needed"] == (int(asked[1]) if asked else None)


def test_what_a_program_gets_is_printed_as_the_report_prints_it(tmp_path):
    folder = steady_run(tmp_path, TWO_MODELS)
    found = runner.answer(runner.load(folder))
    assert str(found).splitlines() == found.lines
    assert found.lines[-1].startswith("over 2 models (geometric mean): tensorflow 2.83 (")
    assert found.overall[0].ratios[0].ratio.value == pytest.approx(2.83, rel=0.01)
