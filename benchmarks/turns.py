"""One training whose epochs are measured by the project's clock and by a stopwatch, in turns.

Runs inside an image, on Python 3.5 and up. Arguments: the spec of a job as JSON. The last event,
``turns``, holds for each way of measuring the seconds from one epoch's begin to the next one's, as
read by neither of the two.
"""

import json
import sys
import time

from models.job import clock, events, phases, process, spec
from models.workloads import registry

# The first epochs warm up: compilation, caches, memory.
WARM_UP = 2
OURS_FIRST, BARE_FIRST = ("ours", "bare"), ("bare", "ours")


class Stopwatch:
    """What a tutorial has: two readings of the time."""

    def begin(self):
        self._begin = time.time()

    def end(self, epoch, logs):
        self.seconds = time.time() - self._begin


class Turns:
    """Gives an epoch to one of the ways of measuring and times it from outside.

    Epoch for epoch the order is ours, bare, bare, ours: a drift weighs on both alike.
    """

    def __init__(self, ways):
        self._ways = ways
        self._count = 0
        self._begin = None
        self.periods = {name: [] for name in ways}

    def begin(self):
        now = time.perf_counter()
        if self._count > WARM_UP:
            self.periods[self._name].append(now - self._begin)
        turn = self._count - WARM_UP
        order = OURS_FIRST if turn // 2 % 2 == 0 else BARE_FIRST
        self._name = order[turn % 2]
        self._count += 1
        self._begin = time.perf_counter()
        self._ways[self._name].begin()

    def end(self, epoch, logs):
        self._ways[self._name].end(epoch, logs)


def main(argument):
    stream = events.take_over_stdout()
    asked = spec.parse(json.loads(argument)["job"])
    pairs = json.loads(argument)["pairs"]
    workload = registry.workload(asked.model, asked.size)
    workload.adjust(asked.phase, asked.batch_size, asked.epochs)
    keras = process.start(asked, workload, process.empty_home(), stream)
    parts = process.load(asked, workload, stream)
    model = process.build(asked, workload, keras, phases.load(asked.phase), stream)
    samples = keras.samples_per_epoch(workload, parts.train)

    def report(epoch, seconds, logs):
        stream.emit("epoch", epoch=epoch, seconds=seconds, samples=samples, **keras.scores(logs))

    ours = clock.EpochClock(lambda: keras.synchronize(model), report)
    turns = Turns({"ours": ours, "bare": Stopwatch()})
    # One epoch more than is counted: its begin ends the last one's time.
    keras.fit(model, workload, parts, WARM_UP + 2 * pairs + 1, turns)
    stream.emit("turns", **turns.periods)


main(sys.argv[1])
