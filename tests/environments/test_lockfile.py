"""Wheels of a folder, as far as a lock names them."""

from runner.environments.lockfile import Pin, lock_problems, read_requirements, uncovered, wheels_of
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


def test_a_package_that_exists_as_source_only_is_named_and_is_no_requirement(tmp_path):
    wanted, lock = tmp_path / "cpu.in", tmp_path / "cpu.lock"
    wanted.write_text("--no-binary one\none==1\n")
    lock.write_text(f"--no-binary one\n\none==1 --hash=sha256:{sha256_of(b'a')}\n")
    assert list(map(type, read_requirements(wanted))) == [Pin]
    assert list(lock_problems(wanted, lock)) == []


def test_another_option_of_pip_is_told(tmp_path):
    wanted = tmp_path / "cpu.in"
    wanted.write_text("--no-binary :all:\n--pre\none==1\n")
    assert len(list(lock_problems(wanted, wanted))) >= 2
