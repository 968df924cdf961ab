"""The published schemas: what is kept and printed fits them, today's and what was ever kept."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import runner
from made_history import TENSORFLOW, made_history, made_run, noisy
from made_runs import small_run
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.schemas import PUBLISHED_SCHEMAS, published_schema
from runner.share.write import make_pack
from steady_runs import steady_run

OLDEST = Path(__file__).parents[1] / "store" / "kept"
KEPT = sorted(path.parent for at in (OLDEST, paths.MEASURED) for path in at.glob("*/manifest.json"))
FILES = paths.ROOT / "docs" / "schemas"
OF_JOB = ("job", "record")


def check(name, value):
    Draft202012Validator(published_schema(name)).validate(value)


def read(path):
    return json.loads(path.read_text())


def check_run(folder):
    check("manifest", read(folder / "manifest.json"))
    jobs = sorted((folder / "jobs").iterdir())
    for job in jobs:
        for name in OF_JOB:
            check(name, read(job / f"{name}.json"))
    lines = [line for job in jobs for line in (job / "events.jsonl").read_text().splitlines()]
    for line in lines:
        check("event", json.loads(line))
    return len(lines)


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_every_run_that_was_ever_kept_fits_and_is_read(folder):
    """The oldest are of before requests, axes, pauses and attempts were kept."""
    assert check_run(folder) > 0
    table = runner.load(folder)
    assert set(table["status"]) <= {"ok", "unsupported", "build-failed"}
    assert (table["jit"] == "auto").any() or set(table["jit"]) <= {"on", "off"}
    assert (runner.summary(table)["seconds_per_epoch"] > 0).any()
    assert main(["report", str(folder)]) == ExitCode.OK


def test_runs_of_before_today_are_there():
    versions = {read(folder / "manifest.json")["identity"]["runner_version"] for folder in KEPT}
    assert {"0.1.0", "0.2.0"} <= versions


def test_a_run_of_today_fits(tmp_path):
    assert check_run(small_run(tmp_path)) > 20


def test_what_is_no_number_is_a_text_that_fits(tmp_path):
    line = (min(steady_run(tmp_path).glob("jobs/*/events.jsonl"))).read_text().splitlines()[3]
    check("event", {**json.loads(line), "loss": "NaN"})
    with pytest.raises(Exception, match="is not valid"):
        check("event", {**json.loads(line), "loss": "lots"})


def printed(capsys, *arguments):
    main([*map(str, arguments)])
    return json.loads(capsys.readouterr().out)


def test_rows_and_packs_fit(tmp_path, capsys):
    folder = steady_run(tmp_path)
    for row in printed(capsys, "export", folder, "--format", "json")["rows"]:
        check("row", row)
    check("pack", make_pack(folder, False, "CC0-1.0", None).pack.model_dump())


@pytest.mark.parametrize("cells", [{TENSORFLOW: 1.0, ("mnist_mlp", "cntk"): 2.0}, {TENSORFLOW: 0}])
def test_what_report_prints_fits(tmp_path, capsys, cells):
    check("verdicts", printed(capsys, "report", steady_run(tmp_path, cells), "--json"))


def test_what_compare_prints_fits(tmp_path, capsys):
    sides = [steady_run(tmp_path / name) for name in "ab"]
    check("compare", printed(capsys, "compare", *sides, "--json"))
    check("compare", printed(capsys, "compare", *sides, "--json", "--threshold", "5%"))


def test_what_history_prints_fits(tmp_path, capsys):
    made_history(tmp_path, noisy(16, {8: 0.3}), {8: {"commit": "b" * 40}})
    made_run(tmp_path, 20, {TENSORFLOW: 0})
    told = printed(capsys, "history", tmp_path, "--json", "--fail-on-step", "5%")
    assert told["series"][0]["steps"]
    check("history", told)


@pytest.mark.parametrize("name", PUBLISHED_SCHEMAS)
def test_a_schema_is_published_and_changes_with_its_version_alone(name):
    """A change that older programs would not read needs a new version, beside the old file."""
    file = FILES / f"{name}-{PUBLISHED_SCHEMAS[name].version}.json"
    assert read(file) == published_schema(name)
    Draft202012Validator.check_schema(read(file))


def test_the_command_lists_and_prints_them(capsys):
    assert main(["schema"]) == ExitCode.OK
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in PUBLISHED_SCHEMAS)
    assert printed(capsys, "schema", "event") == published_schema("event")
    assert main(["schema", "evnt"]) == ExitCode.USAGE
    assert "event" in capsys.readouterr().err
