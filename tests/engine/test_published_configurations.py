"""The whole way on a real engine: command line, image, container, events, table."""

import os

import pytest

from runner.cli.app import main
from runner.errors import ExitCode
from runner.store.find import find_run
from runner.tables.load import load_runs

BUILD = ["--base-image", os.environ.get("BENCH_BASE_IMAGE", ""), "--launcher", "docker"]
if os.environ.get("BENCH_CA_BUNDLE"):
    BUILD += ["--ca-bundle", os.environ["BENCH_CA_BUNDLE"]]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("configuration", "backend"),
    [("mxnet-k122", "mxnet"), ("tf-cntk-k208", "tensorflow"), ("tf-cntk-k208", "cntk"),
     ("theano-k208", "theano")],
)  # fmt: skip
def test_real_digits_are_learnt_in_a_container(
    engine, base_image, tmp_path, capsys, configuration, backend
):
    code = main(
        ["--config", configuration, "--backend", backend, "--device", "cpu", "--data", "digits",
         "--model", "mnist_mlp", "--epochs", "8", "--results", str(tmp_path),
         "--wait", "250", *BUILD]
    )  # fmt: skip
    assert code == ExitCode.OK, capsys.readouterr()
    table = load_runs(find_run(tmp_path, "latest"))
    assert table["val_accuracy"].max() >= 0.9
    assert table["parameters"].unique().tolist() == [669_706]
    assert len(table) == 8
    assert table["image_digest"].str.startswith("sha256:").all()
    assert "mnist_mlp" in capsys.readouterr().out
