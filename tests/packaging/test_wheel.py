"""The package as others get it: built, installed beside no checkout, called elsewhere."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import uv

import runner
from runner import paths
from runner.environments.recipe import recipe_files
from runner.spec.configuration import Device, configuration_names, load_configurations
from runner.spec.workload import WORKLOADS

SHIPPED = ("docker", "models", "results/published")
# What a working folder holds beside the project, and what no build reads.
NOT_COPIED = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "runs", "measured")
BUILD = "import sys; from setuptools import build_meta; build_meta.{}(sys.argv[1])"


def build(what: str, source: Path, to: Path) -> Path:
    """Build as pip does, with the setuptools that is installed; return the archive."""
    command = [sys.executable, "-c", BUILD.format(f"build_{what}"), str(to)]
    ended = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return next(to.iterdir())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a copy of the checkout in which Python has left compiled files."""
    source = tmp_path_factory.mktemp("source") / "project"
    shutil.copytree(paths.CHECKOUT, source, ignore=NOT_COPIED)
    for folder in ("runner", "models", "docker/common"):
        (source / folder / "__pycache__").mkdir(exist_ok=True)
        (source / folder / "__pycache__" / "left.cpython-311.pyc").touch()
    return source


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def archive(source, tmp_path_factory):
    return build("sdist", source, tmp_path_factory.mktemp("archive"))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name[-1] != "/"}


def files(root: Path) -> set[str]:
    """Return the files of a folder, by their path in it, without what Python compiled."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in found if path.suffix != ".pyc"}


def test_a_wheel_holds_the_modules_and_the_projects_folders_and_nothing_else(wheel, source):
    about = f"keras_backend_benchmarks-{runner.__version__}.dist-info"
    held = {name for name in contents(wheel) if not name.startswith(f"{about}/")}
    expected = {f"runner/{name}" for name in files(source / "runner")}
    for folder in SHIPPED:
        expected |= {f"runner/_project/{folder}/{name}" for name in files(source / folder)}
    assert held == expected
    for name in configuration_names():
        assert f"runner/_project/docker/{name}/config.toml" in held


def test_a_module_that_is_gone_is_in_no_later_wheel(source, tmp_path):
    (source / "build" / "lib" / "runner").mkdir(parents=True, exist_ok=True)
    (source / "build" / "lib" / "runner" / "gone.py").touch()
    assert "runner/gone.py" not in contents(build("wheel", source, tmp_path))


def test_a_wheel_made_from_the_source_archive_is_the_same(archive, wheel, tmp_path):
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert list(unpacked.rglob("*.pyc")) == []
    again = contents(build("wheel", unpacked, tmp_path / "again"))
    assert again == contents(wheel)


class Installed:
    """The package installed beside no checkout, and an empty folder to call it from."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.python = environment / "bin" / "python"
        self.folder = folder
        (self.packages,) = (environment / "lib").glob("python*/site-packages")

    def call(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the empty folder; its output is wide."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.python.parent / command[0], *command[1:]],
            cwd=self.folder, capture_output=True, text=True, check=False,
            env={**kept, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1", **variables},
        )  # fmt: skip

    def bench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.call("keras-bench", *arguments)

    def state(self) -> dict[str, tuple[int, int]]:
        """Return the size and the time of each file of the installed package."""
        about = {path: path.stat() for path in (self.packages / "runner").rglob("*")}
        return {str(path): (found.st_size, found.st_mtime_ns) for path, found in about.items()}


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Return an environment with the wheel in it, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder)
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run([*install, "--python", folder / "bin" / "python", wheel], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # Its own .pth files, an editable install's among them, are not read.
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(ours)))
    # Other packages bring folders of these names; a checkout is not to be taken from them.
    for name in ("docker", "models"):
        (packages / name).mkdir()
    return folder


@pytest.fixture
def installed(environment, tmp_path):
    """Return the installed package. Whatever a test does, nothing of it may change."""
    installed = Installed(environment, tmp_path)
    before = installed.state()
    yield installed
    assert installed.state() == before


def test_it_says_its_version(installed):
    ended = installed.bench("--version")
    assert (ended.returncode, ended.stdout) == (0, f"keras-bench {runner.__version__}\n")
    assert installed.call("python", "-m", "runner", "--version").stdout == ended.stdout


def test_it_is_imported_from_where_it_is_installed(installed):
    asked = "import json, runner; from runner import paths; "
    said = (
        "from runner.store.identity import git_commit; "
        "print(json.dumps([runner.__file__, str(paths.ROOT), git_commit()]))"
    )
    subprocess.run(["git", "init", "--quiet", installed.folder], check=True)
    file, root, commit = json.loads(installed.call("python", "-c", asked + said).stdout)
    assert Path(file).is_relative_to(installed.packages)
    assert Path(root).is_relative_to(installed.packages)
    assert commit is None


def test_it_lists_every_configuration_and_every_model(installed):
    ended = installed.bench("list")
    assert ended.returncode == 0
    assert [name for name in (*configuration_names(), *WORKLOADS) if name not in ended.stdout] == []


def test_it_prints_what_was_published(installed):
    ended = installed.bench("published")
    assert ended.returncode == 0
    assert "mxnet" in ended.stdout


def test_it_plans_an_old_configuration_or_says_which_python_it_lacks(installed):
    ended = installed.bench(
        "plan", "--config", "mxnet-k122", "--device", "cpu", "--launcher", "local"
    )
    planned = ended.returncode == 0 and "mxnet-k122/mxnet" in ended.stdout
    assert planned or "Python 3.6" in ended.stdout + ended.stderr


def test_its_images_hold_what_a_checkouts_hold(installed):
    code = (
        "import json; from runner.environments.recipe import recipe_files, sha256_of; "
        "from runner.spec.configuration import Device, load_configurations; "
        "made = recipe_files(load_configurations(['tf-k3'])[0], Device.CPU); "
        "print(json.dumps({name: sha256_of(content) for name, content in made.items()}))"
    )
    ours = recipe_files(load_configurations(["tf-k3"])[0], Device.CPU)
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in ours.items()}
    assert json.loads(installed.call("python", "-c", code).stdout) == expected


@pytest.mark.parametrize(
    "command",
    [
        ["new", "configuration", "jax-k9"],
        ["new", "model", "mnist_wide"],
        ["lock", "jax-k3"],
        ["check", "configuration", "jax-k3"],
        ["check", "model", "mnist_mlp"],
    ],
    ids=" ".join,
)
def test_what_works_on_the_projects_folders_asks_for_a_checkout(installed, command):
    ended = installed.bench(*command)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "git clone" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert installed.bench(*command[:-1], "--help").returncode == 0


def test_its_results_are_below_the_current_folder_and_its_help_says_so(installed):
    said = " ".join(installed.bench("run", "--help").stdout.split())
    assert "[default: results/runs]" in said
    ended = installed.bench("report", "latest")
    assert ended.returncode == 2
    assert "results/runs" in ended.stderr
    assert list(installed.folder.iterdir()) == []


def test_it_trains_and_finds_its_run_again(installed, python_of):
    python_of("jax-k3")
    ended = installed.bench(
        "--config", "jax-k3", "--launcher", "local", "--device", "cpu", "--model", "mnist_mlp",
        "--epochs", "2", "--samples", "256", "--data", "synthetic", "--wait", "200",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (run,) = (installed.folder / "results" / "runs").glob("2*")
    (record,) = run.glob("jobs/*/record.json")
    assert json.loads(record.read_text())["status"] == "ok"
    shown = installed.bench("report", "latest")
    assert shown.returncode == 0
    assert "mnist_mlp" in shown.stdout
