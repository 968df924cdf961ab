"""What a process inherits: quotas of control groups as both versions tell them, and scheduling."""

import math
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from runner.machine.cpus import cores_of, one_of_each_core
from runner.machine.inherited import (
    cpu_quota,
    inherited_by,
    quota_text,
    scheduling,
    throttled_seconds,
)
from waiting import appears

V2 = {"cgroup": "0::/pod/job\n", "groups": {
    "pod/job/cpu.max": "max 100000\n", "pod/cpu.max": "50000 100000\n",
    "pod/job/cpu.stat": "usage_usec 9\nnr_throttled 4\nthrottled_usec 2500000\n"}}  # fmt: skip
V1 = {"cgroup": "4:memory:/m\n2:cpuacct,cpu:/job\n", "groups": {
    "cpu/job/cpu.cfs_quota_us": "150000\n", "cpu/job/cpu.cfs_period_us": "100000\n",
    "cpu/job/cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 2500000000\n"}}  # fmt: skip
IN_A_CONTAINER = {"cgroup": "0::/\n", "groups": {"cpu.max": "200000 100000\n"}}
WITHOUT = {"cgroup": "0::/user\n", "groups": {"user/cpu.max": "max 100000\n"}}
V1_WITHOUT = {"cgroup": "1:cpu:/\n", "groups": {
    "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}}  # fmt: skip
HYBRID = {"cgroup": "1:cpu:/a\n0::/b\n", "groups": {
    "cpu/a/cpu.cfs_quota_us": "40000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}}  # fmt: skip


V1_FIFTH = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "20000"}
plain = pytest.mark.skipif(scheduling() != "normal", reason="the tests themselves run otherwise")


def tree(root, recorded):
    for name, text in recorded["groups"].items():
        path = root / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "proc" / "7").mkdir(parents=True)
    (root / "proc" / "7" / "cgroup").write_text(recorded["cgroup"])
    return 7, root / "proc", root / "groups"


@pytest.mark.parametrize(
    ("recorded", "quota", "throttled"),
    [(V2, 0.5, 2.5), (V1, 1.5, 2.5), (IN_A_CONTAINER, 2.0, None), (WITHOUT, math.inf, None),
     (V1_WITHOUT, math.inf, None), (HYBRID, 0.4, None),
     ({"cgroup": "rubbish", "groups": {}}, math.inf, None)],
)  # fmt: skip
def test_a_quota_is_the_least_of_all_groups_above_a_process(tmp_path, recorded, quota, throttled):
    where = tree(tmp_path, recorded)
    assert cpu_quota(*where) == quota
    assert throttled_seconds(*where) == throttled
    assert cpu_quota(8, *where[1:]) == math.inf, "a process that is gone"


def test_a_quota_that_leaves_all_cpus_is_none():
    assert [quota_text(math.inf, 2), quota_text(2.0, 2), quota_text(0.5, 1)] == [
        "none",
        "none",
        "0.5",
    ]


@plain
@pytest.mark.parametrize(
    ("before", "words"),
    [([], "normal"), (["nice", "-n", "19"], "nice 19"), (["chrt", "--batch", "0"], "batch"),
     (["ionice", "-c", "3"], "idle I/O"),
     (["chrt", "--idle", "0", "nice", "-n", "5"], "idle, nice 5")],
)  # fmt: skip
def test_a_jobs_scheduling_is_said_as_it_was_inherited(before, words):
    with subprocess.Popen(
        [*before, sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        assert scheduling(process.pid) == words
        found = inherited_by([process.pid])
        process.communicate(b"\n")
    assert (found["scheduling"], set(found) >= {"cpu_quota"}) == (words, True)
    assert inherited_by([process.pid]) == inherited_by([]) == {}


@plain
def test_what_this_process_will_pass_on_is_said_before_a_run():
    asked = ["--config", "jax-k3", "--device", "cpu", "--launcher", "local", "--data", "synthetic"]
    for command in ("plan", "doctor"):
        ended = subprocess.run(
            ["nice", "-n", "7", sys.executable, "-m", "runner", command, *asked],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        printed = " ".join((ended.stdout + ended.stderr).split())
        assert "scheduling: nice 7: such times are compared with others of that" in printed


@pytest.fixture
def neighbours(tmp_path):
    """Four CPUs of two cores, siblings being neighbours."""
    for cpu in range(4):
        path = tmp_path / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        path.parent.mkdir(parents=True)
        path.write_text("0-1\n" if cpu < 2 else "2-3\n")
    return tmp_path


def test_two_threads_get_a_core_each_where_siblings_are_neighbours(neighbours):
    assert one_of_each_core([0, 1, 2, 3], neighbours) == [0, 2, 1, 3]
    assert one_of_each_core([1, 2, 3], neighbours) == [1, 2, 3]
    assert cores_of([0, 2], neighbours) == 2
    assert cores_of([0, 1], neighbours) == 1


def test_without_a_topology_cpus_stay_in_their_order(tmp_path):
    assert one_of_each_core([3, 1, 2], tmp_path) == [3, 1, 2]
    assert cores_of([0], tmp_path) is None


def own_group() -> Path | None:
    """Make a control group that may use a fifth of a CPU; None where that cannot be."""
    for root in map(Path, ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup")):
        folder = root / f"bench-test-{os.getpid()}"
        with suppress(OSError):
            folder.mkdir()
            with suppress(OSError):
                has_v2 = (folder / "cpu.max").exists()
                for file, text in ({"cpu.max": "20000 100000"} if has_v2 else V1_FIFTH).items():
                    (folder / file).write_text(text)
                return folder
            folder.rmdir()
    return None


@pytest.fixture
def group():
    if (folder := own_group()) is None:
        pytest.skip("no control group for CPUs can be made here")
    yield folder
    appears(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


def test_a_real_quota_is_read_and_its_throttling_too(group):
    code = "import time\nend = time.time() + 60\nwhile time.time() < end: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        (group / "cgroup.procs").write_text(str(process.pid))
        try:
            assert cpu_quota(process.pid) == 0.2
            before = throttled_seconds(process.pid)
            assert before is not None
            appears(lambda: (throttled_seconds(process.pid) or 0) - before > 0.1)
        finally:
            process.kill()
            process.wait()
