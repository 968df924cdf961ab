"""Our count of operations beside the frameworks' own."""

import pytest

MODELS = ("mnist_mlp", "mnist_cnn", "cifar10_cnn", "mnist_hrnn", "babi_rnn")
# XLA leaves out what a convolution multiplies with the zeros around an image: 94 of 96 taps along
# a side of 32 pixels are inside, 43 of 45 of 15.
PADDING = {
    "cifar10_cnn": 2
    * (9 * 3 * 32 * (32 * 32 - (94 / 3) ** 2) + 9 * 32 * 64 * (15 * 15 - (43 / 3) ** 2))
}


@pytest.mark.parametrize("model", MODELS)
def test_xla_counts_the_same_products_and_little_elementwise_work(check, model):
    _, of_one_step, theirs = check("jax-k3", "jax", "xla", model)
    least = of_one_step - PADDING.get(model, 0)
    assert least <= theirs <= 1.06 * least


def test_xla_counts_an_lstm_for_each_step_once_its_loop_is_written_out(check):
    ours, in_loop, written_out = check("jax-k3", "jax", "xla_lstm", "16", "50", "50")
    assert ours == 16 * 2 * 4 * (50 + 50) * 50
    assert ours / 16 <= in_loop <= 1.06 * ours / 16
    assert ours <= written_out <= 1.06 * ours


@pytest.mark.parametrize("model", MODELS)
def test_the_profiler_of_tensorflow_1_counts_the_same(check, model):
    ours, kinds = check("tf-cntk-k208", "tensorflow", "tensorflow1", model)
    assert ours == kinds.get("MatMul", 0) + kinds.get("Conv2D", 0)
