"""The backends: environment, threads, device, seed, synchronization, fastest work of each.

What a backend reads from its environment is set by the job before anything is imported, never by
a file in a home folder.
"""

import os

import numpy as np


class NoDevice(Exception):
    """The device asked for cannot be used."""


class Backend(object):
    """A Keras backend on one device."""

    cache = None  # the folder under the job's cache folder that holds compiled code

    def __init__(self, device, threads):
        self.device = device
        self.threads = threads

    def environment(self, cache_dir):
        """Return the environment variables that this backend reads at its import."""
        return {}

    def load(self):
        """Import the framework, set what Keras's import needs, and return the loaded backend."""
        raise NotImplementedError

    def adopt(self, keras):
        """Set what must be set after Keras is imported."""

    def seed(self, seed):
        """Seed the backend's own random numbers."""

    def gpu(self):
        """Return (name, detail) of the GPU in use, or raise ``NoDevice``."""
        raise NotImplementedError

    def version(self):
        """Return the framework's version."""
        raise NotImplementedError

    def synchronize(self, keras, model):
        """Wait until the device has done its work.

        Reading a weight waits for the update that wrote it.
        """
        keras.backend.get_value(model.weights[-1])

    def matrix_product(self, matrix):
        """Return a function that multiplies ``matrix`` by itself on the device and waits for it.

        The operands lie on the device beforehand, and the result stays there.
        """
        raise NotImplementedError

    def jit_compile(self):
        """Return whether Keras 3 shall compile a model's steps."""
        raise NotImplementedError

    def device_seen(self):
        """Return the device as the framework sees it."""
        if self.device == "cpu":
            return {"type": "cpu", "name": _processor(), "detail": None}
        name, detail = self.gpu()
        return {"type": "gpu", "name": name, "detail": detail}


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
        config = self._tensorflow.ConfigProto(
            intra_op_parallelism_threads=self.threads, inter_op_parallelism_threads=self.threads)
        return self._tensorflow.Session(config=config)


class TensorFlow2(TensorFlow):
    """TensorFlow 2, under Keras 3."""

    def adopt(self, keras):
        self._tensorflow.config.threading.set_intra_op_parallelism_threads(self.threads)
        self._tensorflow.config.threading.set_inter_op_parallelism_threads(self.threads)

    def gpu(self):
        devices = self._tensorflow.config.list_physical_devices("GPU")
        if not devices:
            raise NoDevice("TensorFlow sees no GPU")
        details = self._tensorflow.config.experimental.get_device_details(devices[0])
        capability = details.get("compute_capability", ())
        return details.get("device_name"), "compute capability " + ".".join(map(str, capability))

    def jit_compile(self):
        # XLA is for accelerators here: Keras 3's own choice.
        return self.device == "gpu"

    def synchronize(self, keras, model):
        self._wait()

    def matrix_product(self, matrix):
        with self._tensorflow.device(self.device):
            left, right = (self._tensorflow.identity(matrix) for _ in range(2))

        def multiply():
            self._tensorflow.matmul(left, right)
            self._wait()

        return multiply

    def _wait(self):
        self._tensorflow.test.experimental.sync_devices()


class Cntk(Backend):
    """Microsoft Cognitive Toolkit."""

    def load(self):
        import cntk
        self._cntk = cntk
        wanted = cntk.device.cpu() if self.device == "cpu" else cntk.device.gpu(0)
        # Keras freezes CNTK's default device when it is imported.
        if not cntk.device.try_set_default_device(wanted):
            raise NoDevice("CNTK cannot use the {}".format(self.device))
        cntk.cntk_py.set_max_num_cputhreads(self.threads)
        return self

    def seed(self, seed):
        self._cntk.cntk_py.set_fixed_random_seed(seed)

    def gpu(self):
        device = self._cntk.device.use_default_device()
        if device.type() != self._cntk.device.DeviceKind.GPU:
            raise NoDevice("CNTK uses no GPU")
        properties = self._cntk.device.get_gpu_properties(device)
        detail = "compute capability {}.{}".format(
            properties.version_major, properties.version_minor)
        return properties.name, detail

    def version(self):
        return self._cntk.__version__

    def matrix_product(self, matrix):
        device = self._cntk.device.use_default_device()
        # CNTK computes anew only what depends on an input; this one is on the device already.
        rows = self._cntk.input_variable(matrix.shape[1])
        values = self._cntk.Value(self._cntk.NDArrayView.from_dense(matrix, device))
        columns = self._cntk.parameter(init=matrix, device=device)
        total = self._cntk.reduce_sum(
            self._cntk.times(rows, columns), self._cntk.Axis.all_axes())
        return lambda: total.eval({rows: values}, device=device)


class Theano(Backend):
    """Theano with its old GPU back end; it compiles C++ for every graph."""

    cache = "theano"

    def environment(self, cache_dir):
        flags = {
            "device": self.device,
            "force_device": "True",  # an error where the GPU cannot be used
            "floatX": "float32",
            "base_compiledir": os.path.join(cache_dir, self.cache),
            "blas.ldflags": "-lopenblas",
        }
        if self.device == "gpu":
            flags["dnn.enabled"] = "True"  # an error where cuDNN cannot be used
        pairs = ("{}={}".format(key, value) for key, value in sorted(flags.items()))
        return {"THEANO_FLAGS": ",".join(pairs)}

    def load(self):
        import theano
        self._theano = theano
        return self

    def gpu(self):
        from theano.sandbox import cuda
        if not cuda.cuda_enabled:
            raise NoDevice("Theano uses no GPU")
        return cuda.active_device_name(), "device {}".format(cuda.active_device_number())

    def version(self):
        return self._theano.__version__

    def matrix_product(self, matrix):
        left, right, result = (self._theano.shared(matrix) for _ in range(3))
        multiply = self._theano.function(
            [], updates=[(result, self._theano.tensor.dot(left, right))])

        def multiply_and_wait():
            multiply()
            np.asarray(result.get_value(borrow=True, return_internal_type=True)[0, 0])

        return multiply_and_wait


class Mxnet(Backend):
    """Apache MXNet; Keras is told its device when a model is compiled."""

    def environment(self, cache_dir):
        return {"MXNET_CPU_WORKER_NTHREADS": str(self.threads)}

    def load(self):
        import mxnet
        self._mxnet = mxnet
        return self

    def seed(self, seed):
        self._mxnet.random.seed(seed)

    def gpu(self):
        try:
            self._mxnet.nd.ones((1,), ctx=self._mxnet.gpu(0)).asnumpy()
        except self._mxnet.MXNetError as error:
            raise NoDevice("MXNet cannot use the GPU: {}".format(error))
        return None, "gpu(0)"

    def version(self):
        return self._mxnet.__version__

    def synchronize(self, keras, model):
        self._mxnet.nd.waitall()

    def matrix_product(self, matrix):
        context = self._mxnet.cpu() if self.device == "cpu" else self._mxnet.gpu(0)
        left, right = (self._mxnet.nd.array(matrix, ctx=context) for _ in range(2))

        def multiply():
            self._mxnet.nd.dot(left, right)
            self._mxnet.nd.waitall()

        return multiply


class Jax(Backend):
    """JAX, under Keras 3."""

    def environment(self, cache_dir):
        # XLA's pool of CPU threads takes its size from NPROC.
        platform = "cpu" if self.device == "cpu" else "cuda"
        return {"JAX_PLATFORMS": platform, "NPROC": str(self.threads)}

    def load(self):
        import jax
        self._jax = jax
        if self.device == "gpu":
            self.gpu()  # where there is none, the import of Keras fails and does not say why
        return self

    def gpu(self):
        try:
            device = self._jax.devices("gpu")[0]
        except (RuntimeError, AssertionError) as error:  # the latter where no plugin is there
            raise NoDevice("JAX sees no GPU: {}".format(error))
        return device.device_kind, str(device)

    def version(self):
        return self._jax.__version__

    def jit_compile(self):
        return True

    def synchronize(self, keras, model):
        self._jax.block_until_ready([weight.value for weight in model.weights])

    def matrix_product(self, matrix):
        left, right = (self._jax.device_put(matrix) for _ in range(2))
        multiply = self._jax.jit(self._jax.numpy.matmul)
        return lambda: multiply(left, right).block_until_ready()


class Torch(Backend):
    """PyTorch, under Keras 3."""

    def load(self):
        import torch
        self._torch = torch
        torch.set_num_threads(self.threads)
        torch.set_num_interop_threads(self.threads)
        return self

    def gpu(self):
        if not self._torch.cuda.is_available():
            raise NoDevice("PyTorch sees no GPU")
        capability = self._torch.cuda.get_device_capability(0)
        detail = "compute capability {}.{}".format(*capability)
        return self._torch.cuda.get_device_name(0), detail

    def version(self):
        return str(self._torch.__version__)

    def jit_compile(self):
        return False  # eager, as PyTorch is used under Keras 3 unless asked otherwise

    def synchronize(self, keras, model):
        self._wait()

    def matrix_product(self, matrix):
        device = "cuda" if self.device == "gpu" else "cpu"
        left, right = (self._torch.tensor(matrix, device=device) for _ in range(2))

        def multiply():
            self._torch.mm(left, right)
            self._wait()

        return multiply

    def _wait(self):
        if self.device == "gpu":
            self._torch.cuda.synchronize()


def _processor():
    """Return the processor's name, or None where the system does not tell it."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        return None
    return names[0] if names else None


BACKENDS = {
    "tensorflow": TensorFlow, "cntk": Cntk, "theano": Theano, "mxnet": Mxnet,
    "jax": Jax, "torch": Torch,
}
