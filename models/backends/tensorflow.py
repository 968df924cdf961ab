"""TensorFlow: 1 with its sessions under Keras 2, and 2 under Keras 3."""

import sys

from models.backends import fused
from models.backends.base import Backend, NoDevice
from models.backends.keras3 import Keras3Backend

# With a single inter-op thread TensorFlow 1.3 does not learn: the loss rises, whatever the number
# of intra-op threads.
LEAST_INTER_OP = 2


class TensorFlow(Backend):
    """TensorFlow; which one it is shows when it is imported."""

    _tensorflow = None

    def load(self):
        import tensorflow
        kind = TensorFlow1 if tensorflow.__version__.startswith("1.") else TensorFlow2
        loaded = kind(self.device, self.threads)
        loaded._tensorflow = tensorflow
        return loaded

    def version(self):
        return self._tensorflow.__version__


class TensorFlow1(TensorFlow):
    """TensorFlow 1 with its sessions."""

    def adopt(self, keras):
        if self.threads is None:
            return  # Keras makes a session of its own at its first use
        if self.threads < LEAST_INTER_OP:
            sys.stderr.write(
                "TensorFlow 1 is given {} inter-op threads instead of {}: with fewer it does not "
                "learn. Its intra-op threads are {}.\n".format(
                    LEAST_INTER_OP, self.threads, self.threads))
        keras.backend.set_session(self._session())

    def seed(self, seed):
        self._tensorflow.set_random_seed(seed)

    def gpu(self):
        from tensorflow.python.client import device_lib
        for device in device_lib.list_local_devices():
            if device.device_type == "GPU":
                return None, device.physical_device_desc
        raise NoDevice("TensorFlow sees no GPU")

    def matrix_product(self, matrix):
        with self._tensorflow.Graph().as_default():
            # The session holds the value of a variable on the device, but that of a constant,
            # multiplied by itself, could be worked out beforehand.
            operand = self._tensorflow.placeholder("float32", matrix.shape)
            left, right = (self._tensorflow.Variable(operand) for _ in range(2))
            corner = self._tensorflow.matmul(left, right)[0, 0]
            session = self._session()
            session.run([left.initializer, right.initializer], {operand: matrix})
        return lambda: session.run(corner)

    def _session(self):
        if self.threads is None:
            return self._tensorflow.Session()
        config = self._tensorflow.ConfigProto(
            intra_op_parallelism_threads=self.threads,
            inter_op_parallelism_threads=max(self.threads, LEAST_INTER_OP))
        return self._tensorflow.Session(config=config)


class TensorFlow2(TensorFlow, Keras3Backend):
    """TensorFlow 2, under Keras 3."""

    def adopt(self, keras):
        self._calls = fused.Calls()
        self._calls.watch(self._tensorflow.raw_ops, "CudnnRNNV3", lambda _: "LSTM by cuDNN")
        if self.threads is not None:
            threading = self._tensorflow.config.threading
            threading.set_intra_op_parallelism_threads(self.threads)
            threading.set_inter_op_parallelism_threads(self.threads)

    def gpu(self):
        devices = self._tensorflow.config.list_physical_devices("GPU")
        if not devices:
            raise NoDevice("TensorFlow sees no GPU")
        details = self._tensorflow.config.experimental.get_device_details(devices[0])
        capability = details.get("compute_capability", ())
        return details.get("device_name"), "compute capability " + ".".join(map(str, capability))

    def gpu_peak_memory(self):
        if self.device == "cpu":
            return None
        return int(self._tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])

    def fused_kernels(self, step):
        return self._calls.kernel_names()

    def multiply_in(self, products):
        self._tensorflow.config.experimental.enable_tensor_float_32_execution(products == "tf32")

    def float32_products(self):
        is_tf32 = self._tensorflow.config.experimental.tensor_float_32_execution_enabled()
        return "tf32" if is_tf32 else "ieee"

    def compiles_by_itself(self):
        # XLA is for accelerators here: Keras 3's own choice.
        return self.device == "gpu"

    def synchronize(self, keras, model):
        self._wait()

    def matrix_product(self, matrix):
        with self._tensorflow.device(self.device):
            operand = self._tensorflow.cast(matrix, self.compute_dtype)
            left, right = (self._tensorflow.identity(operand) for _ in range(2))

        def multiply():
            self._tensorflow.matmul(left, right)
            self._wait()

        return multiply

    def _wait(self):
        self._tensorflow.test.experimental.sync_devices()
