"""A driver that says what a test wants it to say."""

from runner.machine.gpu import Cards, Gpu, GpuProcess, GpuSample, Nvml

K80 = Gpu("GPU-k80", "Tesla K80", "470.256.02", (3, 7), 12 << 30)
STRANGER = GpuProcess(4711, 300 << 20, "python3")
XORG = GpuProcess(815, 40 << 20, "Xorg", "graphics")
EMPTY = GpuSample(memory_used_bytes=0)


def shown(*cards):
    """Return the driver's answer where it shows these."""
    return Cards(dict(enumerate(cards)), {}, K80.driver)


class FakeNvml(Nvml):
    """One card, or those it is given.

    Each question is answered by the next of its answers, the last one for ever.
    """

    def __init__(self, samples=(EMPTY,), processes=((),), cards=(K80,)):
        self._cards = list(cards)
        self._samples, self._processes = list(samples), list(processes)

    @staticmethod
    def _next(answers):
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def cards(self):
        return shown(*self._cards)

    def sample(self, uuid):
        assert uuid in [card.uuid for card in self._cards]
        return self._next(self._samples)

    def processes(self, uuid):
        assert uuid in [card.uuid for card in self._cards]
        answer = self._next(self._processes)
        return None if answer is None else list(answer)
