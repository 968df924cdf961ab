"""Studies are data: any of them is read, printed and run by the same code."""

import pandas as pd
import pytest

from runner import paths
from runner.cli.app import main
from runner.cli.completion import reproduced, studies
from runner.errors import ConfigurationError, UsageError
from runner.plan.plan import plan_run
from runner.report.cells import figure_tables, setup_table, study_lines
from runner.spec.request import Request
from runner.spec.study import (
    all_studies,
    choose_workloads,
    load_study,
    reproduced_studies,
    study_names,
    with_study,
)
from runner.tables.published import published_cells, published_series, study_figures


@pytest.mark.parametrize("name", study_names())
def test_all_figures_of_a_study_are_printed(name, capsys):
    study = load_study(name)
    assert main(["published", "--study", name]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{study.title} (")
    assert all(address in printed for address in study.addresses)
    rows = study_figures(study)
    shown = pd.concat([table.frame for table in figure_tables(study)]).astype("string")
    texts = set(shown.to_numpy().ravel())
    values = rows.loc[rows["high"].isna(), "value"].dropna()
    assert len(values) and {f"{value:.6g}" for value in values} <= texts


def test_an_unknown_study_has_a_nearest_one(capsys):
    assert main(["published", "--study", "minimaxr2017"]) == 2
    assert "did you mean 'minimaxir2017'?" in capsys.readouterr().err


TINY = """
title = "Two backends"
year = 2024
gpus = ["Some card"]

[tests]
digits = { model = "mnist_mlp" }
"""
FIGURES = """\
test,backend,value,unit,source
digits,torch,2.5,s/epoch,https://example.org/a
digits,jax,1.5,s/epoch,https://example.org/a
"""
LIKE = """
[resembles.two]
model = "mnist_cnn"
same = "data"
differs = "another batch"
"""
TWO = "two,torch,9,s/epoch,https://example.org/a\n"


@pytest.fixture
def tiny(tmp_path):
    """Return a function that writes a study of two figures, and returns the folder of studies."""

    def go(toml=TINY, csv=FIGURES):
        (tmp_path / "tiny2024").mkdir()
        (tmp_path / "tiny2024" / "study.toml").write_text(toml)
        (tmp_path / "tiny2024" / "figures.csv").write_text(csv)
        return tmp_path

    return go


def test_a_study_of_a_few_lines_is_printed_and_compared(tiny):
    root = tiny()
    study = load_study("tiny2024", root)
    [table] = figure_tables(study)
    assert table.title == "digits"
    assert table.frame["s/epoch"].tolist() == ["2.5", "1.5"]
    assert study_lines(study)[0] == "Two backends (2024)"
    known = published_series(root).set_index("backend")
    assert known["seconds"].to_dict() == {"torch": 2.5, "jax": 1.5}
    assert set(known["series"]) == {"tiny2024"}
    assert set(known["gpu"]) == {"Some card"}


@pytest.mark.parametrize(
    ("toml", "csv", "said"),
    [
        (TINY.replace("year", "yaer"), FIGURES, "unknown key 'yaer'; did you mean 'year'?"),
        (TINY.replace("model =", "modle ="), FIGURES, "did you mean 'model'?"),
        (TINY.replace("mnist_mlp", "mnist_mpl"), FIGURES, "did you mean 'mnist_mlp'?"),
        ('suite = "tiny"' + TINY, FIGURES, "needs configurations too"),
        ("title =", FIGURES, "not valid TOML"),
        (TINY, FIGURES.replace("value", "valu"), "unknown column 'valu'; did you mean 'value'?"),
        (TINY, FIGURES.replace("1.5", "fast"), "figures.csv, line 3: value: "),
        (TINY, FIGURES.replace("1.5", ""), "without a value, left_out must say why"),
        (TINY, FIGURES.replace("jax,1.5,s/epoch", "jax,1.5,"), "a value needs its unit"),
        (TINY.replace("digits", "digit"), FIGURES, "the test 'digit'; did you mean 'digits'?"),
        (TINY + LIKE.replace("two", "tow"), FIGURES + TWO, "did you mean 'two'?"),
        (TINY + LIKE.replace("cnn", "cn"), FIGURES + TWO, "resembles.two: unknown model"),
        (TINY + LIKE.replace("two", "digits"), FIGURES, "is in tests, so compared"),
        (TINY, FIGURES.replace("e\n", "e,study\n").replace("/a", "/a,other"), "study: 'other'"),
    ],
)
def test_a_mistake_in_a_study_is_one_line(tiny, toml, csv, said):
    root = tiny(toml, csv)
    with pytest.raises(ConfigurationError) as raised:
        study_figures(load_study("tiny2024", root))
    assert said in str(raised.value)
    assert "tiny2024" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_cell_whose_only_figure_is_of_an_inferred_backend_has_no_number(tiny):
    """It ended with a traceback."""
    marked = FIGURES.replace("source", "source,inferred").removesuffix("\n") + ",backend\n"
    known = published_cells(load_study("tiny2024", tiny(csv=marked))).set_index("backend")
    assert known.loc["jax", "figure"] == "1.5 (backend inferred)"
    assert known["seconds"].isna().to_dict() == {"torch": False, "jax": True}
    assert known.loc["jax", "source"] == "https://example.org/a"


def test_figures_of_two_batch_sizes_are_no_cell(tiny):
    two = FIGURES.replace("source", "source,batch").replace("/a", "/a,32")
    root = tiny(csv=f"{two}digits,jax,3,s/epoch,https://example.org/a,64\n")
    with pytest.raises(ConfigurationError, match="several batch"):
        published_series(root)


@pytest.mark.parametrize(
    "more",
    ["gpu_count,2", "phase,predict", "phase,evaluate", "device,CPU (4 cores)", "left_out,a slip"],
)
def test_of_several_cards_another_phase_or_a_cpu_no_figure_counts(tiny, more):
    column, value = more.split(",")
    told = FIGURES.replace("source\n", f"source,{column}\n")
    root = tiny(csv=f"{told}digits,tensorflow,1,s/epoch,https://example.org/a,{value}\n")
    assert set(published_series(root)["backend"]) == {"torch", "jax"}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("image_data_format", ("channels_first", "channels_last")),
        ("variant", ("eager", "compiled")),
        ("precision", ("float32", "bfloat16")),
    ],
)
def test_figures_of_two_kinds_of_work_are_no_cell(tiny, column, values):
    told = FIGURES.replace("source\n", f"source,{column}\n").replace("/a\n", f"/a,{values[0]}\n")
    root = tiny(csv=f"{told}digits,jax,3,s/epoch,https://example.org/a,{values[1]}\n")
    with pytest.raises(ConfigurationError, match=f"several {column}"):
        published_series(root)


def test_what_is_like_a_model_of_ours_is_shown_and_not_compared(tiny):
    root = tiny(TINY + LIKE, FIGURES + TWO)
    of_two = figure_tables(load_study("tiny2024", root))[1]
    assert of_two.notes == ("like our mnist_cnn in data; not compared with it: another batch",)
    assert set(published_series(root)["model"]) == {"mnist_mlp"}


MANY = """\
test,backend,framework_version,batch,gpu_count,image_data_format,kind,value,unit,source
digits,torch,2.5,32,2,channels_first,a,1.5,s/epoch,https://example.org/a
digits,torch,2.5,64,2,channels_first,a,2.5,s/epoch,https://example.org/a
digits,jax,0.4,32,2,channels_last,b,3.5,s/epoch,https://example.org/a
digits,jax,0.4,32,2,channels_last,,4.5,images/s,https://example.org/b
"""


def test_what_all_rows_share_or_follows_from_the_backend_stands_above_the_table(tiny):
    seconds, images = figure_tables(load_study("tiny2024", tiny(csv=MANY)))
    assert (seconds.title, images.title) == ("digits, s/epoch", "digits, images/s")
    assert seconds.notes == (
        "GPUs: 2",
        "framework version: torch 2.5; jax 0.4",
        "image data format: torch channels_first; jax channels_last",
    )
    assert seconds.frame.to_dict("list") == {
        "backend": ["torch", "torch", "jax"],
        "batch": ["32", "64", "32"],
        "kind": ["a", "a", "b"],
        "s/epoch": ["1.5", "2.5", "3.5"],
    }
    assert images.frame.to_dict("list") == {"backend": ["jax"], "images/s": ["4.5"]}


def test_a_number_that_no_column_holds_is_named_with_its_line(tiny):
    root = tiny(csv=FIGURES.replace("source\n", "source,batch\n").replace("/a\n", f"/a,{10**40}\n"))
    with pytest.raises(ConfigurationError, match=r"figures\.csv, line \d+: batch: "):
        study_figures(load_study("tiny2024", root))


WORDS = """\
test,backend,source,note,left_out
digits,jax,https://example.org/a,twice as fast as torch,in words only
digits,torch,https://example.org/a,,not run
"""


def test_what_is_published_in_words_only_is_shown(tiny):
    [table] = figure_tables(load_study("tiny2024", tiny(csv=WORDS)))
    assert table.title == "In words"
    assert table.frame.to_dict("list") == {
        "test": ["digits", "digits"],
        "backend": ["jax", "torch"],
        "statement": ["twice as fast as torch", "not run"],
    }


def test_a_study_says_what_it_ran_on(capsys):
    assert main(["published", "--study", "szilard2017"]) == 0
    printed = capsys.readouterr().out
    assert "Set-ups" in printed
    assert "1.2.1" in printed


def test_a_study_of_which_no_set_up_is_known_has_no_table_of_them(tiny):
    assert setup_table(load_study("tiny2024", tiny())) is None


def test_a_study_stands_for_its_configurations_and_models():
    asked = with_study(Request(study="bhatia2017"))
    assert asked.config == ("mxnet-k122", "tf-cntk-k208", "theano-k208")
    assert asked.model == tuple(workload.name for workload in choose_workloads([]))


def test_what_is_named_beside_a_study_stands():
    asked = with_study(Request(study="bhatia2017", config=("tf-k3",), model=("mnist_mlp",)))
    assert (asked.config, asked.model) == (("tf-k3",), ("mnist_mlp",))


def test_a_reproduction_keeps_the_frameworks_own_threads_unless_told_otherwise():
    assert with_study(Request(study="bhatia2017")).threads == ("framework",)
    assert with_study(Request(study="bhatia2017", threads=2)).threads == (2,)
    assert with_study(Request()).threads == ()


def test_a_study_asks_for_the_axes_that_it_was_timed_with():
    asked = with_study(Request.asked(study="keras2024", precision="tf32"))
    assert asked.axis_values["phase"] == ("train", "predict")
    assert asked.axis_values["precision"] == ("tf32",)
    assert with_study(Request(study="keras2024")).axis_values["precision"] == ("framework",)
    assert len(asked.model) == len(set(asked.model)) == 6


def test_a_study_asks_for_no_axis_that_is_none(tiny):
    root = tiny(TINY + '[asks]\nprecisoin = ["tf32"]\n', FIGURES)
    with pytest.raises(ConfigurationError, match="no axis is called precisoin"):
        load_study("tiny2024", root)


def test_a_study_that_nothing_reproduces_is_not_run():
    with pytest.raises(UsageError, match="no suite here reproduces the study 'szilard2017'"):
        with_study(Request(study="szilard2017"))


def test_the_configurations_of_every_study_are_there():
    known = {path.parent.name for path in paths.CONFIGURATIONS.glob("*/config.toml")}
    for study in all_studies():
        assert set(study.configurations) <= known


def test_a_shell_offers_the_studies_to_print_and_those_to_run():
    assert [name for name, _ in studies()] == study_names()
    assert list(dict(reproduced())) == [study.name for study in reproduced_studies()]
    assert "bhatia2017" in dict(reproduced())
    assert "minimaxir2017" not in dict(reproduced())


def test_the_study_of_a_run_is_decided_before_it_is_planned():
    said = plan_run(
        Request(study="bhatia2017", device="cpu", launcher="local", data="synthetic"), print
    ).request
    assert set(said.config) == set(load_study("bhatia2017").configurations)
    assert said.study == "bhatia2017"
