"""Room on disk: what is there already needs none, and a full disk is said before anything."""

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from docker.errors import ImageNotFound

from runner import paths
from runner.cli.app import main
from runner.environments.datasets import missing_bytes, prepare_data
from runner.environments.image import FoundBase, image_plan
from runner.environments.image_content import image_content
from runner.environments.venv import MARKER, environment_folder
from runner.errors import ConfigurationError, ExitCode, MachineError, UsageError
from runner.machine.disk import Need
from runner.machine.docker_engine import LABEL, Engine
from runner.plan.needs import environment_needs, image_needs, require_room
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, configuration_names, read_configuration
from runner.spec.workload import DataSource
from runner.words import GIB, parse_age, parse_size, size_text

GIB = GIB


@pytest.fixture
def free(monkeypatch):
    """Sets how many bytes every disk has free."""

    def set_free(count):
        usage = SimpleNamespace(total=1 << 50, used=0, free=count)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    return set_free


def test_a_full_disk_names_the_folder_the_need_the_room_and_the_remedy(free, tmp_path):
    free(2 * GIB)
    folder = tmp_path / "not" / "yet" / "there"
    with pytest.raises(MachineError) as caught:
        require_room([Need(folder, 3 * GIB, "image a-k1"), Need(tmp_path, 5, "results")], print)
    said = str(caught.value)
    assert caught.value.exit_code == ExitCode.MACHINE
    assert str(folder) in said
    assert "3.25 GiB needed, 2 GiB free" in said
    assert "image a-k1 3 GiB, results 5 B" in said
    assert "python -m runner clean" in said


def test_needs_of_one_disk_add_up(free, tmp_path):
    free(3 * GIB)
    needs = [Need(tmp_path / name, GIB, name) for name in "ab"]
    require_room(needs, lambda line: None)
    with pytest.raises(MachineError):
        require_room([*needs, Need(tmp_path, GIB, "c")], print)


def test_little_that_is_left_is_said_and_much_is_not(free, tmp_path):
    said: list[str] = []
    free(3 * GIB)
    require_room([Need(tmp_path, GIB // 2, "a")], said.append)
    assert said == []
    require_room([Need(tmp_path, 2 * GIB, "a")], said.append)
    assert len(said) == 1
    assert "only 1 GiB will be left" in said[0]


def test_what_is_not_known_is_said_and_counts_nothing(free, tmp_path):
    said: list[str] = []
    free(10 * GIB)
    require_room([Need(tmp_path, None, "image a-k1")], said.append)
    assert said == ["disk: how much image a-k1 takes is not known; 10 GiB are free"]


def test_no_need_is_no_problem():
    require_room([], print)


@pytest.fixture
def mxnet():
    return read_configuration(paths.CONFIGURATIONS / "mxnet-k122")


class Images:
    """An engine's images by name; the bases are always there."""

    def __init__(self, there):
        self.there = there

    def get(self, name):
        if name.startswith(f"{LABEL}/") and name not in self.there:
            raise ImageNotFound(name)
        return SimpleNamespace(attrs={"RootFS": {"Layers": ["base"]}})


def engine(root, there=()):
    client = SimpleNamespace(
        images=Images(list(there)), api=SimpleNamespace(base_url="http+docker://localhost")
    )
    info = {"DockerRootDir": str(root), "KernelVersion": os.uname().release}
    return Engine(client, info)


def test_images_that_are_not_there_need_room_to_build(tmp_path, mxnet):
    tf = read_configuration(paths.CONFIGURATIONS / "tf-k3")
    needs = list(image_needs(engine(tmp_path), [mxnet, tf], Device.CPU, BuildOptions()))
    assert [need.what for need in needs] == ["image mxnet-k122", "image tf-k3", "building"]
    sizes = [mxnet.disk.cpu, tf.disk.cpu]
    most = max(one.build_gib - one.image_gib for one in sizes)
    expected = sum(one.image_gib for one in sizes) + most
    assert sum(need.bytes for need in needs) == pytest.approx(expected * GIB, abs=9)


def test_an_image_or_the_stage_below_its_models_needs_nothing(tmp_path, mxnet):
    base = FoundBase("ubuntu:16.04", "ubuntu:16.04", image_content(["base"], {}), None)
    plan = image_plan(mxnet, Device.CPU, base)
    *below, environment, finished = plan.stages
    for stage in (environment, finished):
        found = engine(tmp_path, [stage.tag])
        assert list(image_needs(found, [mxnet], Device.CPU, BuildOptions())) == []
        needed = list(image_needs(found, [mxnet], Device.GPU, BuildOptions()))
        assert [(need.what, need.bytes) for need in needed] == [("image mxnet-k122", None)]
    for stage in below:
        found = engine(tmp_path, [stage.tag])
        assert list(image_needs(found, [mxnet], Device.CPU, BuildOptions())) != []


def test_an_engine_elsewhere_is_not_judged_by_this_disk(mxnet, tmp_path):
    far = engine(tmp_path)
    far.info["KernelVersion"] = "another"
    assert list(image_needs(far, [mxnet], Device.CPU, BuildOptions())) == []


def test_an_environment_needs_room_until_it_is_whole(mxnet, tmp_path):
    (need,) = environment_needs([mxnet], Device.CPU, tmp_path)
    assert need.bytes == int(mxnet.disk.cpu.environment_gib * GIB)
    folder = environment_folder(mxnet, Device.CPU, tmp_path)
    folder.mkdir(parents=True)
    assert len(list(environment_needs([mxnet], Device.CPU, tmp_path))) == 1
    (folder / MARKER).touch()
    assert list(environment_needs([mxnet], Device.CPU, tmp_path)) == []


def test_data_needs_room_as_far_as_it_is_not_there(tmp_path):
    wanted = ["babi", "cifar10", "mnist"]
    assert missing_bytes(DataSource.SYNTHETIC, wanted, tmp_path) == {}
    before = missing_bytes(DataSource.REAL, wanted, tmp_path)
    assert list(before) == wanted
    assert before["cifar10"] == 170_498_071 + 60_000 * 3073
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "cifar-10-python.tar.gz").touch()
    assert missing_bytes(DataSource.REAL, wanted, tmp_path)["cifar10"] == 60_000 * 3073
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "cifar10.npz").touch()
    assert "cifar10" not in missing_bytes(DataSource.REAL, wanted, tmp_path)


def test_the_digits_take_no_more_than_is_said(tmp_path):
    said = missing_bytes(DataSource.DIGITS, ["mnist"], tmp_path)
    folder = prepare_data(DataSource.DIGITS, ["mnist"], tmp_path)
    arrays = sum(path.stat().st_size for path in folder.iterdir())
    assert 0.9 * arrays < said["digits"] <= arrays
    assert missing_bytes(DataSource.DIGITS, ["mnist"], tmp_path) == {}


@pytest.mark.parametrize("name", configuration_names())
def test_sizes_are_in_order_and_tell_where_they_come_from(name):
    found = read_configuration(paths.CONFIGURATIONS / name)
    for device in Device:
        sizes = found.disk.on(device)
        assert sizes is not None
        assert sizes.source
        assert sizes.environment_gib
        assert (sizes.image_gib is None) == (sizes.build_gib is None)
        if sizes.image_gib:
            assert sizes.image_gib < sizes.build_gib <= 2 * sizes.image_gib


def test_a_typing_error_in_the_sizes_is_named(tmp_path):
    text = (paths.CONFIGURATIONS / "mxnet-k122" / "config.toml").read_text()
    (tmp_path / "config.toml").write_text(text.replace("build_gib", "bild_gib"))
    with pytest.raises(ConfigurationError, match="did you mean 'build_gib'"):
        read_configuration(tmp_path)


def test_a_run_on_a_full_disk_ends_before_anything_is_made(free, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "cache", lambda: tmp_path / "cache")
    free(100 << 20)
    code = main(
        ["--launcher", "local", "--device", "cpu", "--config", "jax-k3", "--data", "synthetic",
         "--results", str(tmp_path / "runs")]
    )  # fmt: skip
    assert code == ExitCode.MACHINE
    said = capsys.readouterr().err
    assert "environment jax-k3" in said
    assert "python -m runner clean" in said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_real_small_disk_is_too_full(small_disk, tmp_path):
    with pytest.raises(MachineError, match="64 MiB free") as caught:
        require_room([Need(small_disk / "runs", 1, "results"), Need(tmp_path, 1, "x")], print)
    assert str(small_disk) in str(caught.value)
    assert str(tmp_path / "x") not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "count"), [("20G", 20 << 30), ("1.5 gib", 3 << 29), ("500M", 500 << 20), ("7", 7)]
)
def test_sizes_are_read(text, count):
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "G", "-1G", "1e9", "20 parsecs", "9" * 40])
def test_what_is_no_size_or_age_is_a_usage_error(text):
    for parse in (parse_size, parse_age):
        with pytest.raises(UsageError):
            parse(text)


def test_sizes_are_shown_short():
    shown = [size_text(count) for count in (0, 999, 1000, 1 << 20, 1023 << 20, 5 << 40)]
    assert shown == ["0 B", "999 B", "0.977 KiB", "1 MiB", "0.999 GiB", "5 TiB"]
