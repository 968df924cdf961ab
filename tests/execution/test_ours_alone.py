"""A run whose device is not its own: the right status and words, and the other jobs go on."""

import json
import threading

import pytest

from fake_nvml import K80, STRANGER, FakeNvml
from launcher_contract import Silent
from patching import patch_everywhere
from runner.errors import MachineError
from runner.execution.attempt import Conditions
from runner.execution.guard import GpuGuard
from runner.execution.loop import run_jobs
from runner.execution.watch import Sample, Watch, judge_leniently, judge_strictly
from runner.machine.gpu import GpuSample
from runner.spec.configuration import load_configurations
from runner.spec.job import Status
from runner.spec.time_limits import TimeLimits
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from scripted import ScriptedLauncher, ScriptedProcess, mxnet_job, stream

QUIET = GpuSample(90, 0, 60, 140, 800, 2500, frozenset())
HOT = GpuSample(90, 0, 95, 140, 500, 2500, frozenset({"software thermal slowdown"}))
CLEAN = [Sample(n, 1.0, 0.0, 2000.0, QUIET, (), listed=True) for n in range(3)]


class Recorded:
    """Gives recorded samples, then lets the process end."""

    def __init__(self, samples, process):
        self._left, self._process = list(samples), process

    def __call__(self):
        if self._left:
            return self._left.pop(0)
        self._process.watched.set()
        raise StopIteration


class WatchedProcess(ScriptedProcess):
    """Ends once its samples have been taken."""

    cpus = "0-3"

    def __init__(self, script):
        super().__init__(script)
        self.watched = threading.Event()

    def read(self, timeout):
        chunk = super().read(timeout)
        if chunk is None:
            assert self.watched.wait(30)
        return chunk


class WatchedLauncher(ScriptedLauncher):
    def start(self, job, environment):
        self.processes.append(WatchedProcess(self._scripts[job.backend]))
        return self.processes[-1]


class RecordedGuard(GpuGuard):
    """A guard whose samples are those of ``recordings``, one list per job."""

    recordings: list

    def probe(self, process):
        return Recorded(self.recordings.pop(0), process)


@pytest.fixture
def execute(tmp_path, monkeypatch):
    patch_everywhere(monkeypatch, Watch, lambda begin, path, also: Watch(begin, path, also, 0.001))

    def go(*recordings, nvml=None, judge=judge_strictly, script=None):
        guard = RecordedGuard(
            K80, nvml or FakeNvml(), judge=judge, folder=tmp_path, patience=0, sleep=None
        )
        object.__setattr__(guard, "recordings", list(recordings))
        launcher = WatchedLauncher({"mxnet": script or gpu_stream()})
        store = RunStore.create(tmp_path, {})
        jobs = [mxnet_job(device="gpu", repeat=n) for n in range(1, max(len(recordings), 1) + 1)]
        chosen = load_configurations(["mxnet-k122"])
        ok = run_jobs(
            chosen, jobs, Conditions(launcher, store, Silent(), TimeLimits(wall=60), K80, guard)
        )
        return ok, load_runs(store.folder), store, launcher

    return go


def gpu_stream(**changes):
    return stream(**{"start": {"device": {"type": "gpu", "name": "Tesla K80"}}, **changes})


def record_of(store, repeat=1):
    path = store.folder / "jobs" / mxnet_job(repeat=repeat).id / "record.json"
    return json.loads(path.read_text())


def test_a_job_alone_on_its_card_is_ok_and_its_samples_are_kept(execute):
    ok, table, store, _ = execute(CLEAN)
    assert ok
    row = table.iloc[0]
    assert (row["gpu_utilization"], row["gpu_temperature"], row["gpu_power_w"]) == (90, 60, 140)
    assert (row["gpu_sm_mhz"], row["throttle"], row["foreign_load"]) == (800, "none", 0)
    assert (row["cpu_mhz"], row["cpus"]) == (2000, "0-3")
    kept = next(store.folder.glob("jobs/*/telemetry.jsonl")).read_text().splitlines()
    assert len(kept) == record_of(store)["telemetry"]["samples"] == 3


def test_a_process_on_the_card_before_the_run_refuses_it(execute):
    with pytest.raises(MachineError, match="in use by pid 4711 .python3"):
        execute(CLEAN, nvml=FakeNvml(processes=[[STRANGER]]))


def test_a_process_on_the_card_during_a_job_taints_it(execute):
    ok, table, _, _ = execute([*CLEAN, Sample(3, 1.0, 0.0, 2000.0, QUIET, (STRANGER,))], CLEAN)
    assert not ok
    assert table.groupby("repeat")["status"].first().tolist() == [Status.TAINTED, Status.OK]
    assert "another process was on the GPU: pid 4711" in table["reason"].iloc[0]


def test_a_tainted_time_is_in_no_summary(execute):
    _, table, _, _ = execute([*CLEAN, Sample(3, 1.0, 0.0, 2000.0, HOT, ())])
    assert "software thermal slowdown in 1 of 4 samples, at up to 95 C" in table["reason"].iloc[0]
    cell = summarize(table).iloc[0]
    assert cell["status"] == Status.TAINTED
    assert cell[["seconds_per_epoch"]].isna().all()


def test_who_only_notes_lets_the_time_stand(execute):
    ok, table, store, _ = execute([Sample(3, 1.0, 0.0, 2000.0, HOT, ())] * 3, judge=judge_leniently)
    assert ok
    assert table["reason"].isna().all()
    assert any("thermal slowdown in 3 of 3" in warning for warning in record_of(store)["warnings"])


def test_a_job_that_failed_keeps_its_own_reason(execute):
    script = [*gpu_stream()[:4], b'{"event": "error", "schema": 1, "type": "E", "message": "m"}\n']
    _, table, store, _ = execute([Sample(3, 1.0, 0.0, 2000.0, HOT, ())] * 3, script=script)
    assert table[["status", "reason"]].iloc[0].tolist() == [Status.FAILED, "E: m"]
    assert any("thermal slowdown" in warning for warning in record_of(store)["warnings"])


def test_memory_that_does_not_come_back_fails_that_job_and_the_run_goes_on(execute):
    used = [GpuSample(memory_used_bytes=n << 20) for n in (0, 0, 900, 0)]
    ok, table, _, launcher = execute(CLEAN, CLEAN, CLEAN, nvml=FakeNvml(used))
    assert not ok
    by_repeat = table.groupby("repeat")["status"].first().tolist()
    assert by_repeat == [Status.OK, Status.FAILED, Status.OK]
    reason = table.loc[table["repeat"] == 2, "reason"].iloc[0]
    assert "the GPU's memory did not come back: 900 MiB are used" in reason
    assert len(launcher.processes) == 2
