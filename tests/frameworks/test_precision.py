"""Each precision is really in force, by the framework's own word and by what a product gives."""

import pytest

KERAS3 = [("jax-k3", "jax"), ("torch-k3", "torch"), ("tf-k3", "tensorflow")]
# The bits of a product's fraction: 24 of float32, 11 of float16, 8 of bfloat16.
ERRORS = {
    "float32": (0, 1e-6), "tf32": (0, 1e-6), "framework": (0, 1e-6),
    "mixed_float16": (1e-6, 2e-3), "mixed_bfloat16": (1e-4, 2e-2),
}  # fmt: skip
COMPUTE = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


@pytest.mark.parametrize(("configuration", "backend"), KERAS3)
@pytest.mark.parametrize("precision", sorted(ERRORS))
def test_a_product_is_as_exact_as_the_precision_asked_for(check, configuration, backend, precision):
    seen, error, _, kept = check(configuration, backend, "precision", backend, precision)
    least, most = ERRORS[precision]
    assert least <= error < most
    assert seen["compute_dtype"] == COMPUTE.get(precision, "float32")
    assert (seen["variable_dtype"], kept) == ("float32", ["float32"])


@pytest.mark.parametrize(("configuration", "backend"), KERAS3)
def test_tf32_and_float32_differ_by_the_switch_and_not_in_what_a_cpu_computes(
    check, configuration, backend
):
    ieee, _, ieee_outputs, _ = check(configuration, backend, "precision", backend, "float32")
    tf32, _, tf32_outputs, _ = check(configuration, backend, "precision", backend, "tf32")
    assert tf32["float32_products"] != ieee["float32_products"]
    assert tf32_outputs == ieee_outputs


@pytest.mark.parametrize(("configuration", "backend"), KERAS3)
def test_compilation_is_what_is_asked_for(check, configuration, backend):
    by_itself = {"jax": True, "torch": False, "tensorflow": False}
    assert check(configuration, backend, "compiled", backend, "auto") is by_itself[backend]
    assert check(configuration, backend, "compiled", backend, "off") is False


@pytest.mark.parametrize(("configuration", "backend"), KERAS3)
def test_which_fused_kernels_ran_is_what_the_framework_did(check, configuration, backend):
    """On a CPU: PyTorch has a flash attention for it, and no framework an LSTM of cuDNN."""
    attention = ["flash attention"] if backend == "torch" else []
    assert check(configuration, backend, "fused_kernels", backend) == [attention, []]


def test_the_older_ones_know_float32_alone(run_in):
    done = run_in(
        "mxnet-k122", "mxnet", "-c",
        "from models.backends.mxnet import Mxnet; Mxnet('cpu', 1).set_precision(None, 'tf32')",
    )  # fmt: skip
    assert "Unsupported: precision tf32: there is float32 only" in done.stderr
