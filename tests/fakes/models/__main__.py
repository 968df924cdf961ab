"""A stand-in for the real models package: behaves as the job's model name says.

It needs no Keras, so the launchers' contract can be tested in any environment with a Python.
"""

import ctypes
import json
import os
import sys
import time

from models import attacks

SPEC = json.loads(sys.argv[1])
LAST_START = [None]


def say(**event):
    os.write(1, (json.dumps(dict(event, schema=1, at=time.time())) + "\n").encode())


def start(name=None, versions=None):
    event = {
        "event": "start",
        "cache_warm": bool(os.listdir(SPEC["cache_dir"])) if SPEC["cache_dir"] else None,
        "import_seconds": 0.001,
        "versions": versions
        or {
            "python": "%d.%d.%d" % sys.version_info[:3],
            "keras": "0",
            SPEC["backend"]: "0",
        },
        "device": {"type": SPEC["device"], "name": name, "detail": name},
    }
    # What was asked for, the values of all axes among it.
    event = dict(SPEC, **event)
    LAST_START[0] = dict(event, schema=1)
    say(**event)


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


def leaves_a_child(work):
    """End well, and leave a process behind that holds the outputs open."""

    def behave():
        if os.fork() == 0:
            os.setsid()
            work()
        well()

    return behave


def talk():
    while True:
        os.write(2, b"still here\n")
        time.sleep(0.1)


def closes_its_outputs():
    train()
    os.close(1)
    os.close(2)
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
    found["variables"] = dict(os.environ)
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


def has_a_child_that_eats_memory():
    """Go on to a good end after the kernel has killed a child for its memory."""
    child = os.fork()
    if not child:
        # So that the kernel takes the child where both would do.
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
        held = []
        while True:
            held.append(bytearray(b"1") * (32 << 20))
    os.waitpid(child, 0)
    well()


def attacks_group(group):
    """Make the attempts of a group, then work as if nothing had been."""

    def work():
        path = os.path.join(SPEC["data_dir"] or "/data", "secrets.json")
        with open(path) as file:
            attacks.SECRETS.update(json.load(file))
        attacks.run(group)
        well()

    return work


def forks_without_end():
    start()
    attacks.fork_without_end()


def fills_the_disk():
    attacks.fill_the_disk()
    well()


def fills_the_cache():
    attacks.fill_the_cache(128)
    well()


def fills_the_cache_without_end():
    start()
    attacks.fill_the_cache_without_end()


def tmpfs_takes_memory():
    start()
    for number in range(64):
        with open("/tmp/memory{}".format(number), "wb") as file:
            file.write(b"x" * (16 << 20))


def gigabyte(descriptor, line):
    """Write a gigabyte, in lines or in one that does not end."""
    block = (b"x" * 1023 + (b"\n" if line else b"x")) * 1024
    for _ in range(1024):
        os.write(descriptor, block)
    os.write(descriptor, b"\n")


def gigabyte_on_stdout():
    gigabyte(1, line=True)
    well()


def gigabyte_in_a_line():
    gigabyte(1, line=False)
    well()


def gigabyte_on_stderr():
    gigabyte(2, line=True)
    well()


def endless_line():
    start()
    while True:
        os.write(1, b"x" * 65536)


def million_epochs():
    train()
    line = (
        json.dumps(
            {
                "event": "epoch",
                "schema": 1,
                "epoch": 3,
                "seconds": 0.001,
                "samples": 8,
                "loss": 1.0,
                "accuracy": 0.5,
                "val_loss": 1.0,
                "val_accuracy": 0.5,
                "pad": ["x" * 1000] * 50,
            }
        ).encode()
        + b"\n"
    )
    for _ in range(1000000):
        os.write(1, line)
    end()


def forges():
    """Say another job's events beside one's own, and more after the end."""
    well()
    for name in ("model", "backend"):
        os.write(
            1,
            json.dumps(
                dict(LAST_START[0], **{name: "mnist_cnn" if name == "model" else "theano"})
            ).encode()
            + b"\n",
        )
    train()
    end()


def speaks_to_the_terminal():
    """Say control characters wherever a job can say anything."""
    sys.stderr.flush()
    os.write(2, TERMINAL.encode("utf-8", "surrogatepass") + b"\n")
    os.write(1, TERMINAL.encode("utf-8", "surrogatepass") + b"\n")
    start(
        name=TERMINAL,
        versions={
            "python": TERMINAL,
            "keras": TERMINAL,
            SPEC["backend"]: TERMINAL,
            TERMINAL: TERMINAL,
        },
    )
    say(event="error", type=TERMINAL, message=TERMINAL)
    sys.exit(1)


TERMINAL = (
    "\x1b[2J\x1b]0;title\x07\x1b]8;;http://example.com\x07link\x9b31m\u202egnp.exe\u2066\u200b\x00\r"
    "[red]markup[/red] | cell \n# heading <script>alert(1)</script> ![x](http://example.com/x)"
)

BEHAVIOURS = {
    "forks_without_end": forks_without_end,
    "fills_the_disk": fills_the_disk,
    "fills_the_cache": fills_the_cache,
    "fills_the_cache_without_end": fills_the_cache_without_end,
    "tmpfs_takes_memory": tmpfs_takes_memory,
    "gigabyte_on_stdout": gigabyte_on_stdout,
    "gigabyte_in_a_line": gigabyte_in_a_line,
    "gigabyte_on_stderr": gigabyte_on_stderr,
    "endless_line": endless_line,
    "million_epochs": million_epochs,
    "forges": forges,
    "speaks_to_the_terminal": speaks_to_the_terminal,
    "well": well,
    "dies": dies,
    "killed": killed,
    "rubbish": rubbish,
    "half_line": half_line,
    "says_error": says_error,
    "wrong_model": wrong_model,
    "sleeps": sleeps,
    "floods": floods,
    "leaves_a_silent_child": leaves_a_child(lambda: time.sleep(600)),
    "leaves_a_talking_child": leaves_a_child(talk),
    "closes_its_outputs": closes_its_outputs,
    "environment": environment,
    "eats_memory": eats_memory,
    "has_a_child_that_eats_memory": has_a_child_that_eats_memory,
}

BEHAVIOURS.update(("attacks_" + group, attacks_group(group)) for group in attacks.ATTEMPTS)

BEHAVIOURS[SPEC["model"]]()
