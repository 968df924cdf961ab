"""One run per device: the lock between real processes, and the card as a fake driver shows it."""

import fcntl
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fake_nvml import K80, STRANGER, XORG, FakeNvml
from patching import patch_everywhere
from runner import paths
from runner.errors import MachineError
from runner.execution.guard import CpuGuard, GpuGuard, device_guard
from runner.machine.device_lock import device_held, lock_folder
from runner.machine.gpu import GpuSample, connect_driver

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from runner.machine.device_lock import device_held
with device_held("the CPUs", "cpu", Path(sys.argv[1])):
    subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock; it has a child, which must not inherit it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE, cwd=paths.ROOT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == b"held\n"
    yield process
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused_and_told_who_holds_the_device(holder, tmp_path):
    with pytest.raises(MachineError) as caught, device_held("the CPUs", "cpu", tmp_path):
        pass
    first, second = str(caught.value).splitlines()
    assert re.fullmatch(
        rf"the CPUs: another run is measuring on it \(pid {holder.pid}, since 20\S+ \S+\)", first
    )
    assert "wait until" in second
    assert caught.value.exit_code == 3


def test_the_lock_goes_with_its_process_however_that_ends(holder, tmp_path):
    os.kill(holder.pid, 9)
    holder.wait()
    with device_held("the CPUs", "cpu", tmp_path):
        os.killpg(holder.pid, 0)  # its child lives


def test_a_run_can_wait_for_another(holder, tmp_path, monkeypatch):
    def end_it(seconds):
        os.kill(holder.pid, 9)
        holder.wait()

    monkeypatch.setattr(time, "sleep", end_it)
    said: list[str] = []
    with device_held("the CPUs", "cpu", tmp_path, timeout=60, say=said.append):
        pass
    assert len(said) == 1
    assert said[0].startswith("waiting up to 60 s: the CPUs: another run is measuring on it (pid ")


def test_two_devices_are_two_locks_and_a_lock_can_be_taken_again(tmp_path):
    with device_held("a card", "GPU-1", tmp_path), device_held("another", "GPU-2", tmp_path):
        pass
    with device_held("a card", "GPU-1", tmp_path):
        pass


def test_every_user_can_lock_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        with device_held("a card", "GPU-1/../x", tmp_path):
            pass
    finally:
        os.umask(before)
    made = next(tmp_path.iterdir())
    assert made.name == "keras-backend-benchmarks-GPU-1____x.lock"
    assert made.stat().st_mode & 0o777 == 0o666


def test_a_planted_link_is_not_followed(tmp_path):
    target = tmp_path / "precious"
    target.write_text("kept")
    (tmp_path / "keras-backend-benchmarks-cpu.lock").symlink_to(target)
    with (
        pytest.raises(MachineError, match="cannot be opened"),
        device_held("the CPUs", "cpu", tmp_path),
    ):
        pass
    assert target.read_text() == "kept"


def test_what_a_stranger_wrote_into_the_lock_is_not_trusted(holder, tmp_path):
    (tmp_path / "keras-backend-benchmarks-cpu.lock").write_text('{"pid": 1, "since": "\x1b[31m"}')
    with (
        pytest.raises(MachineError, match="has not said") as caught,
        device_held("x", "cpu", tmp_path),
    ):
        pass
    assert "\x1b" not in str(caught.value)


def test_a_lock_file_that_was_tidied_away_is_made_anew(tmp_path, monkeypatch):
    flock = fcntl.flock

    def tidy_away_first(opened, how):
        monkeypatch.setattr(fcntl, "flock", flock)
        flock(opened, how)
        next(tmp_path.iterdir()).unlink()

    monkeypatch.setattr(fcntl, "flock", tidy_away_first)
    with device_held("a card", "GPU-1", tmp_path):
        assert len(list(tmp_path.iterdir())) == 1


def test_the_folder_is_one_that_everybody_shares(tmp_path):
    private, shared = tmp_path / "private", tmp_path / "shared"
    private.mkdir()
    shared.mkdir()
    shared.chmod(0o1777)
    assert lock_folder([tmp_path / "none", private, shared]) == shared
    assert lock_folder([private]) == Path(tempfile.gettempdir())


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def guard(nvml, tmp_path, clock=None):
    clock = clock or Clock()
    return GpuGuard(K80, nvml, folder=tmp_path, patience=10, clock=clock, sleep=clock.sleep)


def memory(*mebibytes):
    return [GpuSample(memory_used_bytes=amount << 20) for amount in mebibytes]


def test_a_card_in_use_is_refused_with_pid_and_name(tmp_path):
    strict = guard(FakeNvml(processes=[[XORG, STRANGER]]), tmp_path)
    with pytest.raises(MachineError) as caught, strict.hold():
        pass
    first, second = str(caught.value).splitlines()
    assert first == "Tesla K80 GPU-k80 is in use by pid 4711 (python3, 300 MiB)"
    assert "--gpu" in second


def test_a_desktop_on_the_card_is_let_be(tmp_path):
    with guard(FakeNvml(processes=[[XORG]]), tmp_path).hold() as obstacle:
        assert obstacle() is None


def test_memory_that_comes_back_is_waited_for(tmp_path):
    clock = Clock()
    nvml = FakeNvml(memory(3, 3, 900, 400, 60))
    with guard(nvml, tmp_path, clock).hold() as obstacle:
        assert obstacle() is None
        assert clock.now == 0
        assert obstacle() is None
        assert clock.now == 1


def test_memory_that_does_not_come_back_is_the_reason(tmp_path):
    clock = Clock()
    with guard(FakeNvml(memory(3, 900)), tmp_path, clock).hold() as obstacle:
        assert obstacle() == (
            "not started, after 10 s of waiting: the GPU's memory did not come back: "
            "900 MiB are used, 3 MiB were before the first job"
        )
        assert clock.now == 10


def test_a_stranger_between_two_jobs_is_the_reason(tmp_path):
    with guard(FakeNvml(processes=[[], [STRANGER]]), tmp_path).hold() as obstacle:
        assert "in use by pid 4711 (python3" in obstacle()


def test_two_runs_on_one_card_exclude_each_other(tmp_path):
    with guard(FakeNvml(), tmp_path).hold():
        second = guard(FakeNvml(), tmp_path)
        with pytest.raises(MachineError, match=f"another run .*pid {os.getpid()}"), second.hold():
            pass
        with CpuGuard(folder=tmp_path).hold():
            pass


def test_a_card_whose_driver_is_gone_is_refused(monkeypatch):
    patch_everywhere(monkeypatch, connect_driver, lambda: None)
    with pytest.raises(MachineError, match="the NVIDIA driver is gone"):
        device_guard(K80)
    assert isinstance(device_guard(None), CpuGuard)
