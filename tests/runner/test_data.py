"""Data: the real download code against a local server, and what a wrong file leads to."""

import http.server
import io
import pickle
import tarfile
import threading
from dataclasses import replace

import numpy as np
import pytest

from runner import data
from runner.errors import DataError
from runner.recipes import sha256
from runner.workloads import DataSource


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        content = self.server.files.get(self.path)
        self.server.asked.append(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *arguments): ...


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.files, found.asked = {}, []
        found.url = f"http://127.0.0.1:{found.server_port}"
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def archive(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def download(server, dataset: str, content: bytes) -> data.Download:
    server.files["/file"] = content
    return replace(
        data.DOWNLOADS[dataset],
        sha256=sha256(content),
        urls=(server.url + "/gone", server.url + "/file"),
    )


def test_the_second_source_serves_when_the_first_is_gone(server, tmp_path):
    item = download(server, "mnist", b"content")
    path = data.fetch(item, tmp_path)
    assert path.read_bytes() == b"content"
    assert server.asked == ["/gone", "/file"]
    data.fetch(item, tmp_path)
    assert server.asked == ["/gone", "/file"], "a checked file is not fetched again"


def test_a_wrong_hash_names_both_and_the_file_is_set_aside(server, tmp_path):
    item = replace(download(server, "mnist", b"content"), sha256="0" * 64)
    with pytest.raises(DataError) as caught:
        data.fetch(item, tmp_path)
    assert sha256(b"content") in str(caught.value)
    assert "0" * 64 in str(caught.value)
    folder = tmp_path / "downloads"
    assert [path.name for path in folder.iterdir()] == ["mnist.npz.wrong"]


def test_no_source_answers_says_where_to_put_the_file(server, tmp_path):
    item = replace(download(server, "mnist", b""), urls=(server.url + "/gone",))
    with pytest.raises(DataError, match="put the file at") as caught:
        data.fetch(item, tmp_path)
    assert str(tmp_path / "downloads" / "mnist.npz") in str(caught.value)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_file_that_the_user_put_there_is_checked_and_used(server, tmp_path):
    item = download(server, "mnist", b"content")
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "mnist.npz").write_bytes(b"content")
    data.fetch(item, tmp_path)
    assert server.asked == []


def test_cifar10_becomes_arrays(server, tmp_path, monkeypatch):
    rng = np.random.RandomState(0)

    def batch():
        return {b"data": rng.randint(0, 256, (4, 3072)).astype(np.uint8), b"labels": [0, 1, 2, 3]}

    names = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
    batches = {name: batch() for name in names}
    content = archive({f"cifar-10-batches-py/{n}": pickle.dumps(b) for n, b in batches.items()})
    monkeypatch.setitem(data.DOWNLOADS, "cifar10", download(server, "cifar10", content))
    folder = data.prepare(DataSource.REAL, ["cifar10"], tmp_path)
    with np.load(folder / "cifar10.npz") as arrays:
        assert arrays["x_train"].shape == (20, 32, 32, 3)
        assert arrays["y_train"].tolist() == [0, 1, 2, 3] * 5
        assert arrays["x_test"].dtype == np.uint8
        red = batches["test_batch"][b"data"][0][:1024].reshape(32, 32)
        assert (arrays["x_test"][0, :, :, 0] == red).all()


def test_only_the_named_members_of_an_archive_are_read(server, tmp_path, monkeypatch):
    members = {data._BABI.format(part): part.encode() for part in ("train", "test")}
    content = archive({"../../escape": b"x", **members})
    monkeypatch.setitem(data.DOWNLOADS, "babi", download(server, "babi", content))
    folder = data.prepare(DataSource.REAL, ["babi"], tmp_path / "cache")
    assert (folder / "babi_qa2_train.txt").read_bytes() == b"train"
    assert not (tmp_path / "escape").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "babi_qa2_test.txt", "babi_qa2_train.txt",
    ]  # fmt: skip


def test_an_archive_without_its_member_is_an_error(server, tmp_path, monkeypatch):
    item = download(server, "babi", archive({"other": b"x"}))
    monkeypatch.setitem(data.DOWNLOADS, "babi", item)
    with pytest.raises(DataError, match="no member tasks_1-20_v1-2/en/qa2"):
        data.prepare(DataSource.REAL, ["babi"], tmp_path)


def test_digits_are_the_1797_real_ones_in_a_fixed_split(tmp_path):
    folder = data.prepare(DataSource.DIGITS, ["mnist"], tmp_path)
    with np.load(folder / "mnist.npz") as arrays:
        assert len(arrays["x_train"]) + len(arrays["x_test"]) == 1797
        assert arrays["x_train"].shape[1:] == (28, 28)
        assert arrays["x_train"].max() == 255
        assert set(arrays["y_test"].tolist()) == set(range(10))


def test_states_tell_missing_wrong_and_ok(server, tmp_path, monkeypatch):
    monkeypatch.setitem(data.DOWNLOADS, "mnist", download(server, "mnist", b"content"))
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "mnist.npz").write_bytes(b"content")
    (tmp_path / "downloads" / "cifar-10-python.tar.gz").write_bytes(b"other")
    found = {item.dataset: state for item, _, state in data.states(tmp_path)}
    assert found == {"mnist": "ok", "cifar10": "wrong", "babi": "missing"}
