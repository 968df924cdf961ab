"""What bounds a job's speed: its operations, the device's fastest matrix product, its input.

All this is measured after training and test, so that it changes nothing that was timed before.
"""

import time
import traceback

import numpy as np

from models.job import flops

SIZES = {"cpu": (512, 1024, 2048), "gpu": (1024, 2048, 4096, 8192)}
REPEATS = 3
PEAK_SECONDS = 2.0
INPUT_SECONDS = 0.5
INPUT_BATCHES = 50


def measure(workload, keras, model, part):
    """Return the fields of the ``limits`` event; None stands for what cannot be had."""
    begin = time.perf_counter()
    operations = attempt(flops.forward, model.layers, keras.shapes)
    rate, size = attempt(peak, keras.backend) or (None, None)
    steps = keras.steps_per_epoch(workload, part)
    seconds, batches = attempt(input_pipeline, workload, keras, part, steps) or (None, None)
    return {
        "flops_per_sample_forward": operations,
        "flops_per_sample_training": operations and flops.TRAINING * operations,
        "steps_per_epoch": steps,
        "peak_flops_per_second": rate,
        "matmul_size": size,
        "input_seconds_per_epoch": seconds,
        "input_batches": batches,
        "seconds": time.perf_counter() - begin,
    }


def peak(backend, read=time.perf_counter):
    """Return (operations a second, rows) of the fastest product of square matrices."""
    end = read() + PEAK_SECONDS
    rates = []
    for size in SIZES[backend.device]:
        seconds = _fastest(backend.matrix_product(_matrix(size)), read)
        rates.append((2 * size ** 3 / seconds, size))
        if read() + (1 + REPEATS) * 8 * seconds > end:  # twice the size, eight times the work
            break
    return max(rates)


def input_pipeline(workload, keras, part, steps, read=time.perf_counter):
    """Return (seconds to make an epoch's batches, batches measured), or None for whole arrays."""
    if workload.augmentation is None:
        return None
    batches = keras.batches(workload, part)
    next(batches)  # what is done once is no part of an epoch
    begin, seconds, count = read(), 0.0, 0
    while count < INPUT_BATCHES and seconds < INPUT_SECONDS:
        next(batches)
        seconds, count = read() - begin, count + 1
    return seconds / count * steps, count


def attempt(function, *arguments):
    """Return the function's result, or None with the reason in the log.

    A job has done its work by now: what its framework cannot tell must not fail it.
    """
    try:
        return function(*arguments)
    except Exception:
        traceback.print_exc()
        return None


def _fastest(product, read):
    """Return the seconds of the fastest call, after one to warm up."""
    product()
    seconds = []
    for _ in range(REPEATS):
        begin = read()
        product()
        seconds.append(read() - begin)
    return min(seconds)


def _matrix(size):
    """Return a random float32 (size, size), 0 to 1."""
    return np.random.RandomState(0).random_sample((size, size)).astype("float32")
