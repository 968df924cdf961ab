"""The backends: environment, threads, device, random seed and synchronization of each.

What a backend reads from its environment is set by the job before anything is imported, never by
a file in a home folder.
"""

import os


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
        config = self._tensorflow.ConfigProto(
            intra_op_parallelism_threads=self.threads, inter_op_parallelism_threads=self.threads)
        keras.backend.set_session(self._tensorflow.Session(config=config))

    def seed(self, seed):
        self._tensorflow.set_random_seed(seed)

    def gpu(self):
        from tensorflow.python.client import device_lib
        for device in device_lib.list_local_devices():
            if device.device_type == "GPU":
                return None, device.physical_device_desc
        raise NoDevice("TensorFlow sees no GPU")


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
