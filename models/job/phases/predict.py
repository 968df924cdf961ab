"""Predicting without training: whole passes over the data, and the latency of single batches.

An epoch is one pass over the training data, its outputs brought to the host: Keras's ``predict``,
or what a model that generates does instead.
The latency is that of one batch after the other, each waited for.
"""

import time

import numpy as np

from models.datasets.batches import batches, length_of, rows_of
from models.job import clock

SCORES = ("loss", "accuracy", "val_loss", "val_accuracy")  # nothing is learnt
WARM_UP = 3
MOST_BATCHES = 200
LATENCY_SECONDS = 10.0
# A percentile is told where it is not one of the few longest alone.
LEAST_FOR = {50: 3, 90: 20, 99: 100}


class NotFinite(Exception):
    """A network's outputs are no numbers."""


def prepare(keras, model):
    """Compile what predicts."""
    keras.compile_predicting(model)


def run(workload, keras, model, parts, stream):
    """Predict, an event after each pass; then emit the latency of batches."""
    x = workload.asked(parts.train.x)
    samples = length_of(x)

    def report(epoch, seconds, _):
        stream.emit(
            "epoch", epoch=epoch, seconds=seconds, samples=samples, **dict.fromkeys(SCORES))

    epoch_clock = clock.EpochClock(lambda: keras.synchronize(model), report)
    for epoch in range(workload.epochs):
        epoch_clock.begin()
        outputs = workload.predict(keras, model, x)
        epoch_clock.end(epoch, {})
        check_finite(outputs)
    single = whole_batches(x, min(workload.batch_size, samples))
    stream.emit("latency", **latency(single, workload.predictor(keras, model)))
    return {"test_loss": None, "test_accuracy": None, "test_seconds": 0.0}


def step(workload, keras, model, parts):
    """Predict one batch."""
    x = workload.asked(parts.train.x)
    workload.predictor(keras, model)(rows_of(x, 0, workload.batch_size))


def check_finite(outputs):
    """Raise ``NotFinite`` where an output is none: a network of NaN predicts fast."""
    for output in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
        if not np.isfinite(np.asarray(output, dtype="float32")).all():
            raise NotFinite("some of the network's outputs are not finite")


def whole_batches(x, size):
    """Return the batches of inputs that have ``size`` rows, not more than are timed."""
    return [part for part in batches(x, size) if length_of(part) == size][:MOST_BATCHES]


def latency(batches, predict, read=time.perf_counter):
    """Return the fields of the ``latency`` event: percentiles in seconds, by the nearest rank.

    ``predict`` returns when a batch's outputs are on the host. The first calls warm up. None stands
    for a percentile that so few batches do not tell.
    """
    for batch in (batches * WARM_UP)[:WARM_UP]:
        predict(batch)
    seconds = []
    end = read() + LATENCY_SECONDS
    while len(seconds) < MOST_BATCHES and (not seconds or read() < end):
        batch = batches[len(seconds) % len(batches)]
        begin = read()
        predict(batch)
        seconds.append(read() - begin)
    seconds.sort()
    figures = {
        "p{}_seconds".format(percent): seconds[-(-percent * len(seconds) // 100) - 1]
        if len(seconds) >= least else None
        for percent, least in LEAST_FOR.items()
    }
    return dict(figures, batches=len(seconds))
