"""Wheels of a folder, as far as a lock names them."""

from runner.environments.lockfile import uncovered, wheels_of
from runner.environments.recipe import sha256_of

LOCK = (
    f"one==1 \\\n    --hash=sha256:{sha256_of(b'a')} \\\n    --hash=sha256:{sha256_of(b'b')}\n"
    f"two-three[x]==2.0 --hash=sha256:{sha256_of(b'c')}\n"
).encode()


def test_only_files_that_a_lock_names_are_taken(tmp_path):
    for name, content in [("a.whl", b"a"), ("c.tar.gz", b"c"), ("d.whl", b"d"), ("b.txt", b"b")]:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.whl").mkdir()
    found = wheels_of([tmp_path], LOCK)
    assert {path.name: digest for path, digest in found.items()} == {
        "a.whl": sha256_of(b"a"),
        "c.tar.gz": sha256_of(b"c"),
    }


def test_one_file_of_each_package_is_enough():
    assert uncovered(LOCK, []) == ["one", "two-three"]
    assert uncovered(LOCK, [sha256_of(b"b")]) == ["two-three"]
    assert uncovered(LOCK, [sha256_of(b"a"), sha256_of(b"c")]) == []
