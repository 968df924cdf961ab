"""How a job ended, by what it says: no forged stream is ok, and none is without bound."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher_contract import make_job
from runner.execution.outcome import FloodError, Heard, conclude, other_card
from runner.launchers.base import Exit
from runner.spec.job import Status
from runner.store.events import parse_event
from scripted import stream

JOB = make_job(epochs=3)
START, DATA, MODEL, FIRST, SECOND, THIRD, END = (json.loads(line) for line in stream())


def judged(said, job=JOB, **disturbed):
    heard = Heard(job)
    for event in said:
        heard.add(parse_event(json.dumps(event).encode()))
    assert heard.bad_lines == 0
    return conclude(job, heard, Exit(0), "", **disturbed)


def test_what_a_job_says_is_ok():
    assert judged([START, DATA, MODEL, FIRST, SECOND, THIRD, END]).status is Status.OK


ORDER = "the events came as"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([{**START, "model": "mnist_cnn"}, DATA, MODEL, FIRST, SECOND, THIRD, END], "mnist_cnn"),
        ([{**START, "backend": "theano"}, DATA, MODEL, FIRST, SECOND, THIRD, END], "theano"),
        ([{**START, "threads": 64}, DATA, MODEL, FIRST, SECOND, THIRD, END], "threads 64"),
        ([{**START, "seed": 7}, DATA, MODEL, FIRST, SECOND, THIRD, END], "seed 7"),
        ([START, {**DATA, "source": "real"}, MODEL, FIRST, SECOND, THIRD, END], "data source real"),
        (
            [START, DATA, {**MODEL, "image_data_format": "channels_first"}, FIRST, SECOND, THIRD,
             END],
            "image data format channels_first",
        ),
        ([START, DATA, MODEL, FIRST, SECOND, {**THIRD, "samples": 80}, END], "8 to 80 samples"),
        ([START, DATA, MODEL, SECOND, FIRST, THIRD, END], "the epochs came as [2, 1, 3]"),
        ([START, DATA, MODEL, FIRST, SECOND, END], "2 epochs came, 3 were asked for"),
        ([START, DATA, MODEL, FIRST, SECOND, THIRD, END, END], ORDER),
        ([START, DATA, MODEL, FIRST, SECOND, THIRD, END, START], ORDER),
        ([START, START, DATA, MODEL, FIRST, SECOND, THIRD, END], ORDER),
        ([START, DATA, DATA, MODEL, FIRST, SECOND, THIRD, END], ORDER),
        ([START, DATA, MODEL, MODEL, FIRST, SECOND, THIRD, END], ORDER),
        ([END, START, DATA, MODEL, FIRST, SECOND, THIRD], ORDER),
        ([START, DATA, MODEL, FIRST, SECOND, END, THIRD], ORDER),
        ([START, DATA, MODEL, FIRST, SECOND, THIRD, END,
          {**START, "model": "mnist_cnn"}, DATA, MODEL, END], ORDER),
        ([START, DATA, {**MODEL, "parameters": 1, "expected_parameters": 1}, FIRST, SECOND, THIRD,
          END], "1 parameters instead of 669,706"),
    ],
)  # fmt: skip
def test_a_forged_stream_is_invalid_and_says_why(said, reason):
    outcome = judged(said)
    assert outcome.status is Status.INVALID
    assert reason in outcome.reason


@given(st.lists(st.sampled_from([START, DATA, MODEL, FIRST, SECOND, THIRD, END]), max_size=12))
def test_no_other_arrangement_is_ok(said):
    is_ok = judged(said).status is Status.OK
    assert is_ok == (said == [START, DATA, MODEL, FIRST, SECOND, THIRD, END])


def test_without_a_number_of_epochs_the_models_own_is_asked_for():
    outcome = judged([START, DATA, MODEL, FIRST, SECOND, THIRD, END], make_job(epochs=None))
    assert (outcome.status, outcome.reason) == (
        Status.INVALID, "3 epochs came, 20 were asked for",
    )  # fmt: skip


def test_more_events_than_a_job_can_say_are_refused():
    heard = Heard(JOB)
    event = parse_event(json.dumps(FIRST).encode())
    with pytest.raises(FloodError, match="more than 19 events"):
        for _ in range(1000):
            heard.add(event)
    assert len(heard.events) == 19


def test_lines_that_are_no_events_are_counted_and_not_kept():
    heard = Heard(JOB)
    for _ in range(1000):
        heard.add(parse_event(b"rubbish"))
    assert (heard.bad_lines, heard.events) == (1000, [])


PEAK = {
    "event": "limits", "schema": 1, "flops_per_sample_forward": 10**9,
    "flops_per_sample_training": 3 * 10**9, "steps_per_epoch": 1, "peak_flops_per_second": 1e9,
    "matmul_size": 512, "input_seconds_per_epoch": None, "input_batches": None, "seconds": 2.0,
    "at": 100.0,
}  # fmt: skip
TOO_FAST = [START, DATA, MODEL, FIRST, SECOND, THIRD, PEAK, END]


def test_a_peak_that_was_measured_beside_other_work_is_not_judged():
    assert "operations a second where the device does 1e+09" in judged(TOO_FAST).reason
    asked = []

    def busy(began, ended):
        asked.append((began, ended))
        return True

    outcome = judged(TOO_FAST, was_disturbed=busy)
    assert (outcome.status, asked) == (Status.OK, [(98.0, 100.0)])
    [said] = outcome.warnings
    assert said.startswith("the machine was disturbed while its peak was measured")
    rising = [START, DATA, MODEL, FIRST, SECOND, {**THIRD, "val_accuracy": 2.0}, PEAK, END]
    assert judged(rising, was_disturbed=busy).status is Status.INVALID, "all else is judged"
    still = [*TOO_FAST[:-2], {**PEAK, "peak_flops_per_second": 1e6}, END]
    assert judged(still, was_disturbed=busy).status is Status.INVALID, "no load explains that"


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        ("MemoryError", ""),
        ("ResourceExhaustedError", "OOM when allocating tensor with shape[4096,4096]"),
        ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB"),
        ("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes"),
        ("JaxRuntimeError", "RESOURCE_EXHAUSTED: Failed to allocate request for 2.0GiB"),
        (
            "MXNetError",
            "src/storage/./pooled_storage_manager.h:85: cudaMalloc failed: out of memory",
        ),
        ("RuntimeError", "CUDA failure 2: out of memory ; GPU=0 ; hostname=a; expr=cudaMalloc(x)"),
        ("RuntimeError", "std::bad_alloc"),
        ("MemoryError", "Error allocating 268435456 bytes of device memory (out of memory)."),
        ("RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    ],
)
def test_memory_that_ended_is_oom_under_every_backend(type_, message):
    """JAX, MXNet and CNTK raise errors of no kind of their own for it."""
    said = {"event": "error", "schema": 1, "type": type_, "message": message}
    assert judged([START, DATA, MODEL, FIRST, said]).status is Status.OOM


@pytest.mark.parametrize("last", ["terminate called: CUDA failure 2: out of memory", "bad luck"])
def test_a_process_that_memory_killed_before_it_could_say_so(last):
    outcome = conclude(make_job(), Heard(make_job()), Exit(134), last)
    assert outcome.status is (Status.OOM if "memory" in last else Status.FAILED)


@pytest.mark.parametrize(
    ("seen", "chosen", "is_other"),
    [
        ("Tesla K80", "Tesla K80", False),
        ("NVIDIA H100 80GB HBM3", "H100 80GB HBM3", False),
        ("A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB", False),
        (None, "Tesla K80", False),
        ("Tesla V100-SXM2-16GB", "Tesla K80", True),
    ],
)
def test_the_card_that_a_job_says_is_the_chosen_one(seen, chosen, is_other):
    heard = Heard(JOB)
    said = {**START, "device": {"type": "gpu", "name": seen, "detail": None}}
    heard.add(parse_event(json.dumps(said).encode()))
    assert (other_card(heard, chosen) is not None) is is_other
