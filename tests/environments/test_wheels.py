"""Wheels that no index holds are fetched once, checked by the lock, or said to be missing."""

import re

import pytest

from runner.environments.patience import Making, UnwantedError
from runner.environments.recipe import sha256_of
from runner.environments.wheels import with_own_wheels
from runner.errors import BuildError, UnobtainableError
from runner.report.console import safe_text
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, OwnWheel, load_configurations

CONTENT = b"a wheel"
FILE = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
PATH = "/whl/" + FILE.replace("+", "%2B")


@pytest.fixture
def configuration(server, tmp_path):
    (tmp_path / "cpu.lock").write_text(f"torch==2.13.0+cpu --hash=sha256:{sha256_of(CONTENT)}")
    found = load_configurations(["torch-k3"])[0]
    wheels = (OwnWheel(device=Device.CPU, url=server.url + PATH),)
    return found.model_copy(update={"folder": tmp_path, "wheels": wheels})


def reach(configuration, cache, device=Device.CPU, **options):
    making = Making(cache / "log", print)
    return with_own_wheels(configuration, device, BuildOptions(**options), cache, making)


def test_a_wheel_is_fetched_once_and_found_beside_the_users(configuration, server, tmp_path):
    server.files[PATH] = CONTENT
    own = tmp_path / "own"
    own.mkdir()
    for _ in range(2):
        options = reach(configuration, tmp_path / "cache", wheels=own)
        assert options.wheel_folders == [own, tmp_path / "cache" / "wheels"]
    assert [path.name for path in (tmp_path / "cache" / "wheels").iterdir()] == [FILE]
    assert server.asked == [PATH]


def test_nothing_is_fetched_that_the_user_has(configuration, server, tmp_path):
    (tmp_path / FILE).write_bytes(CONTENT)
    reach(configuration, tmp_path / "cache", wheels=tmp_path)
    reach(configuration, tmp_path / "cache", package_index="https://mirror.example/simple")
    reach(configuration, tmp_path / "cache", device=Device.GPU)
    assert server.asked == []


def test_a_wheel_that_cannot_be_fetched_is_named_with_the_remedy(configuration, server, tmp_path):
    with pytest.raises(UnobtainableError) as caught:
        reach(configuration, tmp_path)
    # As far as a line of progress shows it: the error of a network may be very long.
    shown = safe_text(str(caught.value) + "x" * 1000)
    assert re.match(r"torch-2\.13\.0\S* is on no .* --wheels", shown)
    assert list((tmp_path / "wheels").iterdir()) == []


def test_a_wheel_that_is_not_the_locked_one_is_refused(configuration, server, tmp_path):
    server.files[PATH] = b"another"
    with pytest.raises(BuildError, match="SHA-256 is .*, which the lock does not name"):
        reach(configuration, tmp_path)
    assert list((tmp_path / "wheels").iterdir()) == []


def test_the_wheel_of_pytorch_is_the_one_that_its_lock_names():
    found = load_configurations(["torch-k3"])[0]
    (wheel,) = found.wheels
    assert wheel.file == FILE
    assert "torch==2.13.0+cpu" in found.lock(Device.CPU).read_text()


def test_a_wheel_that_nobody_wants_any_more_is_not_fetched_to_its_end(
    configuration, server, tmp_path
):
    server.files[PATH] = CONTENT
    making = Making(tmp_path / "log", print, is_wanted=lambda: False)
    with pytest.raises(UnwantedError):
        with_own_wheels(configuration, Device.CPU, BuildOptions(), tmp_path / "cache", making)
    assert list((tmp_path / "cache" / "wheels").iterdir()) == []
