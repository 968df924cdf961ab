"""Training with its validation, timed epoch by epoch, and a test of what was learnt."""

import time

from models.datasets.batches import rows_of
from models.job import clock


def prepare(keras, model):
    """Compile what trains and validates."""
    keras.compile_training(model)


def run(workload, keras, model, parts, stream):
    """Train, an event after each epoch, and return how the trained network does in its test."""
    samples = keras.samples_per_epoch(workload, parts.train)

    def report(epoch, seconds, logs):
        stream.emit("epoch", epoch=epoch, seconds=seconds, samples=samples, **keras.scores(logs))

    epoch_clock = clock.EpochClock(lambda: keras.synchronize(model), report)
    keras.fit(model, workload, parts, workload.epochs, epoch_clock)
    return _test(workload, keras, model, parts.test)


def step(workload, keras, model, parts):
    """Train on one batch, as it is before images are transformed."""
    x, y = (rows_of(of, 0, workload.batch_size) for of in (parts.train.x, parts.train.y))
    keras.train_batch(model, workload, parts.train._replace(x=x, y=y))


def _test(workload, keras, model, part):
    begin = time.perf_counter()
    loss, accuracy = keras.evaluate(model, part, workload.batch_size)
    return {
        "test_loss": loss, "test_accuracy": accuracy, "test_seconds": time.perf_counter() - begin,
    }
