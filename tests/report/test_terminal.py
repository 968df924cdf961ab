"""The tables that a person sees, also where no job came to an end."""

import pandas as pd
import pytest

from launcher_contract import make_job
from made_runs import write_job
from runner.report.console import out
from runner.report.contents import Report
from runner.report.terminal import print_report, print_table
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from steady_runs import steady_run


def test_a_run_whose_every_job_failed_has_its_report(tmp_path, capsys):
    store = RunStore.create(tmp_path, {})
    write_job(store, make_job(), [], status=Status.FAILED, reason="it fell over")
    table = load_runs(store.folder)
    print_report(Report.of(table))
    said = capsys.readouterr().out
    assert "it fell over" in said
    assert "Distance to the limit" not in said


def wide_frame(columns: int) -> pd.DataFrame:
    names = [f"configuration-{n}/tensorflow" for n in range(columns)]
    rows = {"model": ["mnist_mlp", "mnist_cnn"], **{name: ["1.5", "12.25"] for name in names}}
    return pd.DataFrame(rows).astype("string")


def printed(monkeypatch, capsys, width: int, draw) -> list[str]:
    # Not the property, which gives the terminal's: what was none would stay that for ever.
    monkeypatch.setattr(out, "_width", width)
    draw()
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("columns", [1, 3, 4, 8])
def test_a_table_of_any_size_is_whole_at_any_width(monkeypatch, capsys, width, columns):
    frame = wide_frame(columns)
    lines = printed(monkeypatch, capsys, width, lambda: print_table(frame, "Seconds"))
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    assert text.count("12.25") == columns
    assert [n for n in range(columns) if f"configuration-{n}/" not in text] == []


def parts_of(lines: list[str]) -> list[str]:
    """Return the lines of a table's rows."""
    return [line for line in lines if line.startswith(" s ")]


def test_each_part_of_a_narrow_table_names_its_rows(monkeypatch, capsys):
    """By as many columns as tell them apart."""
    values = {f"a figure of {n}": [f"{n}.5", f"{n}.25"] for n in range(6)}
    frame = pd.DataFrame({"series": ["s", "s"], "cards": ["1", "8"], **values}).astype("string")
    lines = printed(monkeypatch, capsys, 60, lambda: print_table(frame, "Title"))
    assert len(parts_of(lines)) > 2
    assert {tuple(line.split()[:2]) for line in parts_of(lines)} == {("s", "1"), ("s", "8")}


def test_rows_that_no_column_tells_apart_are_numbered_in_each_part(monkeypatch, capsys):
    values = {f"a figure of {n}": ["0.5", "0.5"] for n in range(6)}
    frame = pd.DataFrame({"series": ["s", "s"], **values}).astype("string")
    lines = printed(monkeypatch, capsys, 60, lambda: print_table(frame, "Title"))
    assert {tuple(line.split()[:2]) for line in parts_of(lines)} == {("s", "1"), ("s", "2")}
    assert "row" in "".join(lines)
    whole = printed(monkeypatch, capsys, 160, lambda: print_table(frame, "Title"))
    assert "row" not in "".join(whole)


@pytest.mark.parametrize(
    ("names", "blanks"), [("aabb", 1), ("abab", 0), ("abcd", 0), ("aaaa", 0), ("aabc", 2)]
)
def test_space_stands_between_groups_and_not_between_rows_that_take_turns(
    monkeypatch, capsys, names, blanks
):
    frame = pd.DataFrame({"card": list(names), "figure": ["7"] * 4}).astype("string")
    lines = printed(monkeypatch, capsys, 80, lambda: print_table(frame, ""))
    rows = [number for number, line in enumerate(lines) if "7" in line]
    assert rows[-1] - rows[0] == len(names) - 1 + blanks


def test_notes_stand_between_a_title_and_its_table_and_keep_within_the_terminal(
    monkeypatch, capsys
):
    notes = ["word " * 30, "another note"]
    lines = printed(monkeypatch, capsys, 80, lambda: print_table(wide_frame(8), "Seconds", notes))
    assert lines[0] == "Seconds"
    assert "another note" in lines[1:4]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("Seconds, continued") for line in lines)


def test_titles_of_columns_have_two_lines_at_most_and_one_where_there_is_room(monkeypatch, capsys):
    names = ["model", "a long title of many words", "other long title of many words"]
    frame = pd.DataFrame([["mnist_mlp", "1", "2"]], columns=names).astype("string")
    for width, lines in ((80, 1), (50, 2)):
        said = printed(monkeypatch, capsys, width, lambda: print_table(frame, "Title"))
        head = said[1 : next(n for n, line in enumerate(said) if "──" in line)]
        assert len([line for line in head if line.strip()]) == lines


def test_a_wide_terminal_shows_throughput_and_memory(monkeypatch, capsys, tmp_path):
    report = Report.of(load_runs(steady_run(tmp_path)))
    narrow = printed(monkeypatch, capsys, 80, lambda: print_report(report))
    wide = printed(monkeypatch, capsys, 200, lambda: print_report(report))
    assert max(map(len, narrow)) <= 80
    assert "samples/s" not in "\n".join(narrow)
    assert all(name in "\n".join(wide) for name in ("samples/s", "ms per step", "peak memory"))


def test_a_run_without_a_time_says_what_was_asked_for_and_where(tmp_path, capsys):
    identity = {"cpu_model": "a processor", "kernel": "6.1"}
    store = RunStore.create(tmp_path, {"identity": identity})
    job = make_job(configuration="mxnet-k122")
    write_job(store, job, [], status=Status.FAILED, reason="it fell over", device_name="a card")
    print_report(Report.of(load_runs(store.folder)))
    said = capsys.readouterr().out
    for known in ("mxnet-k122", "a card", "a processor", "6.1", "it fell over"):
        assert known in said
    assert "first epoch" not in said
