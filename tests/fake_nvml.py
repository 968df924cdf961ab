"""A driver that says what a test wants it to say."""

from runner.nvml import Gpu, GpuProcess, GpuSample, Nvml

K80 = Gpu("GPU-k80", "Tesla K80", "470.256.02", (3, 7), 12 << 30)
STRANGER = GpuProcess(4711, 300 << 20, "python3")
XORG = GpuProcess(815, 40 << 20, "Xorg", "graphics")
EMPTY = GpuSample(memory_used_bytes=0)


class FakeNvml(Nvml):
    """One card. Each question is answered by the next of its answers, the last one for ever."""

    def __init__(self, samples=(EMPTY,), processes=((),)):
        self._samples, self._processes = list(samples), list(processes)

    @staticmethod
    def _next(answers):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def cards(self):
        return [K80]

    def sample(self, uuid):
        assert uuid == K80.uuid
        return self._next(self._samples)

    def processes(self, uuid):
        assert uuid == K80.uuid
        answer = self._next(self._processes)
        return None if answer is None else list(answer)
