"""A run's folder: held by one runner at a time."""

import pytest

from runner.errors import MachineError
from runner.locks import sole_use
from runner.store.run_folder import RunStore


def test_a_run_is_held_by_one_runner_and_leaves_no_lock(tmp_path):
    store = RunStore.create(tmp_path, {})
    with sole_use(store.folder) as is_free:
        assert is_free
    with store.hold():
        with sole_use(store.folder) as is_free:
            assert not is_free
        with pytest.raises(MachineError, match="another runner"), RunStore(store.folder).hold():
            pass
    with sole_use(store.folder) as is_free:
        assert is_free
    assert [path.name for path in store.folder.iterdir()] == ["manifest.json"]
