"""The validity gate over recorded streams, good and bad: each fault is caught and named."""

import math
from dataclasses import replace

import pytest

from launcher_contract import make_job
from runner import paths
from runner.execution.validity import validity_objection
from runner.spec.job import Status
from runner.spec.workload import WORKLOADS, DataSource
from runner.store.events import BadLine, EpochEvent, LimitsEvent, ModelEvent, parse_event
from runner.store.record import read_job, read_record

JOB = make_job("mnist_mlp", data=DataSource.REAL)


def model(parameters=669_706):
    return ModelEvent.model_validate({
        "event": "model", "schema": 1, "parameters": parameters, "expected_parameters": parameters,
        "layers": [], "hyperparameters": {}, "image_data_format": "channels_last", "seconds": 1,
        "at": 100.0,
    })  # fmt: skip


def epoch(number, **changes):
    fields = {
        "loss": 1.0 / number, "val_loss": 1.0, "accuracy": 0.9, "val_accuracy": 0.95,
        "seconds": 3.0, "samples": 60_000, "at": 100.0 + 3.1 * number,
    }  # fmt: skip
    return EpochEvent(event="epoch", schema=1, epoch=number, **{**fields, **changes})


def limits(peak=1e11):
    return LimitsEvent.model_validate({
        "event": "limits", "schema": 1, "flops_per_sample_forward": 1_000_000,
        "flops_per_sample_training": 3_000_000, "steps_per_epoch": 469,
        "peak_flops_per_second": peak, "matmul_size": 1024, "input_seconds_per_epoch": None,
        "input_batches": None, "seconds": 1,
    })  # fmt: skip


def stream(*epochs, **changes):
    return [model(**changes), *(epochs or (epoch(1), epoch(2))), limits()]


def test_a_good_stream_passes():
    assert validity_objection(JOB, stream()) is None


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (stream(parameters=669_707), "669,707 parameters instead of 669,706"),
        (stream(epoch(1), epoch(2, loss=math.nan)), "the loss of epoch 2 is nan"),
        (stream(epoch(1), epoch(2, val_loss=math.inf)), "its validation's inf"),
        (stream(epoch(1), epoch(2, val_accuracy=math.nan)), "an accuracy of epoch 2 is nan"),
        (stream(epoch(1), epoch(2, accuracy=17.0)), "an accuracy of epoch 2 is 17.0"),
        (stream(epoch(1), epoch(2, loss=1.5)), "the loss does not fall: 1 at first, 1.5 at last"),
        (
            stream(epoch(1, val_accuracy=0.1), epoch(2, val_accuracy=0.11)),
            "accuracy 0.110 is below",
        ),
        (stream(epoch(1), epoch(2, seconds=0.2)), "epoch 2 took 0.2 s: that is 9e+11"),
        (stream(epoch(1), epoch(2, seconds=6.0)), "epoch 2 says 6 s, the wall clock 3.1 s"),
    ],
)
def test_each_fault_is_named(events, reason):
    assert reason in validity_objection(JOB, events)


def test_what_a_model_does_not_measure_is_not_judged():
    job = make_job("bert_base", data=DataSource.SYNTHETIC)
    unmeasured = {"accuracy": None, "val_loss": None, "val_accuracy": None}
    good = [epoch(n, loss=0.7 / n, samples=320, **unmeasured) for n in range(1, 7)]
    assert validity_objection(job, stream(*good, parameters=108_311_810)) is None
    bad = [*good[:-1], epoch(6, loss=math.nan, **unmeasured)]
    objection = validity_objection(job, stream(*bad, parameters=108_311_810))
    assert objection == "the loss of epoch 6 is nan"


def test_a_floor_holds_where_no_accuracy_is_told():
    silent = [epoch(n, accuracy=None, val_accuracy=None) for n in (1, 2)]
    assert "validation accuracy nan is below" in validity_objection(JOB, stream(*silent))


def test_a_few_steps_of_a_fresh_net_are_not_judged_by_what_they_learnt():
    few = [epoch(n, samples=128, loss=2.3, val_accuracy=0.1) for n in (1, 2)]
    assert validity_objection(JOB, stream(*few)) is None


@pytest.mark.parametrize(
    ("name", "samples", "losses", "reason"),
    [
        ("mnist_mlp", 2_560, [12.8, 14.3], "the loss does not fall: 12.8 at first, 14.3 at last"),
        ("mnist_mlp", 512, [12.8, 14.3], "the loss does not fall"),
        ("mnist_mlp", 512, [2.3, 2.5], "the loss does not fall"),
        ("mnist_cnn", 2_560, [14.4], "the loss of the last epoch is 14.4, and guessing among 10"),
        ("mnist_cnn", 512, [14.5, 14.4], "guessing among 10 classes gives 2.303"),
        ("babi_rnn", 950, [3.4, 9.0], "the loss does not fall"),
        ("babi_rnn", 950, [9.1, 9.0], "guessing among 36 classes gives 3.584"),
        ("mnist_mlp", 256, [2.4, 4.1], None),
        ("mnist_mlp", 1_024, [3.0], None),
        ("mnist_cnn", 512, [2.30, 2.31], None),
    ],
)
def test_a_net_that_does_not_learn_is_seen_from_1024_samples_on(name, samples, losses, reason):
    said = [
        epoch(n, samples=samples, loss=loss, val_accuracy=0.1)
        for n, loss in enumerate(losses, start=1)
    ]
    objection = validity_objection(
        make_job(name, data=DataSource.SYNTHETIC),
        stream(*said, parameters=WORKLOADS[name].parameters),
    )
    assert reason in objection if reason else objection is None


def test_every_kept_job_that_was_ok_passes():
    jobs = [
        path for path in paths.MEASURED.glob("*/jobs/*/") if read_record(path).status is Status.OK
    ]
    assert len(jobs) >= 20
    for path in jobs:
        found = map(parse_event, (path / "events.jsonl").read_bytes().splitlines())
        said = [event for event in found if not isinstance(event, BadLine)]
        assert len(said) >= 5
        assert validity_objection(read_job(path), said) is None, path


def test_floors_lie_over_chance_and_are_for_real_pairs():
    for name, workload in WORKLOADS.items():
        assert set(workload.floors) <= set(workload.sources)
        for floor in workload.floors.values():
            assert floor.accuracy > (1 / 36 if name == "babi_rnn" else 0.1)


def test_without_a_measured_peak_speed_is_not_judged():
    events = [*stream(epoch(1), epoch(2, seconds=0.001))[:-1], limits(peak=None)]
    assert validity_objection(JOB, events) is None


def test_other_data_have_other_floors():
    job = replace(JOB, data=DataSource.SYNTHETIC, model="babi_rnn")
    assert validity_objection(job, stream(parameters=45_836)) is None
