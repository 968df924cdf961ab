"""A job that trains nothing, in a moment, and says what a real one says."""

import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = json.loads(sys.argv[1])


def say(event, **fields):
    line = json.dumps(dict(fields, event=event, schema=1, at=time.time())) + "\n"
    os.write(1, line.encode())


def read(name, default):
    path = os.path.join(HERE, name)
    if not os.path.exists(path):
        return default
    with open(path) as file:
        return json.load(file)


def misbehave(how):
    if how == "eats memory":
        held = []
        while True:
            held.append(bytearray(64 << 20))
    if how == "fills the disk":
        for _ in range(64):
            os.write(2, b"x" * 65536 + b"\n")
    # What several cards cost each other is tried in three epochs.
    if how == "hangs" or (how == "hangs when measured" and SPEC["epochs"] != 3):
        time.sleep(600)
    if how == "fails when tried" and SPEC["epochs"] == 3:
        sys.exit(4)


def main():
    seen = {"card": os.environ.get("CUDA_VISIBLE_DEVICES"), "cpus": sorted(os.sched_getaffinity(0))}
    os.write(2, (json.dumps(seen) + "\n").encode())
    parameters = read("parameters.json", {})[SPEC["model"]]
    seen = {
        "cache_warm": None,
        "import_seconds": 0.0,
        "versions": {"python": "3.6", "keras": "1.0", SPEC["backend"]: "1.0"},
        "device": {"type": SPEC["device"], "name": None, "detail": None},
    }
    # What was asked for, the values of all axes among it.
    say("start", **dict(SPEC, **seen))
    say("data", source=SPEC["data"], sha256="0" * 64, train=8, validation=2, test=2, seconds=0.0)
    say(
        "model",
        parameters=parameters,
        expected_parameters=parameters,
        layers=[],
        hyperparameters={"batch_size": 4},
        image_data_format=SPEC["image_data_format"],
        seconds=0.0,
    )
    pace = read("pace", 0.15)
    misbehave(read("behaviour", {}).get(SPEC["model"]))
    for epoch in range(1, SPEC["epochs"] + 1):
        begin = time.perf_counter()
        time.sleep(pace)
        say(
            "epoch",
            epoch=epoch,
            seconds=time.perf_counter() - begin,
            samples=8,
            loss=1.0 / epoch,
            accuracy=0.5,
            val_loss=1.0,
            val_accuracy=0.5,
        )
    say("end", test_loss=1.0, test_accuracy=0.5, test_seconds=0.0, peak_memory_bytes=1)


main()
