"""The doctor says "can work" of a machine where a run can begin: over made-up machines."""

import os
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fake_nvml import K80
from given_python import make_python
from made_machine import ELSEWHERE, HERE, made_engine, made_machine
from patching import patch_everywhere
from runner.doctor.asked import AskedRun
from runner.doctor.examination import examine
from runner.environments.venv import python_for
from runner.errors import BenchmarkError, MachineError
from runner.machine.gpu import Gpu
from runner.plan.plan import plan_run
from runner.report.findings import FindingState
from runner.spec.request import Request

H200 = Gpu("GPU-h200", "NVIDIA H200", "580.159.03", (9, 0), 139 << 30)
V100 = Gpu("GPU-v100", "Tesla V100", "470.256.02", (7, 0), 16 << 30)
OLD_DRIVER = Gpu("GPU-old", "Tesla K80", "367.48", (3, 7), 12 << 30)
VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS")


def cdi(*names):
    return {"DiscoveredDevices": [{"Source": "cdi", "ID": f"nvidia.com/gpu={n}"} for n in names]}


WAYS_TO_A_CARD: tuple[dict[str, Any], ...] = (
    {}, {"Runtimes": {"runc": {}, "nvidia": {}}}, {"Runtimes": None}, cdi(0, 1), cdi("GPU-h200"),
    {"CDISpecDirs": ["/etc/cdi"]}, {"BuildahVersion": "1.40", "ServerVersion": "4.9.3"},
    {"BuildahVersion": "1.40", "ServerVersion": "5.8.6"},
)  # fmt: skip
ENGINES = st.one_of(
    st.just(MachineError("no Docker engine answers\nstart one")),
    st.builds(
        lambda way, url, more: made_engine(base_url=url, **(way | more)),
        st.sampled_from(WAYS_TO_A_CARD),
        st.sampled_from([HERE, ELSEWHERE]),
        st.fixed_dictionaries(
            {},
            optional={
                "Architecture": st.sampled_from(["x86_64", "aarch64"]),
                "NCPU": st.sampled_from([0, 1, 2, 64]),
                "MemTotal": st.sampled_from([0, 1 << 30, 64 << 30]),
                "MemoryLimit": st.booleans(),
            },
        ),
    ),
)


@dataclass(frozen=True)
class Case:
    """A machine, and what is asked of it."""

    engine: object
    cards: list[Gpu]
    variables: dict[str, str]
    asked: dict[str, object] = field(default_factory=dict)


ASKED = st.fixed_dictionaries(
    {
        "config": st.sampled_from(
            [
                ("jax-k3",),
                ("torch-k3",),
                ("mxnet-k122",),
                ("jax-k3", "mxnet-k122"),
                ("theano-k208",),
                ("jax-k3", "theano-k208"),
            ]
        ),
        "device": st.sampled_from(["auto", "cpu", "gpu"]),
        "launcher": st.sampled_from(["auto", "docker", "local"]),
    },
    optional={
        "gpu": st.sampled_from(["0", "1", "7", "GPU-h200"]),
        "threads": st.sampled_from([1, 2, 64, "framework"]),
        "memory": st.sampled_from([1, 4, 4096]),
        "python": st.booleans(),
    },
)
CASES = st.builds(
    Case,
    ENGINES,
    st.lists(st.sampled_from([K80, H200, V100, OLD_DRIVER]), max_size=3, unique=True),
    st.dictionaries(
        st.sampled_from(VARIABLES), st.sampled_from(["", "0", "1", "GPU-h200", "all"]), max_size=2
    ),
    ASKED,
)


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    return make_python(tmp_path_factory.mktemp("given") / "venv", keras="3.15.1", jax="0.10.2")


def request_of(case, interpreter, kind, **more):
    given_python = interpreter if case.asked.get("python") else None
    options = {"model": ("mnist_mlp",), "data": "synthetic", "backend": ()}
    asked = options | case.asked | {"python": given_python} | more
    if given_python is not None and asked["launcher"] == "docker":
        asked["launcher"] = "auto"  # the two together are refused by the request itself
    return kind(**asked)


def refusal(case, interpreter):
    """Return why a run does not begin, or None."""
    try:
        plan = plan_run(request_of(case, interpreter, Request), lambda text: None)
    except BenchmarkError as error:
        return str(error)
    if all(job.unsupported is not None for job in plan.jobs):
        return "nothing is supported"
    return None


@pytest.mark.timeout(1800)  # four hundred take longer than the usual time of a test
@settings(
    phases=[Phase.generate],
    max_examples=400 if os.environ.get("FAULTS") == "long" else 60,
    deadline=None,
)
@given(case=CASES)
def test_the_doctor_says_can_work_where_a_run_begins_and_nowhere_else(
    case, interpreter, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("machine")
    with made_machine(folder) as machine, pytest.MonkeyPatch.context() as monkeypatch:
        machine.engine = case.engine
        machine.cards = [replace(card, index=index) for index, card in enumerate(case.cards)]
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in case.variables.items():
            monkeypatch.setenv(name, value)
        patch_everywhere(monkeypatch, python_for, lambda configuration: "/usr/bin/python3")
        try:
            asked = request_of(
                case, interpreter, AskedRun, results=folder / "runs", cache=folder / "cache"
            )
            problems: list[object] = [f for f in examine(asked) if f.state is FindingState.PROBLEM]
        except BenchmarkError as error:
            problems = [error]
        refused = refusal(case, interpreter)
        assert bool(problems) == bool(refused), (problems, refused)
