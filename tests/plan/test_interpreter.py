"""A Python that is given: what it lacks is said before a run, and by the doctor too."""

import pytest

from given_python import make_python
from runner.cli.app import main
from runner.errors import ExitCode, MachineError
from runner.plan.plan import plan_run
from runner.spec.request import Request

KERAS, JAX = "3.15.1", "0.10.2"


def planned(python, *configurations, **options):
    said: list[str] = []
    request = Request(
        config=configurations or ("jax-k3",), model=("mnist_mlp",), device="cpu", python=python,
        data="synthetic", **options,
    )  # fmt: skip
    return plan_run(request, said.append), said


def test_an_interpreter_that_has_all_is_taken_without_a_word(tmp_path):
    plan, said = planned(make_python(tmp_path / "v", keras=KERAS, jax=JAX))
    assert [job.unsupported for job in plan.jobs] == [None]
    assert not any("--python" in text for text in said)


def test_a_backend_that_it_lacks_is_left_out_with_the_reason(tmp_path):
    plan, _ = planned(make_python(tmp_path / "v", keras=KERAS, jax=JAX), "jax-k3", "torch-k3")
    assert {job.backend: job.unsupported for job in plan.jobs} == {
        "jax": None,
        "torch": "--python has no torch",
    }


@pytest.mark.parametrize("has", [{}, {"jax": JAX}, {"keras": KERAS}])
def test_where_nothing_can_run_the_run_does_not_begin(tmp_path, has):
    python = make_python(tmp_path / "v", **has)
    with pytest.raises(MachineError, match="lacks what jobs import: keras, jax") as caught:
        planned(python)
    assert str(python) in str(caught.value)
    assert "install them there" in str(caught.value)


def test_what_is_no_interpreter_is_named(tmp_path):
    with pytest.raises(MachineError, match="not a Python interpreter that runs"):
        planned(tmp_path / "no")


def test_other_versions_than_the_locks_are_said(tmp_path):
    python = make_python(tmp_path / "v", keras=KERAS, jax="0.9.0", torch="2.13.0+cpu")
    _, said = planned(python, "jax-k3", "torch-k3")
    assert [text for text in said if "--python" in text] == [
        f"jax-k3: --python has jax 0.9.0 (lock: {JAX})"
    ]


def test_a_users_own_folders_do_not_count(tmp_path, monkeypatch):
    """Jobs do not see them either."""
    (tmp_path / "keras.py").touch()
    (tmp_path / "jax.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MachineError, match="lacks what jobs import"):
        planned(make_python(tmp_path / "v"))


@pytest.mark.parametrize(
    ("has", "can_work"),
    [
        ({"keras": KERAS, "jax": JAX}, True),
        ({"keras": KERAS, "torch": "2.13.0"}, True),
        ({}, False),
    ],
)
def test_the_doctor_and_the_plan_agree(tmp_path, capsys, has, can_work):
    python = make_python(tmp_path / "v", **has)
    asked = ["--config", "jax-k3", "torch-k3", "--device", "cpu", "--data", "synthetic",
             "--python", str(python), "--results", str(tmp_path / "runs")]  # fmt: skip
    expected = ExitCode.OK if can_work else ExitCode.MACHINE
    assert main(["doctor", *asked]) == expected, capsys.readouterr()
    assert main(["plan", *asked, "--model", "mnist_mlp"]) == expected, capsys.readouterr()


def test_an_interpreter_is_of_this_machine_and_no_containers(tmp_path, capsys):
    """The run took it, and the doctor asked for an engine."""
    python = str(make_python(tmp_path / "v", keras=KERAS, jax=JAX))
    asked = ["--config", "jax-k3", "--device", "cpu", "--data", "synthetic", "--python", python]
    for command in (["doctor"], ["plan", "--model", "mnist_mlp"]):
        assert main([*command, *asked, "--launcher", "docker"]) == ExitCode.USAGE
        assert "leave out --launcher docker" in capsys.readouterr().err
