"""CNTK, under Keras 2."""

from models.backends.base import Backend, NoDevice


class Cntk(Backend):
    """Microsoft Cognitive Toolkit."""

    def load(self):
        import cntk
        self._cntk = cntk
        wanted = cntk.device.cpu() if self.device == "cpu" else cntk.device.gpu(0)
        # Keras freezes CNTK's default device when it is imported.
        if not cntk.device.try_set_default_device(wanted):
            raise NoDevice("CNTK cannot use the {}".format(self.device))
        if self.threads is not None:
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
