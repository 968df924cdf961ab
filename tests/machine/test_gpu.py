"""The real port over a library that supports little: what a card does not tell is None."""

from types import SimpleNamespace

import pynvml
import pytest

from runner.errors import MachineError
from runner.machine.gpu import Cards, Gpu, GpuSample, Nvml
from runner.machine.visible import list_gpus


def cannot(*_):
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


@pytest.fixture
def library(monkeypatch):
    """A library whose every function says that it is not supported; a test gives some answers."""
    for name in dir(pynvml):
        if name.startswith(("nvmlDeviceGet", "nvmlSystemGet")):
            monkeypatch.setattr(pynvml, name, cannot)
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)

    def answer(**answers):
        for name, value in answers.items():
            monkeypatch.setattr(pynvml, name, lambda *_, value=value: value)

    return answer


def test_what_a_card_does_not_support_is_none(library):
    assert Nvml().sample("GPU-k80") == GpuSample()
    assert Nvml().processes("GPU-k80") is None


def test_a_sample_is_in_plain_units_and_words(library):
    library(
        nvmlDeviceGetUtilizationRates=SimpleNamespace(gpu=97, memory=40),
        nvmlDeviceGetMemoryInfo=SimpleNamespace(used=5 << 20, total=12 << 30),
        nvmlDeviceGetTemperature=83,
        nvmlDeviceGetPowerUsage=149_500,
        nvmlDeviceGetClockInfo=875,
        nvmlDeviceGetCurrentClocksThrottleReasons=0x1 | 0x2 | 0x4 | 0x20,
    )
    assert Nvml().sample("GPU-k80") == GpuSample(
        97, 5 << 20, 83, 149.5, 875, 875,
        frozenset({"software power cap", "software thermal slowdown"}),
    )  # fmt: skip


def test_a_process_that_computes_and_draws_computes(library):
    library(
        nvmlDeviceGetComputeRunningProcesses_v3=[SimpleNamespace(pid=1, usedGpuMemory=1 << 20)],
        nvmlDeviceGetGraphicsRunningProcesses_v3=[
            SimpleNamespace(pid=1, usedGpuMemory=1 << 20),
            SimpleNamespace(pid=1 << 30, usedGpuMemory=None),
        ],
    )
    one, other = Nvml().processes("GPU-k80")
    assert (one.pid, one.kind, one.used_bytes) == (1, "compute", 1 << 20)
    assert (other.kind, other.used_bytes, other.name) == ("graphics", None, None)
    assert str(other) == f"pid {1 << 30} (name unknown)"


def test_cards_are_read_even_where_they_have_no_memory_of_their_own(library):
    library(
        nvmlSystemGetDriverVersion="580.1",
        nvmlDeviceGetCount=1,
        nvmlDeviceGetHandleByIndex="handle",
        nvmlDeviceGetCudaComputeCapability=(12, 1),
        nvmlDeviceGetUUID="GPU-gb10",
        nvmlDeviceGetName="NVIDIA GB10",
    )
    card = Gpu("GPU-gb10", "NVIDIA GB10", "580.1", (12, 1), None)
    assert list_gpus() == Cards({0: card}, {}, "580.1")


@pytest.mark.parametrize("code", ["NVML_ERROR_LIBRARY_NOT_FOUND", "NVML_ERROR_DRIVER_NOT_LOADED"])
def test_no_driver_is_no_card(monkeypatch, code):
    def no_driver():
        raise pynvml.NVMLError(getattr(pynvml, code))

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert list_gpus() == Cards()


def test_a_driver_that_does_not_answer_is_two_lines(monkeypatch):
    def mismatch():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)

    monkeypatch.setattr(pynvml, "nvmlInit", mismatch)
    with pytest.raises(MachineError, match="does not answer") as caught:
        list_gpus()
    assert "nvidia-smi" in str(caught.value).splitlines()[1]
