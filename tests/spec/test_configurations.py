"""Configurations: the real ones are sound, and a mistake gets one line that helps."""

import json
import math
import shutil
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import paths
from runner.errors import ConfigurationError, UsageError
from runner.spec.configuration import (
    Device,
    configuration_names,
    load_configurations,
    read_configuration,
)
from runner.spec.naming import name_mismatch, parse_configuration_name

REAL = configuration_names()


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
    found = read_configuration(paths.CONFIGURATIONS / name)
    for device in Device:
        assert found.lock(device).is_file()
    assert (found.folder / "Dockerfile").is_file()
    versions = {name: backend.version for name, backend in found.backends.items()}
    assert name_mismatch(parse_configuration_name(name), versions, found.keras) is None


@pytest.mark.parametrize("name", REAL)
def test_a_published_configuration_tells_its_differences(name):
    found = read_configuration(paths.CONFIGURATIONS / name)
    for backend in found.backends.values():
        assert found.reproduces is None or backend.published_version is not None
    if found.reproduces:
        assert found.differences


def test_a_key_with_a_typo_is_named_with_its_nearest(folder):
    change(folder, "image_data_format", "image_data_fromat")
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(folder)
    assert "config.toml" in str(caught.value)
    assert "unknown key 'backends.mxnet.image_data_fromat'" in str(caught.value)
    assert "did you mean 'image_data_format'" in str(caught.value)


def test_an_unknown_model_in_unsupported_is_named(folder):
    with (folder / "config.toml").open("a") as file:
        file.write('\n[[unsupported]]\nmodel = "mnist_mpl"\nbackend = "mxnet"\nreason = "x"\n')
    with pytest.raises(ConfigurationError, match="did you mean 'mnist_mlp'"):
        read_configuration(folder)


def test_a_missing_file_and_broken_toml_are_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        read_configuration(tmp_path)
    (tmp_path / "config.toml").write_text("a = = b")
    with pytest.raises(ConfigurationError, match="not valid TOML") as caught:
        read_configuration(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_configuration_is_a_usage_error():
    with pytest.raises(UsageError, match="unknown configuration 'mxnet-k12'; did you mean"):
        load_configurations(["mxnet-k12"])


@given(st.binary(max_size=200))
def test_no_file_breaks_the_loader(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("configuration")
    (folder / "config.toml").write_bytes(content)
    with pytest.raises(ConfigurationError):
        read_configuration(folder)


toml_values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def as_toml(value) -> str:
    """Return a value inline: JSON's strings and lists are TOML's, its tables need no quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_toml(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "nan"
    return json.dumps(value).replace("\x7f", "\\u007f")


def places(content: dict | list, path=()) -> list[tuple]:
    """Return the path of every value in a configuration."""
    found = []
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


WHOLE = tomllib.loads((paths.CONFIGURATIONS / "mxnet-k122" / "config.toml").read_text())


@given(st.data())
def test_any_value_anywhere_is_a_configuration_or_one_line_with_its_file(tmp_path_factory, data):
    content = json.loads(json.dumps(WHOLE))
    *way, last = data.draw(st.sampled_from(places(content)))
    inner = content
    for step in way:
        inner = inner[step]
    match data.draw(st.sampled_from(["other", "removed", "added"])):
        case "other":
            inner[last] = data.draw(toml_values)
        case "removed":
            del inner[last]
        case "added" if isinstance(inner, dict):
            inner[data.draw(st.text(st.characters(codec="utf-8")))] = data.draw(toml_values)
    folder = tmp_path_factory.mktemp("configuration")
    written = "\n".join(f"{as_toml(key)} = {as_toml(value)}" for key, value in content.items())
    (folder / "config.toml").write_text(written, encoding="utf-8")
    try:
        found = read_configuration(folder)
    except ConfigurationError as error:
        assert str(folder / "config.toml") in str(error)
        assert str(error).isprintable()
    else:
        assert found.folder == folder


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 2020-99-99", "\x00", "a = '\x1b'"]
)
def test_what_breaks_the_parser_is_one_line(tmp_path, text):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(tmp_path)
    assert str(caught.value).isprintable()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("backends.mxnet", 'backends."../../x"'),
        ("backends.mxnet", 'backends."a b"'),
        ("backends.mxnet", 'backends."-x"'),
        ('cpu = "', 'cpu = "$(touch x) '),
        ('cpu = "', 'cpu = "--privileged '),
        ('local_pythons = ["', 'local_pythons = ["../../'),
        ('local_pythons = ["', 'local_pythons = ["*'),
        ('min_driver = "', 'min_driver = "a'),
    ],
)
def test_a_name_that_would_be_more_than_a_name_is_refused(folder, old, new):
    path = folder / "config.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        read_configuration(folder)


@pytest.mark.parametrize("name", ["-x", "A B", "x;touch y", "..x", "x\n", "$(x)"])
def test_a_folder_whose_name_is_no_image_name_is_refused(tmp_path, name):
    made = tmp_path / name
    made.mkdir()
    shutil.copy(paths.CONFIGURATIONS / "mxnet-k122" / "config.toml", made)
    with pytest.raises(ConfigurationError, match="its folder's name becomes an image's"):
        read_configuration(made)
