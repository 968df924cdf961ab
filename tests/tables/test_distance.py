"""The event of what bounds a job's speed, and the time that every event carries."""

import json

import pytest

from runner.report.cells import throughput_table
from runner.store.events import BadLine, LimitsEvent, parse_event
from runner.tables.distance import throughput_rows
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from steady_runs import CELLS, steady_run

LIMITS = {
    "event": "limits", "schema": 1, "at": 1.5e9, "flops_per_sample_forward": 1337344,
    "flops_per_sample_training": 4012032, "steps_per_epoch": 469, "peak_flops_per_second": 5e10,
    "matmul_size": 2048, "input_seconds_per_epoch": 0.5, "input_batches": 50, "seconds": 1.2,
}  # fmt: skip
END = {
    "event": "end", "schema": 1, "test_loss": 1.0, "test_accuracy": 0.5, "test_seconds": 0.1,
    "peak_memory_bytes": 1,
}  # fmt: skip
OPTIONAL = (
    "flops_per_sample_forward",
    "flops_per_sample_training",
    "peak_flops_per_second",
    "matmul_size",
    "input_seconds_per_epoch",
    "input_batches",
)


def line(event, **changes) -> bytes:
    return json.dumps({**event, **changes}).encode()


def test_limits_are_read():
    event = parse_event(line(LIMITS))
    assert isinstance(event, LimitsEvent)
    assert (event.at, event.peak_flops_per_second) == (1.5e9, 5e10)


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_could_not_be_had_is_null(name):
    assert getattr(parse_event(line(LIMITS, **{name: None})), name) is None


@pytest.mark.parametrize("name", [*OPTIONAL, "steps_per_epoch", "seconds", "at"])
@pytest.mark.parametrize("value", [-1, "NaN", "Infinity"])
def test_a_limit_is_a_number_that_can_be(name, value):
    bad = parse_event(line(LIMITS, **{name: value}))
    assert isinstance(bad, BadLine)
    assert name in bad.problem


def test_an_older_stream_without_times_stays_valid():
    event = parse_event(line(END))
    assert not isinstance(event, BadLine)
    assert event.at is None


def test_throughput_is_of_the_time_that_the_table_shows(tmp_path):
    table = load_runs(steady_run(tmp_path))
    summary = summarize(table)
    found = throughput_rows(table, summary)
    seconds = summary["seconds_per_epoch"]
    assert found["samples_per_second"].tolist() == pytest.approx(summary["samples"] / seconds)
    steps = table["steps_per_epoch"].dropna().unique()
    batches = -(-table["samples"].max() // table["batch_size"].max())
    expected = steps[0] if len(steps) else batches
    assert found["ms_per_step"].tolist() == pytest.approx(1000 * seconds / expected)
    assert found["peak_memory_bytes"].tolist() == [table["peak_memory_bytes"].max()] * 2


def test_a_cell_without_a_time_has_no_throughput(tmp_path):
    table = load_runs(steady_run(tmp_path, {**CELLS, ("mnist_mlp", "cntk"): 0}))
    summary = summarize(table)
    found = throughput_rows(table, summary)
    is_timed = summary["seconds_per_epoch"].notna().tolist()
    assert sorted(is_timed) == [False, True]
    assert found["samples_per_second"].notna().tolist() == is_timed


def test_memory_and_energy_are_of_the_device_that_the_job_ran_on(tmp_path):
    table = load_runs(steady_run(tmp_path))
    table["cpu_joules_per_epoch"] = 50.0
    summary = summarize(table)
    found = throughput_rows(table, summary)
    assert found["joules_per_epoch"].tolist() == [50.0] * len(summary)
    assert found["samples_per_joule"].tolist() == pytest.approx(summary["samples"] / 50)
    assert found["gpu_peak_memory_bytes"].isna().all()
    assert "peak GPU memory" not in throughput_table(table, summary).columns
    on_gpu = table.assign(device="gpu", gpu_joules_per_epoch=200.0, gpu_peak_memory_bytes=3 << 30)
    summary = summarize(on_gpu)
    found = throughput_rows(on_gpu, summary)
    assert found["joules_per_epoch"].tolist() == [200.0] * len(summary)
    shown = throughput_table(on_gpu, summary)
    assert shown["peak GPU memory"].tolist() == ["3 GiB"] * len(summary)
    assert shown["samples/J"].notna().all()
