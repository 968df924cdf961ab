"""A configuration's overrides stand instead of what a package asks for, when a lock is made."""

import sys
import zipfile
from pathlib import Path

import pytest

from made_configuration import CONFIG
from runner.environments.lock_maker import make_lock
from runner.environments.lockfile import read_pins
from runner.errors import BuildError
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, read_configuration


def add_wheel(index: Path, name: str, version: str, *requires: str) -> None:
    """Add a wheel without content to a package index of files."""
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    wanted = "".join(f"Requires-Dist: {text}\n" for text in requires)
    with zipfile.ZipFile(folder / file, "w") as wheel:
        wheel.writestr(
            f"{about}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}",
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    links = "".join(f'<a href="{path.name}">{path.name}</a>\n' for path in folder.glob("*.whl"))
    (folder / "index.html").write_text(links)


@pytest.fixture
def configuration(tmp_path):
    """A configuration that wants a newer package than the other one that it wants allows."""
    folder = tmp_path / "mxnet-k10"
    folder.mkdir()
    # The Python that is here: uv would look for another one on the network first.
    (folder / "config.toml").write_text(CONFIG.replace("3.6", "{}.{}".format(*sys.version_info)))
    (folder / "cpu.in").write_text("framework==1.0\nlayers==3.0\n")
    return read_configuration(folder)


@pytest.fixture
def options(tmp_path):
    index = tmp_path / "index"
    add_wheel(index, "framework", "1.0", "layers<3", "needless")
    add_wheel(index, "layers", "3.0")
    return BuildOptions(package_index=index.as_uri())


@pytest.mark.parametrize("name", ["overrides.in", "cpu.overrides.in"])
def test_a_line_replaces_what_a_package_asks_for(configuration, options, name):
    text = 'layers==3.0\nneedless==1.0; sys_platform == "never"\n'
    (configuration.folder / name).write_text(text)
    lock = make_lock(configuration, Device.CPU, options)
    assert [str(pin) for pin in read_pins(lock)] == ["framework==1.0", "layers==3.0"]


def test_the_other_devices_lines_count_for_nothing(configuration, options):
    (configuration.folder / "gpu.overrides.in").write_text("layers==3.0\n")
    with pytest.raises(BuildError, match="layers"):
        make_lock(configuration, Device.CPU, options)


def test_without_a_line_the_package_has_its_way(configuration, options):
    with pytest.raises(BuildError, match="layers"):
        make_lock(configuration, Device.CPU, options)
    assert not configuration.lock(Device.CPU).exists()
