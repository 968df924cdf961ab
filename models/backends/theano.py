"""Theano, under Keras 2: told everything by its flags, before its import."""

import os

import numpy as np

from models.backends.base import Backend, NoDevice


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
