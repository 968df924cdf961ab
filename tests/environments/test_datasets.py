"""Data: the real download code against a local server, and what a wrong file leads to."""

import io
import itertools
import os
import pickle
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from patching import patch_everywhere
from runner.environments.datasets import (
    DOWNLOADS,
    Download,
    dataset_states,
    fetch_dataset,
    prepare_data,
)
from runner.environments.fetch import FetchError, fetch_file
from runner.environments.recipe import sha256_of
from runner.environments.unpack import (
    _BABI,
    MAX_MEMBER_BYTES,
    _ArraysOnly,
    digits_arrays,
)
from runner.errors import DataError
from runner.paths import ROOT
from runner.spec.workload import DataSource


def archive(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def download(server, dataset: str, content: bytes) -> Download:
    server.files["/file"] = content
    return replace(
        DOWNLOADS[dataset],
        sha256=sha256_of(content),
        urls=(server.url + "/gone", server.url + "/file"),
    )


def test_the_second_source_serves_when_the_first_is_gone(server, tmp_path):
    item = download(server, "mnist", b"content")
    path = fetch_dataset(item, tmp_path)
    assert path.read_bytes() == b"content"
    assert server.asked == ["/gone", "/file"]
    fetch_dataset(item, tmp_path)
    assert server.asked == ["/gone", "/file"], "a checked file is not fetched again"


def test_a_wrong_hash_names_both_and_the_file_is_set_aside(server, tmp_path):
    item = replace(download(server, "mnist", b"content"), sha256="0" * 64)
    with pytest.raises(DataError) as caught:
        fetch_dataset(item, tmp_path)
    assert sha256_of(b"content") in str(caught.value)
    assert "0" * 64 in str(caught.value)
    folder = tmp_path / "downloads"
    assert [path.name for path in folder.iterdir()] == ["mnist.npz.wrong"]


def test_the_next_source_serves_where_one_sends_something_else(server, tmp_path):
    item = download(server, "mnist", b"content")
    server.files["/gone"] = b"a page that says sorry"
    path = fetch_dataset(item, tmp_path)
    assert path.read_bytes() == b"content"
    assert server.asked == ["/gone", "/file"]


def test_what_is_larger_than_the_file_is_not_taken(server, tmp_path):
    """A server that sent without end filled the disk."""
    item = replace(download(server, "mnist", b"x" * 200_000), size=100_000)
    with pytest.raises(DataError, match="more than 97.7 KiB, which is all there is"):
        fetch_dataset(item, tmp_path)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_what_a_killed_runner_left_is_swept(server, tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "mnist.npz.999999999.part").write_bytes(b"half")
    (folder / f"mnist.npz.{os.getppid()}.part").write_bytes(b"of another that lives")
    fetch_dataset(download(server, "mnist", b"content"), tmp_path)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["mnist.npz", f"mnist.npz.{os.getppid()}.part"]


def test_a_server_that_is_too_slow_is_given_up(server, tmp_path):
    server.files["/file"] = b"x" * 300_000
    moments = itertools.count(0, 100)
    with pytest.raises(FetchError, match="in 120 s: it is too slow"):
        fetch_file(f"{server.url}/file", tmp_path / "x", 300_000, clock=lambda: next(moments))


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022])
def test_containers_can_read_the_data_whatever_the_umask(server, tmp_path, mask):
    """A user of a careful umask was told that the file is not there."""
    before = os.umask(mask)
    try:
        folder = prepare_data(DataSource.DIGITS, ["mnist"], tmp_path)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_data_that_an_earlier_version_made_private_is_opened_again(tmp_path):
    folder = prepare_data(DataSource.DIGITS, ["mnist"], tmp_path)
    folder.chmod(0o700)
    (folder / "mnist.npz").chmod(0o600)
    prepare_data(DataSource.DIGITS, ["mnist"], tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_no_source_answers_says_where_to_put_the_file(server, tmp_path):
    item = replace(download(server, "mnist", b""), urls=(server.url + "/gone",))
    with pytest.raises(DataError, match="put the file at") as caught:
        fetch_dataset(item, tmp_path)
    assert str(tmp_path / "downloads" / "mnist.npz") in str(caught.value)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_file_that_the_user_put_there_is_checked_and_used(server, tmp_path):
    item = download(server, "mnist", b"content")
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "mnist.npz").write_bytes(b"content")
    fetch_dataset(item, tmp_path)
    assert server.asked == []


def test_cifar10_becomes_arrays(server, tmp_path, monkeypatch):
    rng = np.random.RandomState(0)

    def batch():
        return {b"data": rng.randint(0, 256, (4, 3072)).astype(np.uint8), b"labels": [0, 1, 2, 3]}

    names = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
    batches = {name: batch() for name in names}
    content = archive({f"cifar-10-batches-py/{n}": pickle.dumps(b) for n, b in batches.items()})
    monkeypatch.setitem(DOWNLOADS, "cifar10", download(server, "cifar10", content))
    folder = prepare_data(DataSource.REAL, ["cifar10"], tmp_path)
    with np.load(folder / "cifar10.npz") as arrays:
        assert arrays["x_train"].shape == (20, 32, 32, 3)
        assert arrays["y_train"].tolist() == [0, 1, 2, 3] * 5
        assert arrays["x_test"].dtype == np.uint8
        red = batches["test_batch"][b"data"][0][:1024].reshape(32, 32)
        assert (arrays["x_test"][0, :, :, 0] == red).all()


def test_only_the_named_members_of_an_archive_are_read(server, tmp_path, monkeypatch):
    members = {_BABI.format(part): part.encode() for part in ("train", "test")}
    content = archive({"../../escape": b"x", **members})
    monkeypatch.setitem(DOWNLOADS, "babi", download(server, "babi", content))
    folder = prepare_data(DataSource.REAL, ["babi"], tmp_path / "cache")
    assert (folder / "babi_qa2_train.txt").read_bytes() == b"train"
    assert not (tmp_path / "escape").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "babi_qa2_test.txt", "babi_qa2_train.txt",
    ]  # fmt: skip


def test_an_archive_without_its_member_is_an_error(server, tmp_path, monkeypatch):
    item = download(server, "babi", archive({"other": b"x"}))
    monkeypatch.setitem(DOWNLOADS, "babi", item)
    with pytest.raises(DataError, match="no member tasks_1-20_v1-2/en/qa2"):
        prepare_data(DataSource.REAL, ["babi"], tmp_path)


def test_digits_are_the_1797_real_ones_in_a_fixed_split(tmp_path):
    folder = prepare_data(DataSource.DIGITS, ["mnist"], tmp_path)
    with np.load(folder / "mnist.npz") as arrays:
        assert len(arrays["x_train"]) + len(arrays["x_test"]) == 1797
        assert arrays["x_train"].shape[1:] == (28, 28)
        assert arrays["x_train"].max() == 255
        assert set(arrays["y_test"].tolist()) == set(range(10))


KEPT_DIGITS = ROOT / "runner" / "environments" / "assets"


def test_the_kept_digits_are_those_that_runs_have_named_so_far():
    """The file, and what jobs get of it: rows of earlier runs name the hash of these arrays."""
    found = sha256_of((KEPT_DIGITS / "digits.csv.gz").read_bytes())
    assert found in (KEPT_DIGITS / "DIGITS").read_text()
    arrays = digits_arrays()
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert sha256_of(b"".join(array.tobytes() for array in arrays.values())) == (
        "2b86b3fe53ef029ddb42a2a1dcd3321ae907673c4e862ec18b4b0f71a697d9a3"
    )


def test_the_kept_digits_are_those_of_scikit_learn_where_that_is_installed():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    rows = np.loadtxt(KEPT_DIGITS / "digits.csv.gz", delimiter=",")
    assert rows.shape == (1797, 65)
    assert (rows[:, :-1].min(), rows[:, :-1].max()) == (0, 16)
    assert np.array_equal(rows[:, :-1], theirs.data)
    assert np.array_equal(rows[:, -1], theirs.target)


def test_states_tell_missing_wrong_and_ok(server, tmp_path, monkeypatch):
    monkeypatch.setitem(DOWNLOADS, "mnist", download(server, "mnist", b"content"))
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "mnist.npz").write_bytes(b"content")
    (tmp_path / "downloads" / "cifar-10-python.tar.gz").write_bytes(b"other")
    found = {item.dataset: state for item, _, state in dataset_states(tmp_path)}
    assert found == {"mnist": "ok", "cifar10": "wrong", "babi": "missing"}


def hostile_archive(name: str, **changes) -> bytes:
    """Return an archive whose member ``name`` is no plain file, beside others that want out."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for number, other in enumerate(("/tmp/absolute", "../../outside", "link/x")):
            entry = tarfile.TarInfo(other)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(str(number).encode()))
        entry = tarfile.TarInfo(name)
        for field, value in changes.items():
            setattr(entry, field, value)
        tar.addfile(entry)
    return packed.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "../../../../etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        {"type": tarfile.BLKTYPE, "devmajor": 254, "devminor": 0},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
        {"size": MAX_MEMBER_BYTES + 1},
        {"size": 1 << 40},
    ],
)
def test_a_hostile_member_is_refused_and_nothing_is_written(server, tmp_path, monkeypatch, changes):
    content = hostile_archive(_BABI.format("train"), **changes)
    monkeypatch.setitem(DOWNLOADS, "babi", download(server, "babi", content))
    cache = tmp_path / "deep" / "cache"
    with pytest.raises(DataError):
        prepare_data(DataSource.REAL, ["babi"], cache)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert written == {
        "deep", "deep/cache", "deep/cache/downloads", "deep/cache/real",
        "deep/cache/downloads/babi_tasks_1-20_v1-2.tar.gz",
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"\x1f\x8b" + b"x" * 100])
def test_what_is_no_archive_is_an_error_of_the_data(server, tmp_path, monkeypatch, content):
    monkeypatch.setitem(DOWNLOADS, "babi", download(server, "babi", content))
    with pytest.raises(DataError, match="babi"):
        prepare_data(DataSource.REAL, ["babi"], tmp_path)


class Calls:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_that_calls_something_is_refused(server, tmp_path, monkeypatch, protocol):
    hostile = pickle.dumps({b"data": Calls(tmp_path / "written"), b"labels": []}, protocol)
    content = archive({"cifar-10-batches-py/data_batch_1": hostile})
    monkeypatch.setitem(DOWNLOADS, "cifar10", download(server, "cifar10", content))
    with pytest.raises(DataError, match=r"open is no part of an array"):
        prepare_data(DataSource.REAL, ["cifar10"], tmp_path / "cache")
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol_are_read(protocol):
    batch = {b"data": np.arange(12, dtype=np.uint8).reshape(3, 4), b"labels": [0, 1, 2]}
    pickled = io.BytesIO(pickle.dumps(batch, protocol))
    found = _ArraysOnly(pickled, encoding="bytes").load()
    assert (found[b"data"] == batch[b"data"]).all()
    assert found[b"labels"] == batch[b"labels"]


def test_a_file_that_changes_after_its_check_is_not_unpacked(server, tmp_path, monkeypatch):
    item = download(server, "mnist", b"content")
    monkeypatch.setitem(DOWNLOADS, "mnist", item)
    path = fetch_dataset(item, tmp_path)

    def swapped(*arguments):
        path.write_bytes(b"something else")
        return path

    patch_everywhere(monkeypatch, fetch_dataset, swapped)
    with pytest.raises(DataError, match="SHA-256 is"):
        prepare_data(DataSource.REAL, ["mnist"], tmp_path)
    assert list((tmp_path / "real").iterdir()) == []
