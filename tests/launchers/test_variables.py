"""Environment variables of a local job: a listed few reach it, and what can matter is told."""

import sys
from pathlib import Path

import pytest

from runner.errors import IdentityError
from runner.spec.variables import differing_variables, passed_variables, variables_text
from runner.store.identity import keep_environment
from runner.store.run_folder import RunStore
from runner.tables.between_runs import compare_tables
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from steady_runs import steady_run

FAST = {("mnist_mlp", "tensorflow"): 1.0}


@pytest.mark.parametrize(
    ("name", "is_passed", "is_told"),
    [
        ("PATH", True, True),
        ("LD_LIBRARY_PATH", True, True),
        ("CUDA_HOME", True, True),
        ("XLA_FLAGS", True, True),
        ("TF_NUM_INTEROP_THREADS", True, True),
        ("KMP_BLOCKTIME", True, True),
        ("THEANO_FLAGS", True, True),
        ("LC_ALL", True, False),
        ("TZ", True, False),
        ("CUDA_VISIBLE_DEVICES", False, False),
        ("NVIDIA_API_KEY", False, False),
        ("JAX_AUTH_TOKEN", False, False),
        ("TF_VAR_db", False, False),
        ("TF_VAR_DB", False, False),
        ("LD_PRELOAD", False, False),
        ("HTTPS_PROXY", False, False),
        ("PYTHONPATH", False, False),
        ("HOME", False, False),
    ],
)
def test_what_reaches_a_job(name, is_passed, is_told):
    passed = passed_variables({name: "value"})
    assert (name in passed) is is_passed
    assert (variables_text(passed) == f"{name}=value") is is_told


def test_secrets_and_the_home_are_not_told():
    home = str(Path.home())
    said = variables_text(
        {"PATH": f"{home}/bin:/usr/bin", "XLA_FLAGS": "--at=https://me:word@host/x", "TZ": "UTC"}
    )
    assert said == "PATH=~/bin:/usr/bin; XLA_FLAGS=--at=https://***@host/x"


def test_a_path_is_the_same_with_the_runners_environment_active_or_not(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/checkout/.venv")
    active = passed_variables({"PATH": "/checkout/.venv/bin:/usr/bin"})
    assert active == passed_variables({"PATH": "/usr/bin"})


def test_long_values_are_told_apart_by_their_hash():
    texts = {variables_text({"XLA_FLAGS": "x" * 5000 + end}) for end in "ab"}
    many = {variables_text({f"XLA_{n}": "x" * 150 for n in range(count)}) for count in (50, 51)}
    for found in (texts, many):
        assert len(found) == 2
        assert all(len(text) < 2000 for text in found)


def test_only_what_differs_is_told():
    assert differing_variables(["A=1; B=2"], ["A=1; B=3; C=4"]) == ("B=2", "B=3; C=4")
    assert differing_variables([""], ["A=1"]) == ("not set", "A=1")


def test_a_run_does_not_go_on_with_other_variables(tmp_path):
    store = RunStore.create(tmp_path, {})
    keep_environment(store, "tf-k3", {"variables": "PATH=/bin"})
    with pytest.raises(IdentityError, match="variables: it was not set, now it is XLA_FLAGS=a"):
        keep_environment(store, "tf-k3", {"variables": "PATH=/bin; XLA_FLAGS=a"})


def test_runs_with_other_variables_are_no_repeats_and_their_difference_is_told(tmp_path):
    texts = ("PATH=/bin", "PATH=/bin; XLA_FLAGS=a", "PATH=/bin")
    runs = [steady_run(tmp_path, FAST, identity={"variables": text}) for text in texts]
    assert summarize(load_runs(runs[0], runs[1]))["variant"].tolist() == [p.name for p in runs[:2]]
    assert summarize(load_runs(runs[0], runs[2]))["variant"].tolist() == [""]
    rows = compare_tables(load_runs(runs[0]), load_runs(runs[1])).differences
    assert rows[["column", "a", "b"]].to_numpy().tolist() == [
        ["variables", "not set", "XLA_FLAGS=a"]
    ]
