"""Preflight: what is missing is said in two lines before anything is built."""

import shutil
from dataclasses import replace

import pytest

from fake_nvml import shown
from patching import patch_everywhere
from runner.errors import MachineError
from runner.machine.docker_engine import Engine, _why_not, connect_engine
from runner.machine.gpu import Cards, Gpu
from runner.machine.machine import Machine
from runner.machine.visible import list_gpus
from runner.plan.cards import choose_gpu
from runner.plan.obstacles import card_against
from runner.plan.preflight import Preflight, device_to_build_for
from runner.spec.choices import DeviceChoice
from runner.spec.configuration import Device, load_configurations
from runner.spec.job import planned_jobs
from runner.spec.request import Request
from runner.spec.study import choose_workloads

K80 = Gpu("GPU-k80", "Tesla K80", "470.256.02", (3, 7), 12 << 30)
H200 = Gpu("GPU-h200", "NVIDIA H200", "580.159.03", (9, 0), 139 << 30)


def configuration(name):
    return load_configurations([name])[0]


def check(name, device="gpu", launcher="auto", say=print):
    asked = Request(device=device, launcher=launcher)
    return Preflight(asked, [configuration(name)]).take_fitting_machine(say)


def misfit_reason(configuration, backend, card):
    found = card_against([configuration], (), card).found[configuration.name, backend]
    return found.reason if found else None


def test_a_k80_runs_all_of_2017():
    for name in ("mxnet-k122", "tf-cntk-k208", "theano-k208"):
        found = configuration(name)
        assert [misfit_reason(found, b, K80) for b in found.backends] == [None] * len(
            found.backends
        )


def test_a_card_newer_than_the_machine_code_is_refused_with_the_reason():
    reason = misfit_reason(configuration("tf-cntk-k208"), "tensorflow", H200)
    assert "NVIDIA H200 has 9.0" in reason
    assert "6." in reason


def test_an_old_driver_is_refused_per_backend():
    old = Gpu("GPU-k80", "Tesla K80", "375.66", (3, 7), 12 << 30)
    found = configuration("tf-cntk-k208")
    assert misfit_reason(found, "tensorflow", old) is None
    assert "needs driver 384.81" in misfit_reason(found, "cntk", old)


HOPPER = {"name": "H100", "compute_capability": (9, 0)}
BLACKWELL = {"name": "RTX 5090", "compute_capability": (12, 0)}


@pytest.mark.parametrize(
    ("name", "backend", "card", "driver", "said"),
    [
        ("tf-k3", "tensorflow", HOPPER, "550.54.14", "on a H100 needs driver 555.42.02"),
        ("tf-k3", "tensorflow", HOPPER, "555.42.06", None),
        ("jax-k3", "jax", HOPPER, "550.54.14", None),
        ("tf-k3", "tensorflow", {"compute_capability": (8, 0)}, "550.54.14", None),
        ("tf-k3", "tensorflow", BLACKWELL, "580.65.06", "7.5 to 10.3; RTX 5090 has 12.0"),
        ("torch-k3", "torch", BLACKWELL, "580.65.06", None),
        ("torch-k3", "torch", {"compute_capability": (13, 0)}, "580.65.06", "7.5 to 12.1"),
        ("jax-k3", "jax", {"compute_capability": (13, 0)}, "580.65.06", None),
    ],
)
def test_what_a_card_of_today_needs_depends_on_it(name, backend, card, driver, said):
    reason = misfit_reason(configuration(name), backend, replace(H200, driver=driver, **card))
    assert reason is None if said is None else said in reason


def test_the_refused_jobs_of_a_mixed_plan_are_unsupported():
    pascal = Gpu("GPU-v100", "Tesla V100", "470.256.02", (7, 0), 16 << 30)
    chosen = [configuration("tf-cntk-k208")]
    asked = Request(device="gpu", data="synthetic", threads=1)
    planned = planned_jobs(chosen, choose_workloads(["mnist_mlp"]), asked)
    refused = {
        job.backend: job.unsupported for job in card_against(chosen, (), pascal).marked(planned)
    }
    assert refused["cntk"] is None
    assert "7.0" in refused["tensorflow"]


def test_cards_are_chosen_by_uuid_or_index():
    assert choose_gpu(None, shown(K80, H200)) is K80
    assert choose_gpu("GPU-h200", shown(K80, H200)) is H200
    assert choose_gpu("1", shown(K80, H200)) is H200
    with pytest.raises(MachineError, match="did you mean 'GPU-h200'"):
        choose_gpu("GPU-h20", shown(K80, H200))


@pytest.mark.parametrize(
    ("asked", "cards", "device", "said"),
    [
        ("auto", [], "cpu", ["device: cpu, because this machine shows no NVIDIA GPU"]),
        ("auto", [K80], "gpu", []),
        ("gpu", [], "gpu", []),
        ("cpu", [K80], "cpu", []),
    ],
)
def test_an_image_is_built_for_what_is_there_unless_asked(monkeypatch, asked, cards, device, said):
    patch_everywhere(monkeypatch, list_gpus, lambda: shown(*cards))
    told: list[str] = []
    assert device_to_build_for(DeviceChoice(asked), told.append) == Device(device)
    assert told == said


def test_no_gpu_is_two_lines_with_a_remedy(monkeypatch):
    patch_everywhere(monkeypatch, list_gpus, Cards)
    with pytest.raises(MachineError) as caught:
        check("mxnet-k122")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "--device cpu" in lines[1]
    assert caught.value.exit_code == 3


def test_no_engine_is_two_lines(tmp_path):
    with pytest.raises(MachineError, match="no Docker engine answers") as caught:
        connect_engine(str(tmp_path / "no.sock"))
    assert "--engine" in str(caught.value).splitlines()[1]


def test_a_closed_socket_is_a_matter_of_permission():
    error = PermissionError(13, "Permission denied")
    assert "no permission" in _why_not(error).splitlines()[0]


class Local:
    class api:
        base_url = "http+docker://localhost"


def test_an_engine_without_nvidia_is_refused(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    patch_everywhere(monkeypatch, list_gpus, lambda: shown(H200))
    patch_everywhere(
        monkeypatch, connect_engine, lambda name: Engine(Local(), {"Runtimes": {"runc": {}}})
    )
    with pytest.raises(MachineError, match="no NVIDIA runtime"):
        check("jax-k3")


def test_when_no_chosen_backend_fits_the_card_nothing_starts(monkeypatch):
    patch_everywhere(monkeypatch, list_gpus, lambda: shown(H200))
    patch_everywhere(
        monkeypatch, connect_engine, lambda name: Engine(Local(), {"Runtimes": {"nvidia": {}}})
    )
    with pytest.raises(MachineError, match="Keras 3"):
        check("mxnet-k122")


def test_auto_takes_the_cpu_and_this_machine_where_nothing_else_is_and_says_so(monkeypatch):
    def no_engine(name):
        raise MachineError("no Docker engine answers\nstart one")

    patch_everywhere(monkeypatch, list_gpus, Cards)
    patch_everywhere(monkeypatch, connect_engine, no_engine)
    said: list[str] = []
    machine = check("mxnet-k122", device="auto", say=said.append)
    assert machine == Machine(Device.CPU, None)
    assert said == [
        "device: cpu, because this machine shows no NVIDIA GPU",
        "launcher: local, because no Docker engine answers",
    ]
    with pytest.raises(MachineError, match="no Docker engine"):
        check("mxnet-k122", device="cpu", launcher="docker")
