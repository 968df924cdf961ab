"""A stand-in for the real models package: behaves as the job's model name says.

It needs no Keras, so the launchers' contract can be tested in any environment with a Python.
"""

import ctypes
import json
import os
import sys
import time

SPEC = json.loads(sys.argv[1])


def say(**event):
    os.write(1, (json.dumps(dict(event, schema=1, at=time.time())) + "\n").encode())


def start():
    say(
        event="start",
        model=SPEC["model"],
        backend=SPEC["backend"],
        threads=SPEC["threads"],
        seed=SPEC["seed"],
        cache_warm=None,
        import_seconds=0.001,
        versions={"python": "%d.%d.%d" % sys.version_info[:3], "keras": "0", SPEC["backend"]: "0"},
        device={"type": SPEC["device"], "name": None, "detail": None},
    )


def train(parameters=10):
    start()
    say(
        event="data",
        source=SPEC["data"],
        sha256="0" * 64,
        train=8,
        validation=2,
        test=2,
        seconds=0.1,
    )
    say(
        event="model",
        parameters=parameters,
        expected_parameters=10,
        layers=[],
        hyperparameters={"batch_size": 4},
        image_data_format=SPEC["image_data_format"],
        seconds=0.1,
    )
    for number in range(1, (SPEC["epochs"] or 3) + 1):
        time.sleep(0.02)
        say(
            event="epoch",
            epoch=number,
            seconds=0.008 / number,
            samples=8,
            loss=1.0 / number,
            accuracy=0.5,
            val_loss=1.0,
            val_accuracy=0.5,
        )


def end():
    say(event="end", test_loss=1.0, test_accuracy=0.5, test_seconds=0.1, peak_memory_bytes=1)


def well():
    sys.stderr.write("a line for the log\n")
    train()
    end()


def dies():
    train()
    sys.stderr.write("something broke here\n")
    sys.exit(3)


def killed():
    # A crash, because the first process of a container is deaf to its own signals.
    train()
    ctypes.string_at(0)


def rubbish():
    os.write(1, bytes(range(256)) * 8 + b"\n")
    os.write(1, b"\x1b[31mred\x1b[0m\n")
    well()


def half_line():
    train()
    os.write(1, b'{"event": "end", "schema": 1, "test_lo')


def says_error():
    start()
    say(event="error", type="ValueError", message="no such thing")
    sys.exit(1)


def wrong_model():
    train(parameters=11)
    end()


def sleeps():
    train()
    time.sleep(600)


def floods():
    os.write(2, b"x" * 100000 + b"\n")
    for _ in range(2000):
        os.write(1, b"y" * 5000)
    os.write(1, b"\n")
    well()


def environment():
    """Say through the log what the process can see and do."""
    found = {"uid": os.getuid(), "argv": sys.argv[1:], "cpus": sorted(os.sched_getaffinity(0))}
    for path in ("/opt/bench/x", "/etc/x", "/data/x", "/cache/x", "/tmp/x"):
        try:
            with open(path, "w") as file:
                file.write("x")
            found[path] = "written"
        except OSError as error:
            found[path] = type(error).__name__
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    found["capabilities"] = int(status["CapEff"], 16) + int(status["CapBnd"], 16)
    found["no_new_privileges"] = status["NoNewPrivs"].strip()
    with open("/proc/net/dev") as file:
        found["interfaces"] = sorted(line.split(":")[0].strip() for line in file if ":" in line)
    sys.stderr.write(json.dumps(found) + "\n")
    well()


def eats_memory():
    start()
    held = []
    while True:
        held.append(bytearray(32 << 20))


BEHAVIOURS = {
    "well": well,
    "dies": dies,
    "killed": killed,
    "rubbish": rubbish,
    "half_line": half_line,
    "says_error": says_error,
    "wrong_model": wrong_model,
    "sleeps": sleeps,
    "floods": floods,
    "environment": environment,
    "eats_memory": eats_memory,
}

BEHAVIOURS[SPEC["model"]]()
