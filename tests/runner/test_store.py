"""A run's folder: held by one runner at a time."""

import pytest

from runner.errors import MachineError
from runner.results import RunStore, is_held


def test_a_run_is_held_by_one_runner_and_leaves_no_lock(tmp_path):
    store = RunStore.create(tmp_path, {})
    assert not is_held(store.folder)
    with store.hold():
        assert is_held(store.folder)
        with pytest.raises(MachineError, match="another runner"), RunStore(store.folder).hold():
            pass
    assert not is_held(store.folder)
    assert [path.name for path in store.folder.iterdir()] == ["manifest.json"]
