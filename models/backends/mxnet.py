"""MXNet, under Keras 1 and 2."""

from models.backends.base import Backend, NoDevice


class Mxnet(Backend):
    """Apache MXNet; Keras is told its device when a model is compiled."""

    def environment(self, cache_dir):
        if self.threads is None:
            return {}
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

    def compile_options(self):
        return {"context": ["gpu(0)" if self.device == "gpu" else "cpu"]}

    def synchronize(self, keras, model):
        self._mxnet.nd.waitall()

    def matrix_product(self, matrix):
        context = self._mxnet.cpu() if self.device == "cpu" else self._mxnet.gpu(0)
        left, right = (self._mxnet.nd.array(matrix, ctx=context) for _ in range(2))

        def multiply():
            self._mxnet.nd.dot(left, right)
            self._mxnet.nd.waitall()

        return multiply
