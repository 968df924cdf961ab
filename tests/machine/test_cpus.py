"""Which CPUs a job gets, and that a child has them from its first instruction."""

import os
import subprocess
import sys
import threading

import pytest

from launcher_contract import make_job
from runner.machine.cpus import cpu_list, cpus_for, pinned


@pytest.mark.parametrize(
    ("cpus", "text"),
    [([0], "0"), ([0, 1, 2, 3], "0-3"), ([0, 2, 3, 8], "0,2-3,8"), ([5, 6], "5-6"), ([], "")],
)
def test_cpus_are_said_as_the_kernel_says_them(cpus, text):
    assert cpu_list(cpus) == text


def test_a_job_has_the_first_of_the_allowed_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {7, 3, 4, 12})
    assert cpus_for(make_job(threads=2)) == [3, 4]
    assert cpus_for(make_job(threads=9)) == [3, 4, 7, 12]
    assert cpus_for(make_job(threads="framework")) == [3, 4, 7, 12]
    assert cpus_for(make_job(threads=2, device="gpu")) is None


def test_each_thread_pins_what_it_starts_itself():
    cpus = sorted(os.sched_getaffinity(0))[:2]
    both, seen = threading.Barrier(len(cpus)), {}

    def start(cpu):
        with pinned([cpu]):
            both.wait(timeout=30)
            seen[cpu] = subprocess.run(
                [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"],
                capture_output=True, text=True, check=True,
            ).stdout.split()  # fmt: skip
            both.wait(timeout=30)

    before = os.sched_getaffinity(0)
    threads = [threading.Thread(target=start, args=(cpu,)) for cpu in cpus]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {cpu: [str(cpu)] for cpu in cpus}
    assert os.sched_getaffinity(0) == before


def test_a_child_is_pinned_and_the_parent_is_not():
    before = os.sched_getaffinity(0)
    with pinned([min(before)]):
        said = subprocess.run(
            [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert said.stdout.strip() == str({min(before)})
    assert os.sched_getaffinity(0) == before
