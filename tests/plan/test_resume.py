"""Going on with a run: what is done stays, what was cut off runs again."""

import errno
import json
import os
import signal
import threading
from dataclasses import replace

import pytest

from launcher_contract import make_job
from runner.cli.app import main
from runner.errors import ExitCode, IdentityError, MachineError, UsageError
from runner.execution.interrupts import Interrupts
from runner.execution.loop import run_jobs
from runner.launchers.base import Exit
from runner.plan.resume import _jobs, _refuse_other_jobs, resumed_request, statuses_to_retry
from runner.report.remedies import REMEDIES, remedies_for
from runner.spec.configuration import load_configurations
from runner.spec.job import Status
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimit, TimeLimits, Timer
from runner.store.identity import identity_differences, keep_environment
from runner.store.run_folder import JobStore, RunStore
from runner.tables.load import load_runs
from scripted import ScriptedLauncher, ScriptedProcess, conditions, stream

CHOSEN = ["mxnet-k122"]
BAD = [*stream()[:1], b'{"event":"error","schema":1,"type":"ValueError","message":"no"}\n']


def job(repeat=1):
    return make_job(configuration="mxnet-k122", epochs=3, repeat=repeat)


def go(store, folder, script, jobs, **changes):
    launcher = ScriptedLauncher({"mxnet": script})
    ok = run_jobs(load_configurations(CHOSEN), jobs, conditions(launcher, store, folder, **changes))
    return ok, len(launcher.processes)


def test_what_is_done_is_not_run_again(tmp_path):
    store = RunStore.create(tmp_path, {})
    assert go(store, tmp_path, stream(), [job(1)]) == (True, 1)
    before = (store.folder / "jobs" / job(1).id / "record.json").read_bytes()
    assert go(store, tmp_path, stream(), [job(1), job(2)]) == (True, 1)
    assert (store.folder / "jobs" / job(1).id / "record.json").read_bytes() == before
    assert load_runs(store.folder)["repeat"].tolist() == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("left", ["job.json", "nothing"])
def test_a_job_that_was_cut_off_runs_again_and_is_kept_aside(tmp_path, left):
    store = RunStore.create(tmp_path, {})
    folder = store.job(job()).folder
    if left == "nothing":
        (folder / "job.json").unlink()
    assert go(store, tmp_path, stream(), [job()]) == (True, 1)
    assert [path.name for path in (store.folder / "attempts").iterdir()] == [f"{job().id}.1"]
    record = json.loads((folder / "record.json").read_text())
    assert record["attempt"] == 2
    assert len(load_runs(store.folder)) == 3


def test_a_failed_job_runs_again_only_if_asked(tmp_path):
    store = RunStore.create(tmp_path, {})
    assert go(store, tmp_path, BAD, [job()]) == (False, 1)
    assert go(store, tmp_path, stream(), [job()]) == (False, 0)
    again = statuses_to_retry("timeout,failed")
    assert go(store, tmp_path, stream(), [job()], again=again) == (True, 1)


def test_the_statuses_to_retry_are_checked():
    assert statuses_to_retry(None) == {Status.INTERRUPTED}
    assert statuses_to_retry("oom") == {Status.INTERRUPTED, Status.OOM}
    assert Status.OK not in statuses_to_retry("all")
    assert Status.BUILD_FAILED in statuses_to_retry("all")
    with pytest.raises(UsageError, match="did you mean 'timeout'"):
        statuses_to_retry("tiemout")
    with pytest.raises(UsageError):
        statuses_to_retry(",")


def test_another_image_is_refused_by_name(tmp_path):
    store = RunStore.create(tmp_path, {})
    keep_environment(store, "mxnet-k122", {"image_digest": "sha256:1", "lock_sha256": "a"})
    keep_environment(store, "mxnet-k122", {"image_digest": "sha256:1", "lock_sha256": "a"})
    with pytest.raises(IdentityError, match=r"image: it was sha256:1, now it is sha256:2"):
        keep_environment(store, "mxnet-k122", {"image_digest": "sha256:2", "lock_sha256": "a"})


def test_a_commit_alone_is_no_other_identity():
    assert (
        identity_differences({"git_commit": "a", "kernel": "6"}, {"git_commit": "b", "kernel": "6"})
        == []
    )
    assert identity_differences({"kernel": "6"}, {"kernel": "7"}) == [
        "kernel: it was 6, now it is 7"
    ]


def test_a_full_disk_ends_the_run_and_what_was_kept_is_readable(tmp_path, monkeypatch):
    store = RunStore.create(tmp_path, {})
    go(store, tmp_path, stream(), [job(1)])
    written = []

    def full(kept, event):
        written.append(event)
        if len(written) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kept._events.write(event.model_dump_json(by_alias=True).encode() + b"\n")

    monkeypatch.setattr(JobStore, "event", full)
    with pytest.raises(MachineError, match="no space is left"):
        go(store, tmp_path, stream(), [job(1), job(2)])
    table = load_runs(store.folder)
    assert table.groupby("repeat")["status"].first().tolist() == [Status.OK, Status.INTERRUPTED]
    monkeypatch.undo()
    assert go(store, tmp_path, stream(), [job(1), job(2)]) == (True, 1)


def test_a_clock_that_was_set_leaves_no_phases_and_does_not_condemn_the_job(tmp_path, monkeypatch):
    steps = iter([0.0, 3600.0])
    monkeypatch.setattr("runner.execution.attempt.time.time", lambda: next(steps, 3600.0))
    store = RunStore.create(tmp_path, {})
    assert go(store, tmp_path, stream(), [job()]) == (True, 1)
    record = json.loads((store.folder / "jobs" / job().id / "record.json").read_text())
    assert record["clock_step_seconds"] == pytest.approx(3600, abs=5)
    assert load_runs(store.folder)["start_seconds"].isna().all()


def test_each_clock_fires_at_its_own_limit():
    limits = TimeLimits(first_output=10, silence=20, wall=50)
    timer = Timer(limits, now=100)
    assert timer.fired(109) is None
    assert timer.fired(110) is TimeLimit.FIRST_OUTPUT
    timer.heard(105)
    assert timer.fired(124) is None
    assert timer.fired(125) is TimeLimit.SILENCE
    timer.heard(140)
    assert timer.left(140) == 10
    assert timer.fired(150) is TimeLimit.WALL


def test_a_wish_to_end_is_heard_between_two_reads(tmp_path):
    store = RunStore.create(tmp_path, {})
    interrupts = Interrupts()

    class Asks(ScriptedLauncher):
        def start(self, job, environment):
            os.kill(os.getpid(), signal.SIGTERM)
            return super().start(job, environment)

    launcher = Asks({"mxnet": stream()})
    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        run_jobs(load_configurations(CHOSEN), [job(1), job(2)],
            conditions(launcher, store, tmp_path, interrupts=interrupts))  # fmt: skip
    assert [process.closed for process in launcher.processes] == [True]
    assert store.ended(job(1)) is Status.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_wish_to_end_that_the_job_hears_first_is_no_failure_of_the_job(tmp_path):
    """A cluster's queue sends it to all of a task's processes at once."""
    store, interrupts = RunStore.create(tmp_path, {}), Interrupts()

    class HeardFirst(ScriptedProcess):
        def wait(self):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
            return Exit(-signal.SIGTERM)

    class Sends(ScriptedLauncher):
        def start(self, job, environment):
            self.processes.append(HeardFirst(stream()[:3]))
            return self.processes[-1]

    told = conditions(Sends({}), store, tmp_path, interrupts=interrupts)
    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        run_jobs(load_configurations(CHOSEN), [job(1)], told)
    assert store.ended(job(1)) is Status.INTERRUPTED


def test_a_signal_is_raised_where_nothing_is_to_be_lost_and_noted_where_something_is():
    interrupts = Interrupts()
    with interrupts.installed(), interrupts.deferred():
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.pending
        assert not interrupts.urgent
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.urgent
    other = Interrupts()
    with other.installed(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(5)


def test_what_a_queue_sends_is_heard_and_nothing_is_waited_for_then():
    interrupts = Interrupts(patience=0)
    with interrupts.installed(), interrupts.deferred():
        os.kill(os.getpid(), signal.SIGUSR1)
        assert interrupts.urgent


def test_nohup_stays_in_force():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts().installed():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--retry", "failed"], "--retry needs --resume"),
        (["--resume", "nothing"], "no run 'nothing'"),
    ],
)
def test_a_mistake_in_resuming_is_one_line(arguments, text, tmp_path, capsys):
    assert main([*arguments, "--results", str(tmp_path)]) == ExitCode.USAGE
    assert text in capsys.readouterr().err


def test_a_resumed_run_takes_no_other_options(tmp_path, capsys):
    store = RunStore.create(tmp_path, {"request": {}})
    code = main(["--resume", store.name, "--epochs", "3", "--results", str(tmp_path)])
    assert code == ExitCode.USAGE
    assert "leave out --epochs" in capsys.readouterr().err


def test_a_run_of_an_older_version_cannot_be_resumed_and_says_so(tmp_path, capsys):
    store = RunStore.create(tmp_path, {})
    assert main(["--resume", store.name, "--results", str(tmp_path)]) == ExitCode.USAGE
    assert "cannot be resumed" in capsys.readouterr().err


def test_a_password_of_an_address_is_not_kept_and_must_be_said_again(tmp_path):
    address = "https://me:secret@mirror.example/simple"
    kept = Request(package_index=address, config=("mxnet-k122",)).to_keep()
    assert "secret" not in json.dumps(kept)
    store = RunStore.create(tmp_path, {"request": kept})
    asked = Request(package_index=address)
    with pytest.raises(UsageError, match="--package-index"):
        resumed_request(store.folder.parent, store.name, Request(), set())
    _, again = resumed_request(store.folder.parent, store.name, asked, {"package_index"})
    assert (again.package_index, again.config) == (address, ("mxnet-k122",))


def test_every_way_to_end_but_ok_has_something_to_do():
    assert set(REMEDIES) == set(Status) - {Status.OK}
    said = remedies_for(["ok", "timeout/failed", "failed"])
    assert [line.partition(":")[0] for line in said] == ["failed", "timeout"]


def test_a_job_that_is_another_now_is_named(tmp_path):
    store = RunStore.create(tmp_path, {})
    before = _jobs([job(1), job(2)])
    with pytest.raises(IdentityError, match=rf"job {job(2).id} .* epochs: it was 3, now it is 4"):
        _refuse_other_jobs(store, before, [job(1), replace(job(2), epochs=4)])
