"""Verdicts on published orders, and differences worked out from the rows."""

import pandas as pd
import pytest

from runner.report.verdict import difference_lines
from runner.tables.against_published import order_verdicts, setup_differences
from runner.tables.published import published_series

FULL = {
    "repeats": 3,
    "disturbance": None,
    "keras_version": "2.0.8",
    "device": "gpu",
    "device_name": "Tesla K80",
    "samples": 60_000,
    "data_source": "real",
    "phase": "train",
    "size": "published",
    "settings": "",
    "machine": "",
}


def summary(seconds: dict[str, float], spread=0.01, model="mnist_mlp", **changes):
    return pd.DataFrame(
        [
            {
                "model": model, "configuration": "any", "backend": backend,
                "seconds_per_epoch": s, "seconds_low": s * (1 - spread),
                "seconds_high": s * (1 + spread), **FULL, **changes,
            }
            for backend, s in seconds.items()
        ]
    )  # fmt: skip


def verdict(measured, series="bhatia2017", gpu="Tesla K80"):
    found = order_verdicts(measured)
    return next(v for v in found if (v.series, v.gpu) == (series, gpu))


def test_the_same_order():
    found = verdict(summary({"tensorflow": 0.9, "cntk": 0.5, "mxnet": 0.7}, model="mnist_hrnn"))
    assert found.verdict == "same order"
    assert "cntk before tensorflow" in found.why


def test_another_order_names_the_pair():
    found = verdict(summary({"tensorflow": 0.5, "mxnet": 0.9}))
    assert (found.verdict, found.why) == ("other order", "tensorflow before mxnet")


def test_overlapping_intervals_decide_nothing():
    found = verdict(summary({"tensorflow": 1.0, "mxnet": 0.9}, spread=0.2))
    assert (found.verdict, found.why) == (
        "cannot tell",
        "tensorflow and mxnet are equal as measured",
    )


def test_figures_that_2017_published_level_decide_nothing():
    found = verdict(summary({"tensorflow": 0.5, "cntk": 0.9}))
    assert "equal as published" in found.why
    assert found.verdict == "cannot tell"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"device": "cpu"}, "measured on a CPU"),
        ({"samples": 512}, "512 of 60,000 samples per epoch"),
        ({"data_source": "digits"}, "other data"),
    ],
)
def test_what_cannot_be_compared_says_why(changes, why):
    found = verdict(summary({"tensorflow": 0.9, "mxnet": 0.5}, **changes))
    assert found.verdict == "not comparable"
    assert why in found.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"repeats": 1}, "one process: tensorflow, mxnet"),
        ({"disturbance": "other processes used the CPU"}, "disturbed while measured"),
    ],
)
def test_what_cannot_be_told_says_why(changes, why):
    found = verdict(summary({"tensorflow": 0.9, "mxnet": 0.5}, **changes))
    assert found.verdict == "cannot tell"
    assert why in found.why


def test_each_value_of_an_axis_has_an_order_of_its_own():
    measured = pd.concat(
        [
            summary({"tensorflow": 0.5, "mxnet": 0.9}, settings="jit on"),
            summary({"tensorflow": 0.9, "mxnet": 0.5}, settings="jit off"),
        ]
    )
    found = order_verdicts(measured)
    own = [v for v in found if (v.series, v.gpu) == ("bhatia2017", "Tesla K80")]
    assert [(v.name, v.verdict) for v in own] == [
        ("mnist_mlp, jit on", "other order"),
        ("mnist_mlp, jit off", "same order"),
    ]


def test_another_generation_of_keras_is_not_judged():
    measured = summary({"tensorflow": 0.9, "mxnet": 0.5}, keras_version="3.15.1")
    assert order_verdicts(measured) == []
    assert setup_differences(rows(keras_version="3.15.1"), "bhatia2017").empty


def test_one_backend_has_no_order():
    assert order_verdicts(summary({"mxnet": 1.0})) == []


def test_the_siblings_tables_are_compared_too():
    found = verdict(summary({"tensorflow": 0.9, "cntk": 0.5}), "szilard2017", "1080 Ti")
    assert found.verdict == "same order"


def test_no_repeated_figure_counts_twice():
    known = published_series()
    assert not known.duplicated(["series", "gpu", "model", "phase", "backend"]).any()
    assert not ((known["series"] == "szilard2017") & (known["gpu"] == "K80")).any()


def rows(**changes):
    return pd.DataFrame(
        [
            {
                "model": "mnist_cnn", "configuration": "tf-cntk-k208", "backend": "cntk",
                "status": "ok", "epoch": 12, "samples": 60_000, "device": "gpu",
                "device_name": "Tesla K80", "keras_version": "2.0.8", "backend_version": "2.1",
                "image_data_format": "channels_last", "data_source": "real",
                "phase": "train", "threads": "framework", "precision": "framework", **changes,
            }
        ]
    )  # fmt: skip


def test_a_faithful_cell_differs_in_timing_only():
    found = setup_differences(rows(), "bhatia2017")
    assert len(found) == 1
    assert found["difference"].iloc[0].startswith("timing: median of the epochs after the first")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"backend_version": "2.5.1"}, "framework: 2.5.1 instead of 2.1"),
        ({"keras_version": "2.0.6"}, "Keras: 2.0.6 instead of 2.0.8"),
        ({"device": "cpu"}, "card: none (CPU run) instead of Tesla K80"),
        ({"image_data_format": "channels_first"}, "channels_first instead of channels_last"),
        ({"data_source": "synthetic"}, "data: synthetic instead of real"),
        ({"epoch": 2}, "epochs: 2 instead of 12"),
        ({"samples": 512}, "samples per epoch: 512 instead of 60,000"),
        ({"backend": "theano", "backend_version": "0.9.0"}, "channels_last; not published"),
    ],
)
def test_each_difference_is_worked_out(changes, text):
    found = setup_differences(rows(**changes), "bhatia2017")
    assert any(text in line for line in found["difference"])


def test_a_value_of_an_axis_that_the_study_did_not_have_is_a_difference():
    """The Keras team's figures are of what each framework ships; TF32 for all is another run."""
    several = pd.concat(
        rows(
            model="bert_base", configuration="jax-k3", backend="jax", keras_version="3.15.1",
            phase=phase, precision=precision,
        )
        for phase in ("train", "predict")
        for precision in ("framework", "tf32")
    )  # fmt: skip
    said = "\n".join(difference_lines(several))
    assert said.count("precision: tf32 instead of framework: bert_base jax") == 1
    assert "framework: 2.1 instead of 0.4.20" in said
