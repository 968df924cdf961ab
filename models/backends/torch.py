"""PyTorch, under Keras 3."""

import shutil

from models.backends.base import NoDevice, Unsupported
from models.backends.keras3 import Keras3Backend

# PyTorch's operators that are one kernel for a layer's work; any other is composed.
FUSED = {
    "aten::_scaled_dot_product_flash_attention": "flash attention",
    "aten::_scaled_dot_product_flash_attention_for_cpu": "flash attention",
    "aten::_scaled_dot_product_efficient_attention": "memory-efficient attention",
    "aten::_scaled_dot_product_cudnn_attention": "attention by cuDNN",
    "aten::_cudnn_rnn": "LSTM by cuDNN",
}
COMPILERS = ("c++", "g++", "clang++")  # one of them makes the code of a compiled step


class Torch(Keras3Backend):
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

    def fused_kernels(self, step):
        host = self._torch.profiler.ProfilerActivity.CPU  # it calls the kernels of a card too
        with self._torch.profiler.profile(activities=[host]) as profile:
            step()
        # Their names as they are: to sum the events up takes longer than the step.
        ran = {event.name() for event in profile.profiler.kineto_results.events()}
        return sorted({name for operator, name in FUSED.items() if operator in ran})

    def version(self):
        return str(self._torch.__version__)

    def multiply_in(self, products):
        # These are for the card alone: a CPU has no TF32.
        self._torch.backends.cuda.matmul.allow_tf32 = products == "tf32"
        self._torch.backends.cudnn.allow_tf32 = products == "tf32"

    def float32_products(self):
        backends = self._torch.backends
        allowed = {
            "products": backends.cuda.matmul.allow_tf32, "cudnn": backends.cudnn.allow_tf32,
        }
        return {name: "tf32" if is_tf32 else "ieee" for name, is_tf32 in allowed.items()}

    def jit_compile(self, jit):
        if jit == "on" and not any(map(shutil.which, COMPILERS)):
            raise Unsupported("jit on: PyTorch compiles with a C++ compiler, and none is here")
        return super(Torch, self).jit_compile(jit)

    def compiles_by_itself(self):
        return False  # eager, as PyTorch is used under Keras 3 unless asked otherwise

    def synchronize(self, keras, model):
        self._wait()

    def matrix_product(self, matrix):
        device = "cuda" if self.device == "gpu" else "cpu"
        dtype = getattr(self._torch, self.compute_dtype)
        left, right = (self._torch.tensor(matrix, device=device, dtype=dtype) for _ in range(2))

        def multiply():
            self._torch.mm(left, right)
            self._wait()

        return multiply

    def _wait(self):
        if self.device == "gpu":
            self._torch.cuda.synchronize()
