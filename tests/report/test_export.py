"""Tables in other formats: read back whole, escaped for people, never half-written."""

import io
import json
import shutil
import subprocess

import pandas as pd
import pytest

from made_runs import small_run
from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.export import FOR_PEOPLE, export_frame, render_export
from runner.spec.choices import SUFFIXES, Format, Table
from runner.tables.load import load_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def table(folder):
    return load_runs(folder)


@pytest.mark.parametrize("wanted", Table)
def test_programs_get_every_column_and_figure(table, wanted):
    whole = export_frame(table, wanted)
    parquet = pd.read_parquet(io.BytesIO(render_export(table, wanted, Format.PARQUET)))
    csv = pd.read_csv(io.BytesIO(render_export(table, wanted, Format.CSV)))
    content = json.loads(render_export(table, wanted, Format.JSON))
    names = list(whole.columns)
    assert names == list(parquet) == list(csv) == [c["name"] for c in content["columns"]]
    assert len(whole) == len(parquet) == len(csv) == len(content["rows"]) > 0
    seconds = "seconds" if wanted is Table.EPOCHS else "seconds_per_epoch"
    for found in (parquet[seconds], csv[seconds], pd.DataFrame(content["rows"])[seconds]):
        pd.testing.assert_series_equal(
            found.astype("Float64"), whole[seconds].astype("Float64"), check_names=False
        )


def test_json_tells_types_and_a_schema(table):
    content = json.loads(render_export(table, Table.EPOCHS, Format.JSON))
    kinds = {column["name"]: column["type"] for column in content["columns"]}
    assert content["schema"] == 1
    assert (kinds["model"], kinds["epoch"], kinds["seconds"], kinds["cache_warm"]) == (
        "string", "integer", "number", "boolean",
    )  # fmt: skip
    assert {row["epoch"] for row in content["rows"]} == {1, 2, 3, None}


@pytest.mark.parametrize("wanted", Table)
def test_markdown_is_one_table(table, wanted):
    lines = render_export(table, wanted, Format.MARKDOWN).decode().splitlines()
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_latex_is_a_plain_tabular_with_escaped_names(table):
    text = render_export(table, Table.SUMMARY, Format.LATEX).decode()
    assert r"mnist\_mlp & tf-cntk-k208 & tensorflow" in text or r"mnist\_mlp & tensorflow" in text
    assert r"\toprule" not in text
    assert text.count(r"\hline") == 3


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_what_a_job_said(table, tmp_path):
    columns = ["model", "status", "reason"]
    said = render_export(table, Table.JOBS, Format.LATEX, columns).decode(errors="replace")
    page = f"\\documentclass{{article}}\\begin{{document}}{said}\\end{{document}}"
    (tmp_path / "page.tex").write_text(page)
    call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, timeout=60)


def test_what_a_job_said_breaks_no_table(table):
    columns = ["model", "reason"]
    for written_as in FOR_PEOPLE:
        text = render_export(table, Table.JOBS, written_as, columns).decode()
        assert not {"\x1b", "\x07", "\x00", "\u202e"} & set(text)
        assert "window.pwned" in text
        assert len(text.splitlines()) < 20


def call(folder, *options):
    return main(["export", str(folder), *map(str, options)])


def test_standard_output_holds_csv_by_default(folder, capsys):
    assert call(folder) == ExitCode.OK
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 26


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.md", "a.tex", "a.json"])
def test_the_file_name_tells_the_format_and_the_file_is_whole(folder, tmp_path, name):
    path = tmp_path / name
    assert call(folder, "--table", "summary", "--output", path) == ExitCode.OK
    written = SUFFIXES[path.suffix]
    expected = render_export(load_runs(folder), Table.SUMMARY, written)
    assert path.read_bytes() == expected
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--format", "parquet"], "parquet is no text: name a file with --output"),
        (["--output", "a.xls"], "name the format with --format"),
        (["--columns", "model,secnds"], "unknown column 'secnds'; did you mean 'seconds'?"),
        (["--output", "/no/such/folder/a.csv"], "/no/such/folder/a.csv: cannot be written"),
        (["--format", "xls"], "xls"),
    ],
)
def test_a_mistake_is_one_clear_line(folder, capsys, options, text):
    assert call(folder, *options) == ExitCode.USAGE
    said = capsys.readouterr()
    assert text in said.err
    assert said.out == ""


def test_columns_choose(folder, capsys):
    assert call(folder, "--columns", "model, seconds", "--format", "markdown") == ExitCode.OK
    assert capsys.readouterr().out.splitlines()[0] == "| model | seconds |"
