"""The epoch clock: seconds from an epoch's begin to its end, validation included.

It hooks epochs only: a hook on batches would make some backends synchronize at every step, and
so change what it measures.
"""

import time


class EpochClock(object):
    """Reads the time with the device idle and reports each epoch after reading it."""

    def __init__(self, synchronize, report, read=time.perf_counter):
        self._synchronize = synchronize
        self._report = report
        self._read = read
        self._begin = None

    def begin(self):
        """Start timing an epoch."""
        self._begin = self._now()

    def end(self, epoch, logs):
        """Stop timing ``epoch``, counted from 0; its report counts from 1, in seconds."""
        seconds = self._now() - self._begin
        self._report(epoch + 1, seconds, logs)

    def _now(self):
        self._synchronize()
        return self._read()


def as_callback(clock, base):
    """Return ``clock`` as a Keras callback, where ``base`` is the installed Keras's own class."""

    class EpochCallback(base):
        """Epoch hooks and no others."""

        def on_epoch_begin(self, epoch, logs=None):
            clock.begin()

        def on_epoch_end(self, epoch, logs=None):
            clock.end(epoch, logs or {})

    return EpochCallback()
