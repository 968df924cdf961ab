"""The locks pin exactly what was asked for, by hash, and name no place to fetch it from."""

import re
import tomllib
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[2] / "docker"
LOCKS = sorted(DOCKER.glob("*/*.lock"))
# What uv resolved holds more than was asked for; the others are written out whole.
RESOLVED = sorted(DOCKER.glob("*-k3*/*.lock"))
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(\S+)$")
FOLDERS = sorted(path.parent for path in DOCKER.glob("*/Dockerfile"))
FRAMEWORK = re.compile(r"(tensorflow|cntk|mxnet|torch)(-cpu|-gpu|-cu[0-9]+)?==")
# MXNet's, CNTK's and TensorFlow 1's GPU wheels hold theirs.
CUDA = re.compile(r"nvidia-|cuda-|jax-cuda|triton==|tensorflow(-gpu)?==2|cntk-gpu|mxnet-cu")
SOURCE_ONLY = re.compile(r"^--no-binary ([A-Za-z0-9._-]+)$")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def named_after_folder(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> dict[str, list[str]]:
    """Map each pinned package (name==version, no extras) of a file to the words after it."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        words = line.split()
        if words and not line.startswith("#") and not SOURCE_ONLY.match(line):
            match = PIN.match(words[0])
            assert match, f"{path}: {line!r} pins nothing"
            found[f"{normalized(match[1])}=={match[2]}"] = words[1:]
    return found


def test_every_configuration_has_a_lock_for_both_devices():
    for recipe in DOCKER.glob("*/Dockerfile"):
        assert {"cpu.lock", "gpu.lock"} <= {path.name for path in recipe.parent.iterdir()}


@pytest.mark.parametrize("lock", LOCKS, ids=named_after_folder)
def test_pins_what_was_asked_for(lock):
    assert pins(lock.with_suffix(".in")).keys() <= pins(lock).keys()


@pytest.mark.parametrize(
    "lock", [lock for lock in LOCKS if lock not in RESOLVED], ids=named_after_folder
)
def test_a_lock_that_is_not_resolved_pins_nothing_else(lock):
    assert pins(lock).keys() <= pins(lock.with_suffix(".in")).keys()


@pytest.mark.parametrize("lock", LOCKS, ids=named_after_folder)
def test_every_package_has_hashes_and_nothing_else(lock):
    for package, words in pins(lock).items():
        assert words, f"{package} has no hash"
        assert all(HASH.match(word) for word in words), package


@pytest.mark.parametrize("lock", LOCKS, ids=named_after_folder)
def test_names_no_place(lock):
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    lines = [line for line in text.splitlines() if not SOURCE_ONLY.match(line)]
    assert not [line for line in lines if line.startswith(("#", "-", "/"))]


@pytest.mark.parametrize("lock", LOCKS, ids=named_after_folder)
def test_what_is_built_from_source_is_pinned_and_has_one_file(lock):
    """Else a package that has a wheel would be built on the user's machine."""
    held = {name.partition("==")[0]: hashes for name, hashes in pins(lock).items()}
    named = [m[1] for line in lock.read_text().splitlines() if (m := SOURCE_ONLY.match(line))]
    assert [len(held[normalized(name)]) for name in named] == [1] * len(named)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_devices_differ_in_the_frameworks_and_cuda_only(folder):
    differing = pins(folder / "cpu.lock").keys() ^ pins(folder / "gpu.lock").keys()
    assert [name for name in differing if not FRAMEWORK.match(name) and not CUDA.match(name)] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_cpu_installs_nothing_of_cuda(folder):
    assert [name for name in pins(folder / "cpu.lock") if CUDA.match(name)] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_an_override_takes_out_is_in_no_lock_and_what_it_names_is(folder):
    for device in ("cpu", "gpu"):
        paths = [folder / "overrides.in", folder / f"{device}.overrides.in"]
        lines = [line for path in paths if path.exists() for line in path.read_text().splitlines()]
        held = {pin.partition("==")[0]: pin for pin in pins(folder / f"{device}.lock")}
        for line in lines:
            wanted, _, marker = (part.strip() for part in line.partition(";"))
            if wanted.startswith("#"):
                continue
            if marker:
                assert marker == 'sys_platform == "never"'
                assert wanted.partition("==")[0] not in held
            else:
                assert held[wanted.partition("==")[0]] == wanted


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if folder.name.endswith("-k3")], ids=lambda f: f.name
)
def test_no_backend_brings_another_ones_framework(folder):
    """Of the newest Keras: tf-keras, which that of 2024 stands beside, brings TensorFlow."""
    held = {match[1] for name in pins(folder / "cpu.lock") if (match := FRAMEWORK.match(name))}
    backends = tomllib.loads((folder / "config.toml").read_text())["backends"]
    assert held == {name for name in backends if FRAMEWORK.match(f"{name}==")}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_only_torch_for_the_cpu_has_a_build_of_its_own_index(folder):
    local = [name for path in folder.glob("*.lock") for name in pins(path) if "+" in name]
    assert all(re.fullmatch(r"torch==[0-9.]+\+cpu", name) for name in local)
    assert len(local) == ("torch" in folder.name)
