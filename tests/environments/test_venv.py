"""An environment of this machine, made with uv from a lock and a wheel of the test's own."""

import sys
import time
import zipfile

import psutil
import pytest
import uv

from runner.environments.patience import Making, UnwantedError
from runner.environments.recipe import sha256_of
from runner.environments.venv import (
    is_environment_made,
    lock_of_environment,
    prepare_environment,
)
from runner.errors import BuildError
from runner.locks import alone
from runner.machine.interpreters import find_interpreter
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations

MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
MODULES = {"made.py": "VALUE = 1\n", "of_another_python.py": 'print "no"\n'}


def make_wheel(folder):
    """Write a wheel of two modules, the same each time, and return a lock's line of it."""
    path = folder / "made-1.0-py3-none-any.whl"
    about = "made-1.0.dist-info/"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in MODULES.items():
            archive.writestr(zipfile.ZipInfo(name), text)
        archive.writestr(
            zipfile.ZipInfo(about + "METADATA"),
            "Metadata-Version: 2.1\nName: made\nVersion: 1.0\n",
        )
        archive.writestr(
            zipfile.ZipInfo(about + "WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        names = [*MODULES, *(about + name for name in ("METADATA", "WHEEL", "RECORD"))]
        record = "".join(f"{name},,\n" for name in names)
        archive.writestr(zipfile.ZipInfo(about + "RECORD"), record)
    return f"made==1.0 --hash=sha256:{sha256_of(path.read_bytes())}\n"


@pytest.fixture
def prepare(tmp_path):
    def prepared(python, wanted_until=float("inf"), **options):
        (tmp_path / "cpu.lock").write_text(make_wheel(tmp_path))
        chosen = load_configurations(["mxnet-k122"])[0].model_copy(
            update={"folder": tmp_path, "local_pythons": (python,)}
        )
        build = BuildOptions(wheels=tmp_path, **options)
        making = Making(tmp_path / "log", print, lambda: time.monotonic() < wanted_until)
        return prepare_environment(chosen, Device.CPU, tmp_path / "cache", build, making)

    return prepared


@pytest.mark.parametrize("python", ["3.6", MINE])
def test_every_module_is_compiled_once_as_jobs_write_no_bytecode(prepare, python):
    if find_interpreter((python,)) is None:
        pytest.skip(f"there is no Python {python} on this machine")
    made = prepare(python)
    folder = made.python.parent.parent
    compiled = {path.name.split(".")[0] for path in folder.rglob("*.pyc")}
    assert "made" in compiled and "of_another_python" not in compiled
    assert is_environment_made(folder)


def test_an_environment_that_takes_too_long_is_not_one(prepare, tmp_path):
    with pytest.raises(BuildError, match=r"took longer than 0 s \(--build-timeout\)"):
        prepare(MINE, build_seconds=0.001)
    assert not any(map(is_environment_made, (tmp_path / "cache" / "environments").iterdir()))


def test_an_environment_that_nobody_wants_any_more_is_not_made_and_no_program_goes_on(
    prepare, tmp_path, monkeypatch
):
    slow = tmp_path / "uv"
    slow.write_text("#!/bin/sh\nexec sleep 321.5\n")
    slow.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr(uv, "find_uv_bin", lambda: str(slow))
        with pytest.raises(UnwantedError):
            prepare(MINE, wanted_until=time.monotonic() + 1)
    running = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [command for command in running if "sleep 321.5" in command]
    assert prepare(MINE).python.exists()


def test_who_waits_for_an_environment_that_another_makes_stops_waiting_when_it_is_unwanted(
    prepare, tmp_path
):
    made = prepare(MINE)
    folder = made.python.parent.parent
    with alone(lock_of_environment(folder)), pytest.raises(UnwantedError):
        prepare(MINE, wanted_until=time.monotonic() + 1)


@pytest.mark.parametrize(
    ("name", "is_run"),
    [("sitecustomize.py", True), ("usercustomize.py", True), ("stray.pth", True),
     ("numpy/__init__.py", True), ("notes.txt", False), ("made.libs/x.so", False)],
)  # fmt: skip
def test_an_environment_that_holds_what_its_lock_does_not_install_is_refused(prepare, name, is_run):
    made = prepare(MINE)
    [packages] = (made.python.parent.parent / "lib").glob("python*/site-packages")
    assert prepare(MINE).python == made.python
    path = packages / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    if not is_run:
        assert prepare(MINE).python == made.python
        return
    top = name.partition("/")[0]
    with pytest.raises(BuildError, match=f"does not install, and jobs would import: {top}; .*anew"):
        prepare(MINE)
    assert path.exists(), "it may be somebody's own"


def test_an_environment_with_the_systems_packages_is_refused(prepare):
    made = prepare(MINE)
    settings = made.python.parent.parent / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("= false", "= true"))
    with pytest.raises(BuildError, match="takes packages of the system's Python too"):
        prepare(MINE)
