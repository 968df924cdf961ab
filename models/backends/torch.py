"""PyTorch, under Keras 3."""

from models.backends.base import Backend, NoDevice


class Torch(Backend):
    """PyTorch, under Keras 3."""

    def load(self):
        import torch
        self._torch = torch
        if self.threads is not None:
            torch.set_num_threads(self.threads)
            torch.set_num_interop_threads(self.threads)
        return self

    def gpu(self):
        if not self._torch.cuda.is_available():
            raise NoDevice("PyTorch sees no GPU")
        capability = self._torch.cuda.get_device_capability(0)
        detail = "compute capability {}.{}".format(*capability)
        return self._torch.cuda.get_device_name(0), detail

    def gpu_peak_memory(self):
        return self._torch.cuda.max_memory_allocated(0) if self.device == "gpu" else None

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
