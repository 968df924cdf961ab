"""JAX, under Keras 3."""

from models.backends import fused
from models.backends.base import NoDevice
from models.backends.keras3 import Keras3Backend

# JAX's own words; on a CPU the two are the same.
PRODUCTS = {"tf32": "tensorfloat32", "ieee": "highest"}
CUDNN_ATTENTION = "attention by cuDNN"
CUDNN_LSTM = "LSTM by cuDNN"


class Jax(Keras3Backend):
    """JAX, under Keras 3."""

    def environment(self, cache_dir):
        variables = {"JAX_PLATFORMS": "cpu" if self.device == "cpu" else "cuda"}
        if self.threads is not None:
            # XLA's pool of CPU threads takes its size from NPROC.
            variables["NPROC"] = str(self.threads)
        return variables

    def load(self):
        import jax
        import jax.experimental.rnn
        self._jax = jax
        self._calls = fused.Calls()
        self._calls.watch(
            jax.nn, "dot_product_attention",
            lambda options: CUDNN_ATTENTION if options.get("implementation") == "cudnn" else None)
        self._calls.watch(jax.experimental.rnn, "lstm", lambda _: CUDNN_LSTM)
        if self.device == "gpu":
            self.gpu()  # where there is none, the import of Keras fails and does not say why
        return self

    def gpu(self):
        try:
            device = self._jax.devices("gpu")[0]
        except (RuntimeError, AssertionError) as error:  # the latter where no plugin is there
            raise NoDevice("JAX sees no GPU: {}".format(error))
        return device.device_kind, str(device)

    def gpu_peak_memory(self):
        if self.device == "cpu":
            return None
        # None where memory is not taken from JAX's own pool.
        statistics = self._jax.devices("gpu")[0].memory_stats() or {}
        return statistics.get("peak_bytes_in_use")

    def fused_kernels(self, step):
        return self._calls.kernel_names()

    def version(self):
        return self._jax.__version__

    def multiply_in(self, products):
        self._jax.config.update("jax_default_matmul_precision", PRODUCTS[products])

    def float32_products(self):
        return self._jax.config.jax_default_matmul_precision

    def compiles_by_itself(self):
        return True

    def synchronize(self, keras, model):
        self._jax.block_until_ready([weight.value for weight in model.weights])

    def matrix_product(self, matrix):
        operand = self._jax.numpy.asarray(matrix, dtype=self.compute_dtype)
        left, right = (self._jax.device_put(operand) for _ in range(2))
        multiply = self._jax.jit(self._jax.numpy.matmul)
        return lambda: multiply(left, right).block_until_ready()
