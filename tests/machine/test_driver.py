"""The runner above NVIDIA's own binding: drivers and cards of every state, old and new."""

import os
import subprocess
import sys

import pytest

from given_python import make_python
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode, MachineError
from runner.machine.gpu import connect_driver
from runner.machine.visible import list_gpus
from runner.plan.cards import choose_gpu

WHAT = ("--config", "jax-k3", "--model", "mnist_mlp", "--launcher", "local")
LOST, FORBIDDEN, UNKNOWN = 15, 4, 999


def uuid(index):
    return f"GPU-{index:08d}-aaaa-bbbb-cccc-000000000000"


def chosen(wanted=None):
    """Return the index of the card that a run would take."""
    return choose_gpu(wanted, list_gpus()).index


# Each is a state that drivers and cards were reported in: what it answers, and whether a run on a
# GPU can begin.
STATES: dict[str, tuple[dict[str, object], bool]] = {
    "one card": ({}, True),
    "no card": ({"count": 0}, False),
    "the first is lost": ({"count": 2, "error0": LOST}, True),
    "the second is forbidden": ({"count": 2, "error1": FORBIDDEN}, True),
    "the third fails for no known reason": ({"count": 3, "error2": UNKNOWN}, True),
    "all are lost": ({"count": 2, "error": LOST}, False),
    "a name that is no text": ({"name": "N\udcffx"}, True),
    "no name": ({"name": "N/A"}, True),
    "no UUID": ({"count": 2, "uuid0": "N/A"}, True),
    "no capability": ({"count": 2, "capability0": "?"}, True),
    "no memory of its own": ({"memory_total": "N/A"}, True),
    "nothing is measured": (
        dict.fromkeys(["power", "throttle", "utilization", "temperature", "clock"], "N/A"), True,
    ),
    "divided by MIG": ({"mig": 1}, False),
    "one of two divided by MIG": ({"count": 2, "mig0": 1}, True),
    "the count fails": ({"count_error": UNKNOWN}, False),
    "no version": ({"driver": "N/A"}, False),
    "library and driver differ": ({"init": 18}, False),
    "the driver is not loaded": ({"init": 9}, False),
    "the driver cannot be reached": ({"init": 999}, False),
    "no processes are listed": ({"compute": "N/A", "graphics": "N/A"}, True),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", ["doctor", "plan"])
def test_no_state_of_a_driver_is_a_traceback_and_doctor_and_plan_agree(
    driver, capsys, tmp_path, state, command
):
    answers, can_begin = STATES[state]
    driver(**answers)
    options = WHAT[:2] if command == "doctor" else WHAT
    results = ("--results", str(tmp_path / "runs"), "--data", "synthetic")
    code = main([command, *options, "--device", "gpu", "--launcher", "local", *results])
    said = capsys.readouterr()
    assert code == (ExitCode.OK if can_begin else ExitCode.MACHINE), said
    assert "Traceback" not in said.out + said.err


def test_a_lost_card_is_left_out_aloud_and_stops_nothing(driver, capsys, tmp_path):
    driver(count=3, error0=LOST, error1=FORBIDDEN)
    assert chosen() == 2
    main(["plan", *WHAT, "--device", "gpu", "--results", str(tmp_path)])
    said = capsys.readouterr().err
    assert "left out: GPU 0: " in said
    assert "off the bus until the machine restarts" in said
    assert "GPU 1: " in said
    assert "may not be opened" in said


@pytest.mark.parametrize(
    ("wanted", "answers", "text"),
    [
        ("all", {"count": 2}, None),
        ("all", {"count": 3, "error0": LOST, "name0": "Tesla K80"}, None),
        ("1, 0", {"count": 3, "name2": "Tesla K80"}, None),
        ("all", {"count": 0}, "shows none"),
        ("all", {"count": 2, "error": LOST}, "no GPU can be used"),
        ("all", {"count": 2, "name1": "Tesla K80"}, f"equal cards: --gpu {uuid(0)}"),
        ("all", {"count": 3, "capability0": "8.0"}, f"equal cards: --gpu {uuid(1)},{uuid(2)}"),
        ("0,7", {"count": 2}, "no GPU '7'"),
        ("0,", {"count": 2}, "no GPU ''"),
        ("0,1", {"count": 2, "error1": LOST}, "GPU 1 cannot be used"),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "plan"])
def test_doctor_and_plan_agree_on_several_cards(
    driver, capsys, tmp_path, monkeypatch, wanted, answers, text, command
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    driver(**answers)
    options = WHAT[:2] if command == "doctor" else WHAT
    code = main([command, *options, "--device", "gpu", "--gpu", wanted, "--launcher", "local",
                 "--data", "synthetic", "--results", str(tmp_path / "runs")])  # fmt: skip
    said = " ".join("".join(capsys.readouterr()).split())
    assert code == (ExitCode.OK if text is None else ExitCode.MACHINE), said
    assert (text or "") in said
    if text is None:
        assert ("2 at a time" if command == "plan" else "GPU 1: chosen;") in said


def test_a_lost_card_that_was_named_ends_the_run_with_the_reason(driver):
    driver(count=2, error0=LOST)
    assert chosen("1") == 1
    with pytest.raises(MachineError, match="GPU 0 cannot be used: .*off the bus"):
        chosen("0")


def test_without_a_card_it_is_said_whether_there_is_a_driver(driver):
    driver(count=0)
    with pytest.raises(MachineError, match=r"the driver \(580.159.04\) shows none"):
        chosen()
    driver(init=9)
    with pytest.raises(MachineError, match="the driver is not loaded"):
        chosen()


@pytest.mark.parametrize(
    ("value", "first", "hidden"),
    [
        ("1", 1, {0, 2}),
        ("2,0", 2, {1}),
        ("1, 2", 1, {0}),
        ("0,1,2", 0, set()),
        ("0,7,1", 0, {1, 2}),  # CUDA ends its list at what is not there
        ("0,0", 0, {1, 2}),
        (uuid(1), 1, {0, 2}),
        ("GPU-00000002", 2, {0, 1}),
        ("GPU-0", None, {0, 1, 2}),  # of several cards
        ("", None, {0, 1, 2}),
        ("-1", None, {0, 1, 2}),
        ("NoDevFiles", None, {0, 1, 2}),
        ("MIG-abc", None, {0, 1, 2}),
    ],
)
def test_what_cuda_would_not_see_is_not_taken(driver, monkeypatch, value, first, hidden):
    driver(count=3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert set(list_gpus().unusable) == hidden
    if first is None:
        with pytest.raises(MachineError, match="hidden by CUDA_VISIBLE_DEVICES="):
            chosen()
    else:
        assert chosen() == first
    for index in hidden:
        for name in (str(index), uuid(index)):
            with pytest.raises(MachineError, match=f"GPU {name} cannot be used: hidden by CUDA"):
                chosen(name)


def test_cuda_counts_only_cards_that_may_be_opened(driver, monkeypatch):
    """A scheduler that gives the third card forbids the others, and counts from 0 again."""
    driver(count=3, error0=FORBIDDEN, error1=FORBIDDEN)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert chosen() == 2


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({"SLURM_JOB_GPUS": "1"}, 1),
        ({"SLURM_JOB_GPUS": "0,1", "SLURM_STEP_GPUS": "1"}, 1),
        ({"SLURM_JOB_GPUS": "2", "CUDA_VISIBLE_DEVICES": "0"}, 0),
        ({"SLURM_JOB_GPUS": "7"}, 0),
        ({"NVIDIA_VISIBLE_DEVICES": "all"}, 0),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, 0),
        ({"NVIDIA_VISIBLE_DEVICES": "2"}, 2),
        ({"NVIDIA_VISIBLE_DEVICES": uuid(1)}, 1),
        ({"NVIDIA_VISIBLE_DEVICES": "5"}, 0),  # in a container that shows others' numbers
        ({"NVIDIA_VISIBLE_DEVICES": "2", "SLURM_JOB_GPUS": "1"}, 1),
    ],
)
def test_a_schedulers_and_a_containers_card_is_taken(driver, monkeypatch, variables, first):
    driver(count=3)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert chosen() == first


def test_processes_are_told_by_kind(driver):
    driver(compute="12,34", graphics="34,56")
    assert [(p.pid, p.kind) for p in connect_driver().processes(uuid(0))] == [
        (12, "compute"), (34, "compute"), (56, "graphics"),
    ]  # fmt: skip


def test_a_driver_of_keplers_time_lists_its_processes_too(libraries, tmp_path):
    """R470, the last for a K80, has only the older function: its list was an error."""
    (tmp_path / "answers").write_text("driver=470.256.02\ncompute=12\ngraphics=\n")
    code = (
        "from runner.machine.gpu import connect_driver\n"
        f"print([p.pid for p in connect_driver().processes({uuid(0)!r})])"
    )
    environment = {
        "NVML_ANSWERS": str(tmp_path / "answers"),
        "LD_LIBRARY_PATH": str(libraries["old"].parent),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, cwd=paths.ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == ("[12]\n", "")


def test_a_cards_energy_is_in_joules_and_a_card_without_a_counter_says_nothing(driver):
    nvml = connect_driver()
    assert nvml is not None
    assert nvml.sample(uuid(0)).energy_j is None
    driver(energy=51_234_500)
    assert nvml.sample(uuid(0)).energy_j == pytest.approx(51_234.5)


def test_two_runs_on_two_cards_begin_at_once(libraries, tmp_path):
    """In one results folder and cache; the Keras of their Python is none, so every job fails."""
    python = make_python(tmp_path / "venv", keras="3.15.1", jax="0.10.2")
    (tmp_path / "answers").write_text("count=2\n")
    environment = os.environ | {
        "NVML_ANSWERS": str(tmp_path / "answers"),
        "LD_LIBRARY_PATH": str(libraries["current"].parent),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "runner", "run", *WHAT, "--device", "gpu", "--gpu", str(card),
             "--python", python, "--data", "synthetic", "--results", tmp_path / "runs"],
            env=environment, cwd=paths.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )
        for card in range(2)
    ]  # fmt: skip
    for process in running:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == ExitCode.JOBS_NOT_OK, said
        assert "Traceback" not in said
    records = [path.read_text() for path in (tmp_path / "runs").glob("*/jobs/*/record.json")]
    assert len(records) == 2
    assert all(any(uuid(card) in record for record in records) for card in range(2))
