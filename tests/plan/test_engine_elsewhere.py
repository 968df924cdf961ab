"""An engine of another machine: what cannot work there is refused before anything is built."""

import platform

import pytest

from fake_nvml import shown
from made_machine import ELSEWHERE, made_engine, made_machine
from runner.errors import MachineError
from runner.machine.gpu import Gpu
from runner.plan.plan import plan_run
from runner.spec.request import Request
from runner.spec.workload import DataSource

H200 = Gpu("GPU-h200", "NVIDIA H200", "580.159.03", (9, 0), 139 << 30)
HERE_BY_NAME = {"Name": platform.node(), "KernelVersion": platform.release()}


@pytest.fixture
def machine(tmp_path):
    with made_machine(tmp_path) as made:
        made.cards = [H200]
        yield made


def plan(said, **asked):
    return plan_run(Request(**{"config": ("jax-k3",), **asked}), said.append)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"device": "gpu"}, "whose cards cannot be seen from here"),
        ({"gpu": "0"}, "whose cards cannot be seen from here"),
        ({"device": "cpu", "data": "real"}, "data of this one cannot be mounted"),
    ],
)
def test_a_card_or_data_of_this_machine_is_refused_there(machine, asked, problem):
    machine.engine = made_engine("nvidia", base_url=ELSEWHERE)
    with pytest.raises(MachineError, match=problem) as caught:
        plan([], **asked)
    assert "run there" in str(caught.value).splitlines()[1]


def test_what_nobody_asked_for_is_chosen_so_that_it_works_there(machine):
    machine.engine = made_engine("nvidia", base_url=ELSEWHERE)
    said: list[str] = []
    made = plan(said)
    assert (made.machine.gpu, made.request.data) == (None, DataSource.SYNTHETIC)
    because = "because the engine runs on another machine"
    assert [line for line in said if line.startswith(f"device: cpu, {because}")]
    assert [line for line in said if line.startswith(f"data: synthetic, {because}")]


def test_an_address_that_leads_here_is_no_other_machine(machine):
    machine.engine = made_engine("nvidia", base_url="http://127.0.0.1:2375", **HERE_BY_NAME)
    assert plan([]).machine.gpu == shown(H200).usable[0]
