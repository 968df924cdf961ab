"""What samples say: the load of others, strangers on a card, slowdowns, and the verdicts."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace

import psutil
import pytest

from fake_nvml import STRANGER, XORG, FakeNvml
from patching import patch_everywhere
from runner.execution.watch import (
    CpuProbe,
    GpuProbe,
    Sample,
    Watch,
    WatchVerdict,
    _with_reaped_children,
    cpu_mhz,
    disturbed_between,
    energy_of,
    foreign_load,
    judge_leniently,
    judge_strictly,
    machine_seconds,
    runner_seconds,
    summarize_samples,
    tree_seconds,
    within,
)
from runner.launchers.base import ProcessTree
from runner.machine.gpu import GpuProcess, GpuSample
from runner.tables.columns import TELEMETRY_COLUMNS
from runner.tables.disturbance import MIN_SAMPLES, disturbance_of
from scripted import ScriptedProcess


class Job(ScriptedProcess):
    """A process that says its numbers from a list, the last ones for ever; it has no output."""

    def __init__(self, *pids):
        super().__init__([])
        self._pids = list(pids)

    def pids(self):
        return self._pids.pop(0) if len(self._pids) > 1 else self._pids[0]


def lasting(*values):
    """Return a function that gives one value after the other, and the last one for ever."""
    left = [*values]
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]


def cpu_probe(**readings):
    """Return a probe that reads what is given, one value after the other; the last one for ever."""
    quiet = {"clock": (0.0, 1.0), "machine": (0.0,), "tree": (0.0,), "runner": (0.0,),
             "frequency": (2000.0,), "suspended": (0.0,), "throttled": (None,),
             "wall": (100.0,)}  # fmt: skip
    return CpuProbe(Job([1]), **{k: lasting(*v) for k, v in {**quiet, **readings}.items()})


def test_foreign_load_is_the_machine_less_the_job_and_the_runner():
    probe = cpu_probe(
        clock=(10.0, 12.0), machine=(100.0, 107.0), tree=(5.0, 9.0), runner=(1.0, 2.0)
    )
    assert probe() == Sample(2.0, 2.0, foreign_load=1.0, cpu_mhz=2000.0, wall=100.0)


def test_of_a_job_on_another_machine_nothing_of_this_one_is_told():
    quiet = {"tree": lasting(None), "frequency": lasting(2000.0), "energy": lasting(5.0)}
    sample = CpuProbe(Job([]), **quiet)()
    assert (sample.foreign_load, sample.cpu_mhz, sample.cpu_energy_j) == (None, None, None)


def test_the_load_is_unknown_where_the_jobs_processes_are():
    assert cpu_probe(tree=(5.0, None))().foreign_load is None
    assert cpu_probe(tree=(None, 5.0))().foreign_load is None


CHILDREN = """
import subprocess, sys
burn = "x = 0\\nfor i in range(1500000): x += i"
subprocess.run([sys.executable, "-c", burn], check=True)
print("reaped", flush=True)
sys.stdin.read()
"""


def test_the_time_of_children_that_have_ended_is_not_lost():
    with subprocess.Popen(
        [sys.executable, "-c", CHILDREN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        tree = ProcessTree(process.pid)
        assert process.stdout.readline() == b"reaped\n"
        assert tree.pids() == [process.pid]
        own = sum(psutil.Process(process.pid).cpu_times()[:2])
        assert tree_seconds(tree.pids) > own
        process.communicate()
    assert tree.pids() == []
    assert tree_seconds(tree.pids) is None


def test_a_process_that_ends_while_it_is_read_means_another_reading(monkeypatch):
    job = Job([1, 2], [1])
    times = {1: 5.0}

    def read(pid):
        if pid not in times:
            raise psutil.NoSuchProcess(pid)
        return times[pid]

    patch_everywhere(monkeypatch, _with_reaped_children, read)
    assert tree_seconds(job.pids) == 5.0
    assert tree_seconds(Job([1, 2]).pids) is None


def test_the_jobs_own_processes_are_no_strangers_also_when_they_just_ended_or_began():
    ours = [GpuProcess(pid, 1, "python3") for pid in (10, 11)]
    nvml = FakeNvml(processes=[ours, [*ours, STRANGER, XORG]])
    probe = GpuProbe(Job([10, 11], [10]), nvml, "GPU-k80", lambda: Sample(1, 1))
    assert probe().strangers == ()
    assert probe().strangers == (STRANGER,)


@pytest.mark.parametrize(("present", "own"), [(None, [1]), ([STRANGER], [])])
def test_whether_there_are_strangers_may_be_unknown(present, own):
    nvml = FakeNvml(processes=[present])
    assert GpuProbe(Job(own), nvml, "GPU-k80", lambda: Sample(1, 1))().strangers is None


def loads(*values, seconds=1.0):
    return [Sample(n, seconds, value, 2000.0 + n) for n, value in enumerate(values)]


def on_gpu(*throttles, strangers=(), load=0.0):
    return [
        Sample(
            n,
            1.0,
            load,
            2000.0,
            GpuSample(90, 1, 80 + n, 140, 800, 2500, t),
            strangers,
            listed=strangers is not None,
        )
        for n, t in enumerate(throttles)
    ]


QUIET: frozenset[str] = frozenset()
HOT = frozenset({"hardware thermal slowdown"})
CAPPED = frozenset({"software power cap"})


def test_the_mean_load_is_weighted_by_time():
    samples = [Sample(1, 1.0, 1.0), Sample(4, 3.0, 0.2), Sample(5, 1.0, None)]
    assert foreign_load(samples) == pytest.approx(0.4)
    assert foreign_load([Sample(1, 1.0, -0.02)]) == 0


def test_a_quiet_machine_has_nothing_to_say():
    assert judge_strictly(loads(0.1, 0.2, 0.25)) == WatchVerdict()
    assert judge_strictly(on_gpu(QUIET, QUIET, QUIET)) == WatchVerdict()


def test_the_load_of_others_taints_a_strict_cpu_run_and_is_noted_else():
    said = (
        "others used 0.50 CPU cores while it ran, more than 0.25: "
        "something else was at work on this machine"
    )
    samples = loads(0.0, 1.0, 0.5)
    assert judge_strictly(samples) == WatchVerdict(said)
    assert judge_leniently(samples) == WatchVerdict(None, (said,))


def test_too_few_samples_give_no_verdict_from_load():
    said = "too short to judge the load of others: 2 samples, 3 are needed"
    assert (
        judge_strictly(loads(2.0, 2.0))
        == judge_leniently(loads(2.0, 2.0))
        == WatchVerdict(None, (said,))
    )


def test_a_stranger_on_the_card_taints():
    samples = on_gpu(QUIET, QUIET, QUIET)
    samples[1:2] = on_gpu(QUIET, strangers=(STRANGER,))
    assert judge_strictly(samples).tainted == (
        "another process was on the GPU: pid 4711 (python3, 300 MiB) in 1 of 3 samples"
    )


def test_a_list_without_the_jobs_own_process_proves_nothing():
    """In containers and virtual machines it holds the host's numbers: every job was tainted."""
    samples = [replace(s, listed=False) for s in on_gpu(*[QUIET] * 4, strangers=(STRANGER,))]
    verdict = judge_strictly(samples)
    assert verdict.tainted is None
    assert "list does not hold the job's own process" in verdict.warnings[0]
    assert summarize_samples(samples)["exclusive"] == "not known"
    assert not disturbed_between(samples, 0, 10)
    samples[2] = replace(samples[2], listed=True)
    assert "another process was on the GPU" in judge_strictly(samples).tainted
    assert summarize_samples(samples)["exclusive"] == "no"
    assert disturbed_between(samples, 0, 10)


def test_who_draws_the_desktop_is_no_stranger_however_much_that_grows():
    nvml = FakeNvml(processes=[[GpuProcess(10, 1, "python3"), XORG, replace(XORG, pid=816)]])
    sample = GpuProbe(Job([10]), nvml, "GPU-k80", lambda: Sample(1, 1))()
    assert (sample.strangers, sample.listed) == ((), True)


def test_one_sample_of_many_is_no_slowdown():
    """The hardware's bits are also set for a moment while a card changes its clocks."""
    samples = on_gpu(HOT, *[QUIET] * 19)
    assert judge_strictly(samples).tainted is None
    assert summarize_samples(samples)["throttle"] == "none"
    assert judge_strictly(on_gpu(*[HOT] * 3, *[QUIET] * 17)).tainted is not None


def test_what_was_before_and_after_the_timed_epochs_is_not_judged():
    """The product of the limits heats a card, and taints nothing that was timed before."""
    samples = [
        replace(sample, wall=100.0 + n)
        for n, sample in enumerate(on_gpu(HOT, HOT, *[QUIET] * 6, HOT, HOT, HOT))
    ]
    assert judge_strictly(samples).tainted is not None
    timed = within(samples, 101.5, 106.5)
    assert judge_strictly(timed).tainted is None
    assert summarize_samples(timed)["samples"] == 6
    assert within(samples, 103.0, 103.1) == samples, "too short to be judged by itself"
    assert within(loads(1.0, 1.0, 1.0), 0, 9) == loads(1.0, 1.0, 1.0), "samples without times"


def test_a_slowdown_taints_and_a_power_cap_is_noted():
    verdict = judge_strictly(on_gpu(QUIET, HOT, HOT | CAPPED))
    assert verdict.tainted == (
        "the GPU was slowed down: hardware thermal slowdown in 2 of 3 samples, at up to 82 C"
    )
    assert verdict.warnings == ("the GPU ran at its power cap in 1 of 3 samples",)


def test_the_load_of_others_is_noted_on_a_gpu():
    verdict = judge_strictly(on_gpu(QUIET, QUIET, QUIET, load=1.5))
    assert verdict.tainted is None
    assert "1.50 CPU cores" in verdict.warnings[0]


def test_what_could_not_be_seen_is_said():
    assert judge_strictly(loads(None, None, None)).warnings == (
        "the load of others is not known: the job's processes are not seen from here",
    )
    notes = judge_strictly(on_gpu(None, None, None, strangers=None)).warnings
    assert len(notes) == 2
    assert all("is not known" in note for note in notes)


def test_a_job_in_one_line():
    assert summarize_samples(on_gpu(QUIET, HOT, CAPPED, load=0.5)) == {
        "samples": 3, "foreign_load": 0.5, "cpu_mhz": 2000.0, "gpu_utilization": 90.0,
        "gpu_temperature": 82, "gpu_power_w": 140.0, "gpu_sm_mhz": 800.0,
        "throttle": "hardware thermal slowdown, software power cap", "exclusive": "yes",
        "paused_seconds": 0.0,
        "throttled_seconds": None,
    }  # fmt: skip
    assert summarize_samples(on_gpu(QUIET))["throttle"] == "none"
    nothing = summarize_samples([])
    assert nothing.pop("samples") == 0
    assert set(nothing.values()) == {None}
    assert {*nothing, *energy_of([], None, 0)} == set(TELEMETRY_COLUMNS)


def test_samples_are_on_disk_as_they_come_and_the_thread_ends(tmp_path):
    enough = threading.Event()
    given = iter(on_gpu(HOT | CAPPED, QUIET, strangers=(STRANGER,)))

    def probe():
        sample = next(given, None)
        if sample is None:
            enough.wait(30)
            return Sample(9, 1)
        return sample

    path = tmp_path / "telemetry.jsonl"
    with Watch(lambda: probe, path, interval=0.001) as watching:
        while len(watching.samples) < 2:
            pass
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        enough.set()
    assert len(lines) == 2
    assert lines[0]["gpu"]["throttle"] == ["hardware thermal slowdown", "software power cap"]
    assert lines[0]["strangers"][0]["pid"] == 4711
    assert not watching._thread.is_alive()
    assert watching.problem is None


def test_what_else_is_to_be_looked_at_is_looked_at_with_each_sample(tmp_path):
    looked = []
    path = tmp_path / "telemetry.jsonl"
    with Watch(lambda: lambda: Sample(0, 1), path, lambda: looked.append(1), 0.001) as watching:
        while len(watching.samples) < 3:
            pass
    assert 3 <= len(looked) == len(watching.samples)


def test_what_breaks_in_a_probe_ends_the_watch_and_is_said(tmp_path):
    def broken():
        raise RuntimeError("the card fell off the bus")

    for begin in (broken, lambda: broken):
        with Watch(begin, tmp_path / "telemetry.jsonl", interval=0.001) as watching:
            watching._thread.join(30)
        assert watching.problem == (
            "the monitor ended after 0 samples: RuntimeError: the card fell off the bus"
        )


def test_the_real_readings_are_plausible():
    assert machine_seconds() > runner_seconds() > 0
    frequency = cpu_mhz(sorted(os.sched_getaffinity(0)))
    assert frequency is None or frequency > 100
    assert cpu_mhz([]) is None or cpu_mhz([]) > 100


def test_a_short_job_is_watched_often_enough_to_be_judged(tmp_path):
    """The first looks come sooner, each pause twice as long, up to one a second."""
    watch = Watch(lambda: lambda: Sample(0, 1), tmp_path / "telemetry.jsonl")
    waits = watch._waits()
    first = [next(waits) for _ in range(6)]
    assert first == [0.125, 0.25, 0.5, 1, 1, 1]
    assert sum(first[:MIN_SAMPLES]) < 1


def test_the_time_that_a_quota_held_a_job_up_is_counted_and_judged():
    probe = cpu_probe(clock=(0.0, 1.0, 2.0), throttled=(5.0, 5.25, 6.0))
    samples = [probe(), probe()]
    assert [sample.throttled for sample in samples] == [0.25, 0.75]
    assert summarize_samples(samples)["throttled_seconds"] == 1.0
    start = "its CPU quota held the job up for 1.0 s: give its control group more, or it fewer"
    assert judge_leniently(samples).warnings[0].startswith(start)
    assert disturbance_of({"throttled_seconds": 1.0}) == "its CPU quota held it up"
    assert disturbance_of({"throttled_seconds": 0.1}) is None
