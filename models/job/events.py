"""The event stream: one JSON object a line on the job's own standard output.

Frameworks print to file descriptor 1 from Python and from C++. The stream therefore keeps a
private copy of descriptor 1 and points 1 at 2, so that whatever they say goes to the log.
"""

import json
import math
import os
import sys
import time

import numpy as np

SCHEMA = 1
MAX_MESSAGE = 2000


class EventStream(object):
    """Writes events to a binary file, a line each, flushed at once."""

    def __init__(self, file):
        self._file = file

    def emit(self, event, **fields):
        """Write one event."""
        record = dict(fields, event=event, schema=SCHEMA, at=time.time())
        line = json.dumps(plain(record), sort_keys=True, allow_nan=False)
        self._file.write(line.encode("ascii") + b"\n")
        self._file.flush()

    def error(self, error):
        """Write the event that ends a failed job."""
        self.emit("error", type=type(error).__name__, message=one_line(str(error)))


def take_over_stdout():
    """Return an event stream on descriptor 1, and send everybody else's output to 2."""
    sys.stdout.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    return EventStream(os.fdopen(private, "wb"))


def plain(value):
    """Return ``value`` in types that strict JSON knows; a non-finite number becomes its name."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return _non_finite_name(value)
    return value


def one_line(text):
    """Return ``text`` on one line, cut to the length an error message may have."""
    return " ".join(text.split())[:MAX_MESSAGE]


def _non_finite_name(value):
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
