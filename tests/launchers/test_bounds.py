"""What bounds a job's writing: the floor of the disk, and the compile cache of an image."""

import os
import platform
import subprocess
from types import SimpleNamespace

import pytest
from docker.errors import APIError, NotFound

from runner.launchers.compile_cache import CompileCache, disk_bytes
from runner.launchers.disk_floor import RESERVE_BYTES, DiskFloor
from runner.machine.docker_engine import Engine

GIB = 1 << 30


class Disk:
    """A disk whose free room is what a test says, and a clock that it sets."""

    def __init__(self, free, files=10**9):
        self.free, self.files, self.now, self.looks = free, files, 0.0, 0

    def statvfs(self, path):
        self.looks += 1
        return SimpleNamespace(f_bavail=self.free // 4096, f_frsize=4096, f_favail=self.files)


@pytest.fixture
def floor(monkeypatch, tmp_path):
    def make(disk, path=tmp_path):
        monkeypatch.setattr("os.statvfs", disk.statvfs)
        return DiskFloor(path, clock=lambda: disk.now)

    return make


def test_a_job_is_stopped_when_the_reserve_is_touched(floor):
    disk = Disk(100 * GIB)
    found = floor(disk)
    assert found.problem() is None
    disk.free, disk.now = RESERVE_BYTES - 4096, 2.0
    assert "4095 MiB" in found.problem()


def test_a_disk_that_is_nearly_full_already_may_lose_half(floor):
    disk = Disk(GIB)
    found = floor(disk)
    for free, is_well in ((GIB * 6 // 10, True), (GIB * 4 // 10, False)):
        disk.free, disk.now = free, disk.now + 2
        assert (found.problem() is None) is is_well


def test_files_run_out_as_bytes_do(floor):
    disk = Disk(100 * GIB)
    found = floor(disk)
    disk.files, disk.now = 10, 2.0
    assert "10 files" in found.problem()


def test_a_file_system_that_counts_no_files_has_them_always(floor):
    disk = Disk(100 * GIB, files=0)
    found = floor(disk)
    disk.now = 2.0
    assert found.problem() is None


def test_the_disk_is_looked_at_once_a_second(floor):
    disk = Disk(100 * GIB)
    found = floor(disk)
    before = disk.looks
    for _ in range(1000):
        found.problem()
        disk.now += 0.01
    assert disk.looks - before == pytest.approx(10, abs=1)


def test_a_disk_of_another_machine_is_not_watched(floor, tmp_path):
    assert floor(Disk(0), tmp_path / "elsewhere").problem() is None
    assert floor(Disk(0), None).problem() is None


class Volumes:
    """An engine's volumes, with or without quotas."""

    def __init__(self, has_quotas):
        self.has_quotas, self.made = has_quotas, {}

    def get(self, name):
        if name not in self.made:
            raise NotFound("no such volume")
        return self.made[name]

    def create(self, name, driver_opts=None, labels=None):
        if driver_opts and not self.has_quotas:
            raise APIError("quota size requested but no quota support")
        self.made[name] = driver_opts


@pytest.mark.parametrize(("has_quotas", "options"), [(True, {"size": "4096"}), (False, None)])
def test_a_cache_has_a_quota_where_the_engine_has_them(has_quotas, options):
    volumes = Volumes(has_quotas)
    engine = Engine(SimpleNamespace(volumes=volumes), {})
    cache = CompileCache(engine, "sha256:" + "a" * 64, 4096, {})
    cache.mount()
    cache.mount()
    assert volumes.made == {"keras-backend-benchmarks-cache-" + "a" * 16: options}


def test_a_folder_takes_what_its_files_take(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "file").write_bytes(b"x" * 100_000)
    found = disk_bytes(tmp_path)
    assert 100_000 <= found < 150_000
    os.truncate(tmp_path / "deep" / "er" / "file", 1 << 30)  # a hole takes nothing
    assert disk_bytes(tmp_path) < 200_000


def test_no_link_is_followed_out_of_a_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(b"x" * 1_000_000)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "link").symlink_to(tmp_path / "elsewhere")
    assert disk_bytes(tmp_path / "cache") < 100_000
    assert disk_bytes(tmp_path / "cache" / "link") < 100_000


def test_what_takes_too_long_to_measure_has_no_size(tmp_path):
    for number in range(300):
        (tmp_path / str(number)).touch()
    with pytest.raises(subprocess.TimeoutExpired):
        disk_bytes(tmp_path, 1e-6)


def test_a_folder_of_any_depth_is_measured(tmp_path):
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("a", dir_fd=at)
        below = os.open("a", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    assert disk_bytes(tmp_path) >= 0
    # Too deep for Python's own removal, by which pytest clears up.
    subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)


@pytest.mark.parametrize(("root", "is_here"), [("engine", True), ("other", False), ("", False)])
def test_a_cache_is_read_from_here_where_its_folder_is_the_engine_s_and_here(
    tmp_path, monkeypatch, root, is_here
):
    volume = tmp_path / "engine" / "volumes" / "cache"
    volume.mkdir(parents=True)
    (tmp_path / "other").mkdir()
    told = SimpleNamespace(attrs={"Mountpoint": str(volume)})
    client = SimpleNamespace(
        volumes=SimpleNamespace(get=lambda _: told), api=SimpleNamespace(base_url="unix:///socket")
    )
    info = {"KernelVersion": platform.release(), "DockerRootDir": str(tmp_path / root)}
    engine = Engine(client, info if root else {})
    monkeypatch.setattr(CompileCache, "_size_from_within", lambda _: 1 << 40)
    said = CompileCache(engine, "sha256:" + "a" * 64, 4096, {})._size()
    assert said == (disk_bytes(volume) if is_here else 1 << 40)
