"""A backend: its environment, threads, device, seed, synchronization and fastest work.

What a backend reads from its environment is set by the job before anything is imported, never by
a file in a home folder.
"""


class NoDevice(Exception):
    """The device asked for cannot be used."""


class Unsupported(Exception):
    """What is asked for is nothing that this backend can do here; the message says why."""


class Backend(object):
    """A Keras backend on one device, "cpu" or "gpu".

    ``threads`` is how many it is given, or None: then nothing is set, and its own default holds.
    """

    cache = None  # the folder under the job's cache folder that holds compiled code
    axes = ()  # those that it acts on in ``set_axes``, beside those that every job does

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

    def set_axes(self, values):
        """Act on the values of ``axes``, by name, once Keras is imported and before all else."""

    def set_precision(self, keras, precision):
        """Set how numbers are multiplied and kept, before a network is built.

        Raises ``Unsupported`` for a precision that this backend does not have.
        """
        if precision != "float32":
            raise Unsupported("precision {}: there is float32 only".format(precision))

    def precision_seen(self):
        """Return how numbers are multiplied and kept, as Keras and the framework say themselves."""
        return {"dtype": "float32"}

    def seed(self, seed):
        """Seed the backend's own random numbers."""

    def gpu(self):
        """Return (name, detail) of the GPU in use, or raise ``NoDevice``."""
        raise NotImplementedError

    def gpu_peak_memory(self):
        """Return the most bytes of the GPU's memory in use at once, as the framework counts them.

        None on a CPU, and where the framework does not tell. What it reserved and did not use, and
        what the driver holds for it, is not in it.
        """

    def fused_kernels(self, step):
        """Return the names of the fused kernels that ran, or None where that is not known.

        ``step()`` does one more step of what the job did, for who must look at one.
        """

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

        ``matrix`` is float32 (size, size), and is multiplied in the precision that was set. The
        operands lie on the device beforehand, and the result stays there.
        """
        raise NotImplementedError

    def compile_options(self):
        """Return what a model's compile() is told of the backend."""
        return {}

    def device_seen(self):
        """Return the device as the framework sees it."""
        if self.device == "cpu":
            return {"type": "cpu", "name": processor(), "detail": None}
        name, detail = self.gpu()
        return {"type": "gpu", "name": name, "detail": detail}


def processor():
    """Return the processor's name, or None where the system does not tell it."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        return None
    return names[0] if names else None
