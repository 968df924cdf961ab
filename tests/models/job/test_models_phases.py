"""Predicting: whole passes, and the latency of single batches."""

import io
import json

import numpy as np
import pytest

from models.datasets.batches import batches, length_of
from models.job import events
from models.job.phases import predict
from models.workloads import registry


class Keras:
    """Predicts at once, and says what it was given."""

    def __init__(self, output):
        self.output, self.sizes = output, []

    def synchronize(self, model):
        pass

    def predict(self, model, x, batch_size):
        self.sizes.append(batch_size)
        return np.full((len(x), 10), self.output, "float32")

    def predict_batch(self, model, x):
        self.sizes.append(len(x))
        return np.zeros((len(x), 10))


class Part:
    def __init__(self, samples):
        self.x, self.y = np.zeros((samples, 4)), np.zeros(samples)


class Parts:
    train = Part(50)


def emitted(keras):
    workload = registry.workload("mnist_mlp")
    workload.adjust("predict", batch_size=16, epochs=2)
    file = io.BytesIO()
    ended = predict.run(workload, keras, None, Parts, events.EventStream(file))
    return [json.loads(line) for line in file.getvalue().splitlines()], ended


def test_each_pass_is_an_epoch_that_learns_nothing():
    keras = Keras(0.1)
    said, ended = emitted(keras)
    assert [event["event"] for event in said] == ["epoch", "epoch", "latency"]
    assert [(e["epoch"], e["samples"]) for e in said[:2]] == [(1, 50), (2, 50)]
    assert {event["loss"] for event in said[:2]} == {None}
    assert (ended["test_loss"], ended["test_accuracy"]) == (None, None)
    assert set(keras.sizes) == {16}  # the last 2 of 50 samples are no batch


def test_outputs_that_are_no_numbers_have_no_time():
    with pytest.raises(predict.NotFinite):
        emitted(Keras(float("nan")))


def clock(times):
    return iter(times).__next__


def test_percentiles_are_those_of_the_nearest_rank():
    # The end is reckoned first; of each batch the begin and the end, then whether there is time.
    durations = [float(number) for number in range(1, 11)]
    times = [0.0]
    for number, duration in enumerate(durations):
        times += ([0.0] if number else []) + [0.0, duration]
    found = predict.latency([1, 2], lambda batch: None, clock([*times, 99.0]))
    assert found == {"p50_seconds": 5.0, "p90_seconds": None, "p99_seconds": None, "batches": 10}


def test_a_percentile_is_told_where_there_are_enough_batches():
    found = predict.latency([1], lambda batch: None)
    assert found["batches"] == predict.MOST_BATCHES
    assert 0 < found["p50_seconds"] <= found["p90_seconds"] <= found["p99_seconds"]


@pytest.mark.parametrize(("phase", "is_transformed"), [("train", True), ("predict", False)])
def test_images_are_transformed_while_training_alone(phase, is_transformed):
    workload = registry.workload("cifar10_cnn")
    workload.adjust(phase, None, None)
    assert (workload.augmentation is not None) == is_transformed


@pytest.mark.parametrize("kind", [lambda x: x, lambda x: [x, x], lambda x: {"a": x}])
def test_batches_are_whole(kind):
    found = predict.whole_batches(kind(np.arange(10)), 4)
    assert [length_of(batch) for batch in found] == [4, 4]
    assert [length_of(batch) for batch in batches(kind(np.arange(10)), 4)] == [4, 4, 2]
