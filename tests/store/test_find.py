"""Finding runs: the latest is the one that began last, whatever it is called."""

import json

import pytest

from runner import paths
from runner.errors import StoreError, UsageError
from runner.store.find import find_run, list_resumable_runs, list_runs
from runner.store.run_folder import RunStore
from steady_runs import steady_run


def begun(folder, started):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "started": started}))


@pytest.fixture
def three(tmp_path):
    """Write three runs whose names are not in the order in which they began."""
    folders = []
    for name, started in (
        ("zebra", "2026-01-01T10:00:00+00:00"),
        ("baseline", "2026-01-02T10:00:00+00:00"),
        # Later than the one before: the hour is of another zone.
        ("middle", "2026-01-02T09:30:00-05:00"),
    ):
        folder = steady_run(tmp_path, repeats=1).rename(tmp_path / name)
        begun(folder, started)
        folders.append(folder)
    return folders


def test_runs_are_in_the_order_in_which_they_began(three, tmp_path):
    assert list_runs(tmp_path) == list_resumable_runs(tmp_path) == three
    assert find_run(tmp_path, "latest") == three[-1]


@pytest.mark.parametrize("started", [None, 7, "", "yesterday", "9" * 40, ["x"]])
def test_a_run_whose_begin_is_not_known_stands_where_its_folder_was_written(
    three, tmp_path, started
):
    begun(three[0], started)
    assert find_run(tmp_path, "latest") == three[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"schema": 99}'])
def test_a_damaged_manifest_does_not_hide_the_other_runs(three, tmp_path, content):
    (three[0] / "manifest.json").write_bytes(content)
    assert set(list_runs(tmp_path)) == set(three)


def test_a_folder_without_runs_says_how_to_begin(tmp_path, monkeypatch):
    with pytest.raises(StoreError, match=r"no runs yet in .*: make bench$"):
        find_run(tmp_path / "none", "latest")
    monkeypatch.setattr(paths, "CHECKOUT", None)
    with pytest.raises(StoreError, match=r"no runs yet in .*: keras-bench run --help$"):
        find_run(tmp_path / "none", "latest")


def test_a_run_has_the_name_that_it_is_given(tmp_path):
    assert RunStore.create(tmp_path, {}, "before").folder == tmp_path / "before"
    with pytest.raises(UsageError, match="a run 'before' is there already"):
        RunStore.create(tmp_path, {}, "before")
