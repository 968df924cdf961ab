"""Whose commit it is: the checkout's own, never that of a repository around it."""

import subprocess

import pytest

from runner.store.identity import git_commit


@pytest.fixture
def repository(tmp_path):
    """Return a function that makes a repository with one commit: its folder and that commit."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        for command in (["init"], [*who, "commit", "--allow-empty", "--message", name]):
            subprocess.run(["git", "-C", folder, *command], check=True, capture_output=True)
        head = subprocess.run(
            ["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        return folder, head.stdout.strip()

    return make


def test_a_checkout_has_its_commit_and_says_that_a_file_differs(repository):
    folder, commit = repository("own")
    assert git_commit(folder) == commit
    (folder / "file").touch()
    subprocess.run(["git", "-C", folder, "add", "file"], check=True)
    assert git_commit(folder) == f"{commit}-modified"


def test_a_worktree_of_a_checkout_has_its_commit(repository, tmp_path):
    folder, commit = repository("own")
    command = ["git", "-C", folder, "worktree", "add", tmp_path / "second"]
    subprocess.run(command, check=True, capture_output=True)
    assert git_commit(tmp_path / "second") == commit


def test_the_repository_around_an_unpacked_archive_is_not_the_runners(repository):
    folder, _ = repository("around")
    (folder / "unpacked").mkdir()
    assert git_commit(folder / "unpacked") is None


def test_a_repository_named_by_gits_own_variables_is_not_the_runners(repository, monkeypatch):
    folder, commit = repository("own")
    other, _ = repository("other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert git_commit(folder) == commit


def test_gits_own_variables_do_not_change_what_is_found(repository, monkeypatch):
    folder, commit = repository("own")
    other, _ = repository("other")
    for name in ("GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE", "GIT_NAMESPACE"):
        monkeypatch.setenv(name, str(other / ".git"))
    assert git_commit(folder) == commit


def test_a_folder_whose_git_belongs_to_other_files_has_none(repository, tmp_path):
    folder, _ = repository("own")
    subprocess.run(
        ["git", "-C", folder, "config", "core.worktree", tmp_path / "elsewhere"], check=True
    )
    (tmp_path / "elsewhere").mkdir()
    assert git_commit(folder) is None
    (tmp_path / "link").symlink_to(repository("linked")[0])
    assert git_commit(tmp_path / "link") is not None


def test_an_installed_package_has_none():
    assert git_commit(None) is None
