"""The studies that nothing here reproduces: every figure is there, and none is compared unasked."""

import pandas as pd
import pytest

from runner.spec.study import all_studies, load_study
from runner.tables.published import published_cells, published_series, study_figures

# As many as the tables of the sources have for Keras.
COUNTS = {
    "aws2018": 204,
    "ilkarman2018": 70,
    "tensorpack2019": 10,
    "szilard2017_cnn": 12,
    "keras2024": 120,
}
# One figure of each kind of table, looked up in its source at the commit that the row names.
SPOTS = [
    # benchmark/README.md: ResNet50-ImageNet, P3.8X Large, 1 GPU, both columns.
    ("aws2018", "ResNet50-ImageNet", "mxnet", {"gpu_count": 1}, 135, "images/s"),
    ("aws2018", "ResNet50-ImageNet", "tensorflow", {"gpu_count": 1}, 52, "images/s"),
    # The same page, inference on C5.X Large.
    (
        "aws2018",
        "ResNet50-Synthetic",
        "mxnet",
        {"phase": "predict", "device": "CPU (AWS c5.xlarge)"},
        5.79,
        "images/s",
    ),
    # CNN_result.md: 1 GPU, channel last.
    (
        "aws2018",
        "ResNet50V1 Synthetic",
        "mxnet",
        {"gpu_count": 1, "image_data_format": "channels_last"},
        18,
        "images/s",
    ),
    # RNN_result.md: WikiText-2, C5.xLarge, batch 32.
    (
        "aws2018",
        "LSTM WikiText-2",
        "mxnet",
        {"device": "CPU (AWS c5.xlarge)", "batch": 32},
        9249,
        "s/epoch",
    ),
    # training_benchmark.md: 4 GPUs, batch 1024.
    ("aws2018", "sparse linear regression", "mxnet", {"gpu_count": 4}, 21.6, "s/epoch"),
    # README.md, table 1, K80; and the last line that Keras printed in Keras_Theano_CNN.ipynb.
    ("ilkarman2018", "CIFAR-10 VGG-style CNN", "theano", {"device": "K80"}, 269, "s"),
    ("ilkarman2018", "CIFAR-10 VGG-style CNN", "theano", {"kind": "epoch 10"}, 160, "us/sample"),
    # README.md, table 3, P100.
    (
        "ilkarman2018",
        "ResNet-50 features",
        "cntk",
        {"device": "P100", "phase": "predict"},
        5.9,
        "s/1000 images",
    ),
    # other-wrappers/README.md, both tables.
    ("tensorpack2019", "Keras Official Cifar10 Example", "tensorflow", {}, 7142, "images/s"),
    ("tensorpack2019", "VGG16 on fake ImageNet", "tensorflow", {"gpu_count": 8}, 449, "images/s"),
    # README.md, by tools, on p2.xlarge.
    ("szilard2017_cnn", "MNIST CNN", "theano", {"device": "Tesla K80 (AWS p2.xlarge)"}, 130, "s"),
    # Table 2, the current edition.
    (
        "keras2024",
        "SegmentAnything fit",
        "jax",
        {"series": "keras2024-04 (current)"},
        361.69,
        "ms/step",
    ),
]


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_every_figure_of_a_source_is_there(name, count):
    rows = study_figures(load_study(name))
    assert len(rows) == count
    assert rows["value"].notna().all()
    assert rows["source"].str.contains("@ [0-9a-f]{7}").all()


@pytest.mark.parametrize(("name", "test", "backend", "where", "value", "unit"), SPOTS)
def test_a_figure_is_the_one_of_its_source(name, test, backend, where, value, unit):
    rows = study_figures(load_study(name))
    wanted = {"test": test, "backend": backend, "unit": unit} | where
    for column, said in wanted.items():
        rows = rows[rows[column] == said]
    assert rows["value"].tolist() == [value]


@pytest.mark.parametrize("name", sorted(set(COUNTS) - {"keras2024"}))
def test_no_test_is_one_of_our_models_so_nothing_is_compared(name):
    study = load_study(name)
    assert not study.tests
    assert published_cells(study).empty
    assert name not in set(published_series()["study"])


def test_of_keras2024_the_current_edition_is_compared_by_the_step():
    cells = published_cells(load_study("keras2024"))
    assert len(cells) == 10 * 3
    assert set(cells["series"]) == {"keras2024-04 (current)"}
    one = cells[(cells["model"] == "bert_base") & (cells["phase"] == "predict")]
    seconds = one.set_index("backend")["seconds"]
    # 418.72 ms a step, of which an epoch of made data has ten.
    assert seconds["jax"] == pytest.approx(4.1872)
    assert one.set_index("backend").loc["jax", "keras3"] == "418.7 ms/step"
    assert cells["published_ratio"].notna().all()


def test_only_declared_tests_are_compared():
    declared = {study.name for study in all_studies() if study.tests}
    assert set(published_series()["study"]) == declared


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("aws2018", "cifar10_cnn"),
        ("ilkarman2018", "cifar10_cnn"),
        ("tensorpack2019", "cifar10_cnn"),
        ("szilard2017_cnn", "mnist_cnn"),
    ],
)
def test_what_is_nearly_one_of_our_models_says_how_it_differs(name, model):
    [like] = load_study(name).resembles.values()
    assert like.model == model
    assert like.same and like.differs


def test_several_cards_are_told_from_one():
    counts = {
        name: sorted(study_figures(load_study(name))["gpu_count"].dropna().unique())
        for name in ("aws2018", "ilkarman2018", "tensorpack2019", "szilard2017_cnn")
    }
    assert counts == {
        "aws2018": [1, 2, 4, 8],
        "ilkarman2018": [1, 4],
        "tensorpack2019": [1, 2, 8],
        "szilard2017_cnn": [1],
    }


def test_a_cpu_has_no_count_of_cards():
    for name in ("aws2018", "szilard2017_cnn"):
        rows = study_figures(load_study(name))
        is_cpu = rows["device"].str.startswith("CPU")
        assert is_cpu.any()
        assert (rows["gpu_count"].isna() == is_cpu).all()


def test_training_is_told_from_inference():
    phases = {
        name: study_figures(load_study(name))["phase"].value_counts().to_dict() for name in COUNTS
    }
    assert phases == {
        "aws2018": {"train": 180, "predict": 24},
        "ilkarman2018": {"train": 64, "predict": 6},
        "tensorpack2019": {"train": 10},
        "szilard2017_cnn": {"train": 12},
        "keras2024": {"train": 51, "predict": 69},
    }


def test_both_editions_of_the_table_of_keras_3_state_batch_precision_and_variant():
    rows = study_figures(load_study("keras2024"))
    assert rows["series"].value_counts().to_dict() == {
        "keras2024-03 (first)": 54,
        "keras2024-04 (current)": 66,
    }
    assert rows["batch"].notna().all()
    assert (rows["precision"] != "").all()
    # TensorFlow and JAX multiply in TF32 where PyTorch does not.
    floats = rows[rows["precision"].str.startswith("float32")]
    is_torch = floats["backend"] == "torch"
    assert (floats["precision"].str.contains("TF32 allowed") == ~is_torch).all()
    keys = ["series", "test", "batch", "backend", "kind", "variant"]
    assert not rows[keys].duplicated().any()


def test_the_figures_of_a_study_are_of_set_ups_that_can_be_told_apart():
    """No two rows say the same of all that is printed but the figure."""
    for name in COUNTS:
        rows = study_figures(load_study(name))
        printed = rows.drop(columns=["value", "high", "note", "source", "left_out", "inferred"])
        again = printed[printed.duplicated(keep=False)]
        assert again.empty, f"{name}: {pd.DataFrame(again).to_string()}"
