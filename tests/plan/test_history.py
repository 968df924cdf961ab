"""What a job will take, by those like it that ended: the nearest count, and nothing is invented."""

import time

import pytest

from launcher_contract import make_job
from made_runs import GAP, events, write_job
from runner.plan.history import History, Nearness
from runner.spec.job import Status
from runner.store.run_folder import RunStore

HERE = "a processor"
# made_runs: epochs of 9, 2 and 4 s, an event every 10 s from the start, 100 s in all.
BEFORE, AFTER = 4 * GAP - 9, 100 - 6 * GAP


def keep(root, *jobs, pace=1.0, cpu=HERE, status=Status.OK, **record):
    store = RunStore.create(root, {"identity": {"cpu_model": cpu}})
    for job in jobs:
        write_job(store, job, events(job, pace), status=status, **record)
    return store.folder


def job(**changes):
    return make_job(**{"epochs": 3, **changes})


def test_the_same_job_again_takes_what_it_took(tmp_path):
    keep(tmp_path, job())
    found = History(tmp_path, HERE).estimate(job())
    assert (found.before, found.first_epoch, found.later_epoch, found.after) == pytest.approx(
        (BEFORE, 9, 3, AFTER)
    )
    assert found.seconds == pytest.approx(BEFORE + 9 + 2 * 3 + AFTER)
    assert (found.nearness, found.rests_on) == (Nearness.THIS_MACHINE, "earlier runs")


def test_epochs_and_samples_are_scaled_and_that_is_said(tmp_path):
    keep(tmp_path, job())
    found = History(tmp_path, HERE).estimate(job(epochs=10, samples=80))
    assert found.seconds == pytest.approx(BEFORE + (9 - 3) + 10 * 30 + AFTER)
    assert found.rests_on == "earlier runs, scaled from 8 samples"


def test_without_a_number_of_its_own_a_job_has_its_models(tmp_path):
    keep(tmp_path, job())
    found = History(tmp_path, HERE).estimate(job(epochs=None, samples=None))
    assert found.epochs == 20
    assert found.later_epoch == pytest.approx(3 * 60_000 / 8)
    digits = History(tmp_path, HERE).estimate(job(samples=None, data="digits"))
    assert digits.later_epoch == pytest.approx(3 * 1497 / 8)


@pytest.mark.parametrize(("samples", "first"), [(8, 9), (80, 6 + 30), (4, 6 + 1.5)])
def test_what_is_done_once_is_not_multiplied_by_the_samples(tmp_path, samples, first):
    keep(tmp_path, job())
    assert History(tmp_path, HERE).estimate(job(samples=samples)).first_epoch == first


def test_a_single_epoch_tells_only_of_the_same_job(tmp_path):
    """How much of it was work that is done once is not known."""
    store = RunStore.create(tmp_path, {"identity": {"cpu_model": HERE}})
    said = [
        line for line in events(job()) if b'"epoch": 2' not in line and b'"epoch": 3' not in line
    ]
    write_job(store, job(epochs=1), said)
    history = History(tmp_path, HERE)
    assert history.estimate(job(epochs=1)).first_epoch == 9
    assert history.estimate(job(epochs=1, samples=80)) is None
    assert history.estimate(job(epochs=3)) is None


def test_the_nearest_count_and_the_others_do_not(tmp_path):
    keep(tmp_path, job(), cpu="another processor", pace=5)
    history = History(tmp_path, HERE)
    assert history.estimate(job()).nearness is Nearness.OTHER_MACHINE
    keep(tmp_path, job(configuration="other-k1"), pace=3)
    history = History(tmp_path, HERE)
    found = history.estimate(job())
    assert (found.nearness, found.later_epoch) == (Nearness.OTHER_CONFIGURATION, 9)
    keep(tmp_path, job(), pace=2)
    found = History(tmp_path, HERE).estimate(job())
    assert (found.nearness, found.later_epoch) == (Nearness.THIS_MACHINE, 6)


def test_of_several_the_median_of_the_newest_counts(tmp_path):
    for pace in (90, 1, 2, 7):
        keep(tmp_path, job(), pace=pace)
        time.sleep(0.01)
    assert History(tmp_path, HERE).estimate(job()).later_epoch == pytest.approx(3 * 2)


def test_as_many_threads_and_samples_come_before_newness(tmp_path):
    for number in range(3):
        keep(tmp_path, job(repeat=number + 1), pace=1)
    keep(tmp_path, job(threads=8), pace=50)
    assert History(tmp_path, HERE).estimate(job()).later_epoch == pytest.approx(3)


@pytest.mark.parametrize(
    "other", [{"backend": "theano"}, {"model": "mnist_cnn"}, {"device": "gpu"}]
)
def test_another_backend_model_or_device_tells_nothing(tmp_path, other):
    keep(tmp_path, job(**other))
    assert History(tmp_path, HERE).estimate(job()) is None


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.INVALID, Status.OOM])
def test_a_job_that_went_wrong_tells_nothing(tmp_path, status):
    keep(tmp_path, job(), status=status)
    assert History(tmp_path, HERE).estimate(job()) is None


def test_a_gpu_is_known_by_its_name(tmp_path):
    keep(tmp_path, job(device="gpu"), device_name="Tesla K80", cpu="another processor")
    found = History(tmp_path, "Tesla K80").estimate(job(device="gpu"))
    assert found.nearness is Nearness.THIS_MACHINE


def test_there_may_be_no_runs_at_all(tmp_path):
    assert History(tmp_path / "none", HERE).estimate(job()) is None
    assert not (tmp_path / "none").exists()
    (tmp_path / "a file").write_text("no run")
    assert History(tmp_path, HERE).estimate(job()) is None


DAMAGES = {
    "no record": lambda folder: (folder / "record.json").unlink(),
    "a torn record": lambda folder: (folder / "record.json").write_bytes(b'{"status": "ok'),
    "a list": lambda folder: (folder / "record.json").write_bytes(b"[]"),
    "no times": lambda folder: (folder / "record.json").write_bytes(b'{"status": "ok"}'),
    "bytes": lambda folder: (folder / "job.json").write_bytes(b"\xff\x00\xfe"),
    "no events": lambda folder: (folder / "events.jsonl").unlink(),
    "rubbish": lambda folder: (folder / "events.jsonl").write_bytes(b"\x00" * 99),
    "no manifest": lambda folder: (folder.parent.parent / "manifest.json").unlink(),
    "a wild manifest": lambda f: (f.parent.parent / "manifest.json").write_text('{"identity": 1}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_passed_over(tmp_path, damage):
    keep(tmp_path, job())
    good = History(tmp_path, HERE).estimate(job())
    folder = keep(tmp_path, job(), pace=100)
    DAMAGES[damage](next((folder / "jobs").iterdir()))
    assert History(tmp_path, HERE).estimate(job()) == good


def test_years_of_runs_are_read_in_a_moment(tmp_path):
    models = ("mnist_mlp", "mnist_cnn", "cifar10_cnn", "mnist_hrnn", "babi_rnn")
    for _ in range(150):
        keep(tmp_path, *[job(model=model) for model in models])
    history = History(tmp_path, HERE)
    began = time.process_time()
    assert all(history.estimate(job(model=model)) for model in models)
    assert time.process_time() - began < 2
