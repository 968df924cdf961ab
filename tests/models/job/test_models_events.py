"""The event stream: only events on standard output, strict JSON, one line each."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from models.job import events

NOISY = """
import os, subprocess, sys
from models.job import events
stream = events.take_over_stdout()
print("from Python")
os.write(1, b"from C\\n")
subprocess.call([sys.executable, "-c", "print('from a child')"])
stream.emit("start", model="mnist_mlp")
os.write(1, b"later\\n")
stream.error(ValueError("two\\nlines"))
"""


def emitted(**fields):
    file = io.BytesIO()
    events.EventStream(file).emit("epoch", **fields)
    return file.getvalue()


def test_only_events_reach_standard_output(root):
    process = subprocess.Popen(
        [sys.executable, "-c", NOISY],
        cwd=root,
        env=dict(os.environ, PYTHONPATH=root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, log = process.communicate()
    said = [json.loads(line.decode()) for line in out.splitlines()]
    assert all(isinstance(event.pop("at"), float) for event in said)
    assert said == [
        {"event": "start", "schema": 1, "model": "mnist_mlp"},
        {"event": "error", "schema": 1, "type": "ValueError", "message": "two lines"},
    ]
    for noise in (b"from Python", b"from C", b"from a child", b"later"):
        assert noise in log


@pytest.mark.parametrize(
    "number, name",
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (-float("inf"), "-Infinity"),
        (np.float32("nan"), "NaN"),
        (np.float64("inf"), "Infinity"),
    ],
)
def test_non_finite_numbers_are_named(number, name):
    assert json.loads(emitted(loss=number).decode())["loss"] == name
    assert json.loads(emitted(scores=[{"loss": number}]).decode())["scores"] == [{"loss": name}]


@pytest.mark.parametrize(
    "value, plain",
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1, 2]), [1, 2]),
        ((1, 2), [1, 2]),
        (None, None),
        (True, True),
        ({"a": np.float64(1.0)}, {"a": 1.0}),
    ],
)
def test_numpy_values_become_plain(value, plain):
    assert json.loads(emitted(value=value).decode())["value"] == plain


def test_an_event_is_one_line_of_ascii():
    line = emitted(text="two\nlines and \u00e9")
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert json.loads(line.decode("ascii"))["text"] == "two\nlines and \u00e9"


def test_an_error_message_is_cut():
    file = io.BytesIO()
    events.EventStream(file).error(ValueError("x " * 5000))
    assert len(json.loads(file.getvalue().decode())["message"]) == events.MAX_MESSAGE
