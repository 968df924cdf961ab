"""The backends before a framework is there: what they set, and what they do not import."""

import json
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from unittest.mock import Mock

import pytest

from models import backends
from models.backends.fused import Calls
from models.backends.jax import Jax
from models.backends.tensorflow import TensorFlow2
from models.backends.theano import Theano
from models.backends.torch import Torch

LOADED = """
import json, sys
before = set(sys.modules)
import models.job.process
print(json.dumps(sorted(name.split(".")[0] for name in set(sys.modules) - before)))
"""


def test_no_framework_is_imported_before_a_backend_is_loaded(root):
    said = subprocess.check_output([sys.executable, "-c", LOADED], cwd=root)
    assert not (set(backends.BACKENDS) | {"keras"}) & set(json.loads(said.decode()))


def test_a_backend_needs_no_framework_but_its_own(monkeypatch):
    others = sorted(set(backends.BACKENDS) - {"mxnet"})
    for name in others:
        monkeypatch.setitem(sys.modules, name, None)  # an import of it raises
    own = ModuleType("mxnet")
    vars(own)["__version__"] = "0.11.0"
    monkeypatch.setitem(sys.modules, "mxnet", own)
    assert backends.BACKENDS["mxnet"]("cpu", 2).load().version() == "0.11.0"
    with pytest.raises(ImportError):
        backends.BACKENDS["jax"]("cpu", 2).load()


@pytest.mark.parametrize(
    "device, flags",
    [
        ("cpu", {"device=cpu"}),
        ("gpu", {"device=gpu", "dnn.enabled=True"}),
    ],
)
def test_theano_is_told_everything_by_its_flags(device, flags):
    given = Theano(device, 2).environment("/cache")["THEANO_FLAGS"].split(",")
    assert flags | {
        "force_device=True",
        "floatX=float32",
        "base_compiledir=/cache/theano",
        "blas.ldflags=-lopenblas",
    } == set(given)


@pytest.fixture
def tensorflow(monkeypatch):
    """A TensorFlow 1 that keeps the settings of its sessions."""
    found = ModuleType("tensorflow")
    vars(found).update(
        {
            "__version__": "1.3.0",
            "ConfigProto": dict,
            "Session": lambda config: config,
        }
    )
    monkeypatch.setitem(sys.modules, "tensorflow", found)
    return found


@pytest.fixture
def keras():
    """A Keras that keeps its session."""
    made = SimpleNamespace(session=None)
    made.backend = SimpleNamespace(set_session=lambda session: setattr(made, "session", session))
    return made


@pytest.mark.parametrize("threads, inter_op", [(1, 2), (2, 2), (8, 8)])
def test_tensorflow_1_never_has_a_single_inter_op_thread(tensorflow, keras, threads, inter_op):
    """With one TensorFlow 1.3 does not learn."""
    backends.BACKENDS["tensorflow"]("cpu", threads).load().adopt(keras)
    assert keras.session == {
        "intra_op_parallelism_threads": threads,
        "inter_op_parallelism_threads": inter_op,
    }


def test_more_inter_op_threads_than_asked_for_are_told_in_the_log(tensorflow, keras, capfd):
    backends.BACKENDS["tensorflow"]("cpu", 2).load().adopt(keras)
    assert capfd.readouterr().err == ""
    backends.BACKENDS["tensorflow"]("cpu", 1).load().adopt(keras)
    assert "2 inter-op threads instead of 1" in capfd.readouterr().err


def test_a_frameworks_own_threads_leave_keras_its_own_session(tensorflow, keras):
    backends.BACKENDS["tensorflow"]("cpu", None).load().adopt(keras)
    assert keras.session is None


@pytest.mark.parametrize("threads, told", [(3, [3, 3]), (None, [])])
def test_torch_is_told_its_threads_only_where_there_are_any(monkeypatch, threads, told):
    torch, setter = ModuleType("torch"), Mock()
    vars(torch).update({"set_num_threads": setter, "set_num_interop_threads": setter})
    monkeypatch.setitem(sys.modules, "torch", torch)
    backends.BACKENDS["torch"]("cpu", threads).load()
    assert [call[0][0] for call in setter.call_args_list] == told


@pytest.mark.parametrize("device, context", [("cpu", "cpu"), ("gpu", "gpu(0)")])
def test_only_mxnet_is_told_its_device_when_a_model_is_compiled(device, context):
    told = {name: kind(device, 2).compile_options() for name, kind in backends.BACKENDS.items()}
    assert {name: options for name, options in told.items() if options} == {
        "mxnet": {"context": [context]}
    }


@pytest.mark.parametrize("name", sorted(backends.BACKENDS))
def test_a_job_on_a_cpu_has_no_memory_of_a_gpu(name):
    assert backends.BACKENDS[name]("cpu", 2).gpu_peak_memory() is None


def test_a_gpus_memory_is_what_the_framework_counts():
    torch = Torch("gpu", 2)
    torch._torch = SimpleNamespace(cuda=SimpleNamespace(max_memory_allocated=lambda device: 5))
    assert torch.gpu_peak_memory() == 5
    tensorflow = TensorFlow2("gpu", 2)
    told = SimpleNamespace(get_memory_info=lambda device: {"current": 1, "peak": 7})
    tensorflow._tensorflow = SimpleNamespace(  # type: ignore[assignment]
        config=SimpleNamespace(experimental=told)
    )
    assert tensorflow.gpu_peak_memory() == 7


def test_a_kernel_is_one_whose_function_came_back():
    framework = SimpleNamespace(
        attention=lambda *, kind: f"made by {kind}",
        lstm=Mock(side_effect=NotImplementedError),
    )
    calls = Calls()
    calls.watch(framework, "attention", lambda options: {"fast": "flash"}.get(options["kind"]))
    calls.watch(framework, "lstm", lambda _: "LSTM")
    calls.watch(framework, "of_another_version", lambda _: "another")
    assert not hasattr(framework, "of_another_version")
    assert framework.attention(kind="slow") == "made by slow"
    with pytest.raises(NotImplementedError):
        framework.lstm()
    assert calls.kernel_names() == []
    assert framework.attention(kind="fast") == "made by fast"
    assert calls.kernel_names() == ["flash"]


@pytest.mark.parametrize("name", ["cntk", "mxnet", "theano"])
def test_the_kernels_of_the_older_ones_are_not_known(name):
    assert backends.BACKENDS[name]("cpu", 2).fused_kernels(Mock()) is None


@pytest.mark.parametrize(
    ("told", "peak"), [({"peak_bytes_in_use": 9}, 9), ({}, None), (None, None)]
)
def test_jax_counts_only_what_is_in_its_own_pool(told, peak):
    jax = Jax("gpu", 2)
    card = SimpleNamespace(memory_stats=lambda: told)
    jax._jax = SimpleNamespace(devices=lambda kind: [card])
    assert jax.gpu_peak_memory() == peak
