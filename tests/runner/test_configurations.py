"""Configurations: the real ones are sound, and a mistake gets one line that helps."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import configurations, naming, paths
from runner.configurations import Device
from runner.errors import ConfigurationError, UsageError

REAL = configurations.names()


@pytest.fixture
def folder(tmp_path):
    shutil.copy(paths.CONFIGURATIONS / "mxnet-k122" / "config.toml", tmp_path)
    return tmp_path


def change(folder, old: str, new: str) -> None:
    path = folder / "config.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_three_published_configurations_are_there():
    assert {"mxnet-k122", "tf-cntk-k208", "theano-k208"} <= set(REAL)


@pytest.mark.parametrize("name", REAL)
def test_a_configuration_is_whole(name):
    found = configurations.read(paths.CONFIGURATIONS / name)
    for device in Device:
        assert found.lock(device).is_file()
    assert (found.folder / "Dockerfile").is_file()
    versions = {name: backend.version for name, backend in found.backends.items()}
    assert naming.reason_against(naming.configuration_name(name), versions, found.keras) is None


@pytest.mark.parametrize("name", REAL)
def test_a_published_configuration_tells_its_differences(name):
    found = configurations.read(paths.CONFIGURATIONS / name)
    for backend in found.backends.values():
        assert found.reproduces is None or backend.published_version is not None
    if found.reproduces:
        assert found.differences


def test_a_key_with_a_typo_is_named_with_its_nearest(folder):
    change(folder, "image_data_format", "image_data_fromat")
    with pytest.raises(ConfigurationError) as caught:
        configurations.read(folder)
    assert "config.toml" in str(caught.value)
    assert "unknown key 'backends.mxnet.image_data_fromat'" in str(caught.value)
    assert "did you mean 'image_data_format'" in str(caught.value)


def test_an_unknown_model_in_unsupported_is_named(folder):
    with (folder / "config.toml").open("a") as file:
        file.write('\n[[unsupported]]\nmodel = "mnist_mpl"\nbackend = "mxnet"\nreason = "x"\n')
    with pytest.raises(ConfigurationError, match="did you mean 'mnist_mlp'"):
        configurations.read(folder)


def test_a_missing_file_and_broken_toml_are_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        configurations.read(tmp_path)
    (tmp_path / "config.toml").write_text("a = = b")
    with pytest.raises(ConfigurationError, match="not valid TOML") as caught:
        configurations.read(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_configuration_is_a_usage_error():
    with pytest.raises(UsageError, match="unknown configuration 'mxnet-k12'; did you mean"):
        configurations.load(["mxnet-k12"])


@given(st.binary(max_size=200))
def test_no_file_breaks_the_loader(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("configuration")
    (folder / "config.toml").write_bytes(content)
    with pytest.raises(ConfigurationError):
        configurations.read(folder)
