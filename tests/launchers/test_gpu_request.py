"""What an engine is asked for so that a container gets a card."""

import shutil
from dataclasses import replace

import pytest

from fake_nvml import K80
from runner.errors import MachineError
from runner.launchers import gpu_request as module
from runner.launchers.gpu_request import gpu_request
from runner.machine.docker_engine import Engine

CARD = replace(K80, uuid="GPU-k80", index=1)
PODMAN = {"BuildahVersion": "1.40", "ServerVersion": "5.8.6"}
# As `nvidia-ctk cdi generate` writes them.
SPEC = """---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/nvidiactl
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: "0"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia1
  name: "1"
- name: all
kind: nvidia.com/gpu
"""


class Local:
    class api:
        base_url = "http+docker://localhost"


class Remote:
    class api:
        base_url = "https://there:2376"


def engine(info, client=Local):
    return Engine(client(), info)


def discovered(*names):
    return {"DiscoveredDevices": [{"Source": "cdi", "ID": name} for name in names]}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """No hook of NVIDIA's toolkit on this machine, and CDI files in a folder of the test's own."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(module, "CDI_FOLDERS", (tmp_path, tmp_path / "missing"))
    return tmp_path


@pytest.mark.parametrize("client", [Local, Remote])
def test_nvidias_runtime_takes_a_uuid(client):
    found = gpu_request(engine({"Runtimes": {"runc": {}, "nvidia": {}}}, client), CARD)
    assert (found["DeviceIDs"], found["Driver"]) == (["GPU-k80"], "")
    assert found["Capabilities"] == [["gpu"]]


def test_its_hook_on_this_machine_does_for_an_engine_that_runs_here(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert gpu_request(engine({}), CARD)["DeviceIDs"] == ["GPU-k80"]
    with pytest.raises(MachineError):
        gpu_request(engine({}, Remote), CARD)


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["nvidia.com/gpu=GPU-k80", "nvidia.com/gpu=1"], "nvidia.com/gpu=GPU-k80"),
        (["nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"], "nvidia.com/gpu=1"),
    ],
)
def test_a_device_that_the_engine_lists_is_asked_for_by_its_name(names, asked):
    found = gpu_request(engine(discovered(*names)), CARD)
    assert (found["Driver"], found["DeviceIDs"]) == ("cdi", [asked])


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"Runtimes": None, "DiscoveredDevices": None},
        {"Runtimes": {"runc": {}}, "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"]},
        discovered("vendor.com/net=1", "nvidia.com/mig=1"),
    ],
)
def test_folders_for_devices_prove_nothing(info):
    with pytest.raises(MachineError, match="no NVIDIA runtime and no GPU as a CDI") as caught:
        gpu_request(engine(info), CARD)
    assert "nvidia-ctk runtime configure" in str(caught.value)
    assert "--device cpu" in str(caught.value)


def test_another_card_is_never_asked_for():
    with pytest.raises(MachineError, match=r"GPUs \(0, all\) do not include GPU 1 \(GPU-k80\)"):
        gpu_request(engine(discovered("nvidia.com/gpu=0", "nvidia.com/gpu=all")), CARD)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nvidia.yaml", SPEC),
        ("nvidia.json", '{"kind":"nvidia.com/gpu","devices":[{"name":"1"}]}'),
        (
            "pretty.json",
            '{\n "devices": [\n  {\n   "name": "1"\n  }\n ],\n "kind": "nvidia.com/gpu"\n}',
        ),
    ],
)
def test_podman_reads_the_cards_from_this_machines_files(folders, name, text):
    (folders / name).write_text(text)
    found = gpu_request(engine(PODMAN), CARD)
    assert (found["Driver"], found["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=1"])


def test_files_of_other_devices_are_none_of_nvidias(folders):
    (folders / "net.yaml").write_text(SPEC.replace("nvidia.com/gpu", "vendor.com/net"))
    (folders / "README.txt").write_text(SPEC)
    with pytest.raises(MachineError, match="nvidia-ctk cdi generate"):
        gpu_request(engine(PODMAN), CARD)


def test_an_older_podman_ignores_what_it_is_asked_for():
    old = PODMAN | {"ServerVersion": "4.9.3", "Runtimes": {"nvidia": {}}}
    with pytest.raises(MachineError, match=r"Podman 4\.9\.3 gives no GPU"):
        gpu_request(engine(old), CARD)
