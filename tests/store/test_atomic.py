"""What is written to a path that a user named: whole, and as what it is."""

import os
import threading
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.store.atomic import output_file, whole_file


def write(path, text="new"):
    with output_file(path) as partial:
        partial.write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path):
    target, link, second = tmp_path / "t", tmp_path / "l", tmp_path / "s"
    target.write_text("old")
    link.symlink_to("t")
    second.symlink_to(link)
    write(second)
    assert link.is_symlink()
    assert second.is_symlink()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["l", "s", "t"]


def test_a_link_to_nothing_makes_what_it_leads_to(tmp_path):
    (tmp_path / "l").symlink_to("t")
    write(tmp_path / "l")
    assert (tmp_path / "t").read_text() == "new"


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StoreError, match="a: cannot be written"):
        write(tmp_path / "a")


def test_a_pipe_stays_one_and_gets_the_text(tmp_path):
    pipe = tmp_path / "f"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write(pipe)
    reader.join(10)
    assert read == ["new"]
    assert pipe.is_fifo()


def test_a_device_stays_one():
    write(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_an_open_file_of_this_process_is_written_into(tmp_path):
    with (tmp_path / "open").open("w") as file:
        file.write("first ")
        file.flush()
        write(Path(f"/dev/fd/{file.fileno()}"), "second")
    assert (tmp_path / "open").read_text() == "first second"


def test_the_mode_stays(tmp_path):
    path = tmp_path / "f"
    for mode in (0o640, 0o600, 0o664):
        path.touch()
        path.chmod(mode)
        write(path)
        assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("named", ["folder", "none/file", "file/below"])
def test_what_cannot_be_written_is_said_in_a_line(tmp_path, named):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=f"{named}: cannot be written: [A-Z][a-z ]+$"):
        write(tmp_path / named)
    assert names(tmp_path) == ["file", "folder"]


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert names(tmp_path) == ["f"]
