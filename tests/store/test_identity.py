"""What a run is made of: its own commit, and the machine that its jobs run on."""

import platform
import subprocess

import pytest

from fake_nvml import K80
from made_machine import ELSEWHERE, made_engine
from runner.machine.identity import cpu_model, describe_identity, hardware_name
from runner.machine.machine import Machine
from runner.spec.configuration import Device
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


HERE = made_engine(KernelVersion=platform.release())
THERE = made_engine(base_url=ELSEWHERE, KernelVersion="5.4.0", Name="far")
# A virtual machine's engine is reached by a socket of this machine.
VIRTUAL = made_engine(KernelVersion="6.6.0-linuxkit", Name="docker-desktop")


@pytest.mark.parametrize("engine", [None, HERE])
def test_jobs_of_this_machine_have_its_processor_and_kernel(engine):
    of_host = describe_identity(engine)
    assert (of_host["cpu_model"], of_host["kernel"]) == (cpu_model(), platform.release())
    assert hardware_name(Machine(Device.CPU, engine)) == cpu_model()


@pytest.mark.parametrize(("engine", "kernel"), [(THERE, "5.4.0"), (VIRTUAL, "6.6.0-linuxkit")])
def test_jobs_of_another_machine_have_none_of_this_ones(engine, kernel):
    of_host = describe_identity(engine)
    assert (of_host["cpu_model"], of_host["kernel"]) == (None, kernel)
    name = engine.info["Name"]
    assert hardware_name(Machine(Device.CPU, engine)) == f"the engine's machine ({name})"


def test_what_an_engine_does_not_tell_is_not_known():
    silent = made_engine(base_url=ELSEWHERE)
    assert describe_identity(silent)["kernel"] is None
    assert "no name" in hardware_name(Machine(Device.CPU, silent))


def test_a_card_is_the_hardware_of_its_jobs():
    assert hardware_name(Machine(Device.GPU, HERE, (K80,))) == K80.name
