"""The checks: real configurations pass, and each fault of a broken one is a line with a remedy."""

import shutil

import pytest

from launcher_contract import Silent
from patching import patch_everywhere
from runner import paths
from runner.author.check import (
    configuration_findings,
    index_findings,
    model_findings,
)
from runner.author.trial import trial_findings, trial_jobs
from runner.environments.lock_maker import UnreachableError, is_installable, lock_differences
from runner.errors import BuildError
from runner.execution.attempt import Conditions
from runner.execution.guard import CpuGuard
from runner.machine.machine import Machine
from runner.plan.findings import FindingState
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, configuration_names, load_configurations
from runner.spec.workload import WORKLOADS
from runner.store.run_folder import RunStore
from scripted import ScriptedLauncher, stream

BUILD = BuildOptions()


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(paths.CONFIGURATIONS / "jax-k3", tmp_path / "jax-k3")
    return tmp_path / "jax-k3"


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def problems(findings):
    return [(f.subject, f.text, f.remedy) for f in findings if f.state is FindingState.PROBLEM]


@pytest.mark.parametrize("name", configuration_names())
def test_the_real_configurations_are_fit(name):
    found = list(configuration_findings(paths.CONFIGURATIONS / name))
    assert problems(found) == []
    steps = [finding.subject for finding in found if finding.state is FindingState.OK]
    assert steps == ["schema", "files", "recipe", "gpu lock", "cpu lock"]


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_the_real_models_are_fit(name):
    assert {finding.state for finding in model_findings(name)} == {FindingState.OK}


@pytest.mark.parametrize(
    ("file", "old", "new", "step", "text"),
    [
        ("config.toml", "image_data_format", "image_format", "schema", "unknown key"),
        ("config.toml", 'keras = "3.15.1"', 'keras = "2.0.8"', "schema", "the name says Keras 3"),
        ("config.toml", 'version = "0.10.2"', 'version = "0.10.1"', "gpu lock",
         "config.toml says jax 0.10.1, gpu.lock pins 0.10.2"),
        ("config.toml", 'keras = "3.15.1"', 'keras = "3.1"', "gpu lock",
         "config.toml says Keras 3.1, gpu.lock pins 3.15.1"),
        ("cpu.in", "keras==3.15.1", "keras==3.14.0", "cpu lock",
         "cpu.lock does not hold the keras==3.14.0 of cpu.in"),
        ("cpu.in", "keras==3.15.1", "keras>=3", "cpu lock", "'keras>=3' pins no version"),
        ("cpu.lock", "--hash", "--hush", "cpu lock", "is no pinned package with hashes"),
        ("cpu.lock", "absl-py", "--index-url https://x/simple\nabsl-py", "cpu lock",
         "'--index-url https://x/simple' is no pinned package"),
        ("gpu.lock", "absl-py", "evil @ https://x/evil.whl\nabsl-py", "gpu lock", "'evil @"),
        ("Dockerfile", "FROM ${BASE_IMAGE}", "FROM debian", "recipe", "does not begin with"),
        ("Dockerfile", "USER bench", "USER root", "recipe", "does not end as an ordinary user"),
        ("Dockerfile", "USER bench", "USER bench\nUSER 0:0", "recipe", "an ordinary user"),
        ("Dockerfile", "check_libraries.py", "other.py", "recipe", "check_libraries.py after"),
        ("Dockerfile", "finish.sh", "finnish.sh", "recipe", "common/finnish.sh, which is not"),
        ("Dockerfile", '"-m", "models"', '"-m", "x"', "recipe", "a job is started by ENTRYPOINT"),
        ("Dockerfile", "COPY models /opt/bench/models", "", "recipe", "its last instruction"),
        ("Dockerfile", "COPY common", "ADD common", "recipe", "files come by COPY alone"),
        ("Dockerfile", "COPY requirements.lock", "COPY other.lock", "recipe", "does not COPY req"),
        ("Dockerfile", "RUN net", "RUN --mount=type=cache net", "recipe", "need BuildKit"),
    ],
)  # fmt: skip
def test_each_fault_of_a_configuration_is_named(folder, file, old, new, step, text):
    change(folder / file, old, new)
    found = problems(configuration_findings(folder))
    assert found[0][0] == step
    assert text in " ".join(said for _, said, _ in found)
    assert found[-1][2] or step == "schema"
    assert not any("\n" in said for _, said, _ in found)


@pytest.mark.parametrize("file", ["Dockerfile", "cpu.in", "gpu.lock", "config.toml"])
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    assert any(file in text for _, text, _ in problems(configuration_findings(folder)))


def test_a_lock_that_is_no_text_is_named(folder):
    (folder / "cpu.lock").write_bytes(b"\xff\xfe")
    assert "no text" in problems(configuration_findings(folder))[0][1]


@pytest.fixture
def asked(monkeypatch):
    """Return a function that asks an index, which answers for the lock of the CPU alone."""
    found = load_configurations(["jax-k3"])[0]

    def ask(answer=None, differs=(), tried=Device.CPU):
        def try_install(_, device, __):
            if answer is not None and device is Device.CPU:
                raise answer
            return True

        patch_everywhere(monkeypatch, is_installable, try_install)
        patch_everywhere(monkeypatch, lock_differences, lambda *_: list(differs))
        gpu, cpu = index_findings(found, tried, BUILD)
        assert (gpu.subject, cpu.subject) == ("gpu index", "cpu index")
        assert gpu.state is (FindingState.PROBLEM if differs else FindingState.OK)
        return cpu

    return ask


def test_an_index_that_has_all_is_well(asked):
    assert asked().state is FindingState.OK


def test_a_lock_that_would_be_another_now_is_a_problem(asked):
    told = asked(differs=["numpy==1.0", "numpy==2.0"])
    assert told.text == "resolved anew, cpu.lock would differ in numpy==1.0, numpy==2.0"
    assert told.remedy == "python -m runner lock jax-k3"


@pytest.mark.parametrize(
    ("tried", "mark"), [(Device.CPU, FindingState.PROBLEM), (Device.GPU, FindingState.WARNING)]
)
def test_what_the_index_lacks_stands_against_the_device_that_is_tried(asked, tried, mark):
    told = asked(BuildError("there is no version of keras==3.99"), tried=tried)
    assert (told.state, told.text) == (mark, "there is no version of keras==3.99")
    assert "--package-index" in told.remedy


def test_an_index_that_does_not_answer_stands_against_nothing(asked):
    assert asked(UnreachableError("connection refused")).state is FindingState.WARNING


def test_no_index_is_told_from_no_package(monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    found = load_configurations(["jax-k3"])[0]
    with pytest.raises(UnreachableError, match="refused"):
        is_installable(found, Device.CPU, BuildOptions(package_index="http://127.0.0.1:9/"))


@pytest.fixture
def models(tmp_path):
    shutil.copytree(paths.MODELS, tmp_path / "models")
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("file", "old", "new", "text"),
    [
        ("mnist_mlp.py", "classes = 10", 'label = f"{1}"', "Python 3.6"),
        ("mnist_mlp.py", "classes = 10", "classes: int = 10", "Python 3.6"),
        ("mnist_mlp.py", "classes = 10", "classes = (", "line 13"),
        ("mnist_mlp.py", "from models", "import keras\nfrom models", "line 7: imports keras"),
        ("mnist_mlp.py", "from models.w", "from tensorflow.w", "imports tensorflow.w"),
        ("mnist_mlp.py", "class MnistMlp(Workload):", "if True:", "holds no class"),
        ("suite.json", '"mnist_mlp"', '"mnist_mpl"', "mnist_mlp has no entry in"),
        ("suite.json", '"epochs"', '"epoch"', "unknown key"),
    ],
)
def test_each_fault_of_a_model_is_named(models, file, old, new, text):
    change(paths.suites(models) / "bhatia2017" / file, old, new)
    found = problems(model_findings("mnist_mlp", models))
    assert text in found[0][1] and found[0][2]


def test_a_model_without_its_file_is_named(models):
    (paths.suites(models) / "bhatia2017" / "mnist_mlp.py").unlink()
    assert "bhatia2017/mnist_mlp.py" in problems(model_findings("mnist_mlp", models))[0][1]


def test_a_model_that_is_nowhere_is_in_no_suite(models):
    [(step, text, _)] = problems(model_findings("mnist_mpl", models))
    assert (step, text) == ("registry", "mnist_mpl has no entry in any suite")


@pytest.fixture
def trial(tmp_path):
    """Return a function that tries a model on a configuration with a scripted launcher."""

    def go(launcher, name="mxnet-k122", model="mnist_mlp"):
        found = load_configurations([name])[0]
        todo = trial_jobs(found, WORKLOADS[model], Machine(Device.CPU, None), threads=2)
        assert [(job.epochs, job.samples) for job in todo] == [(2, 256)]
        store = RunStore.create(tmp_path, {})
        conditions = Conditions(launcher, store, Silent(), guard=CpuGuard(folder=tmp_path))
        return list(trial_findings(found, todo, WORKLOADS[model], conditions))

    return go


def two_epochs(**changes):
    asked = {
        "start": {"threads": 2, "seed": 2017, "samples": 256, **changes.pop("start", {})},
        **changes,
    }
    said = stream(model={"image_data_format": "channels_first", **asked.pop("model", {})}, **asked)
    return [line for line in said if b'"epoch": 3' not in line]


def test_two_short_epochs_tell_imports_parameters_and_losses(trial):
    found = trial(ScriptedLauncher({"mxnet": two_epochs()}))
    assert [(f.subject, f.state) for f in found] == [
        (step, FindingState.OK) for step in ("environment", "imports", "parameters", "epochs")
    ]
    assert "Keras 1.2.2, mxnet 0.11.0, Python 3.6.15" in found[1].text
    assert "2 epochs, loss 1.000 -> 1.000" in found[3].text


def test_an_environment_that_cannot_be_made_ends_the_trial(trial):
    found = trial(ScriptedLauncher({}, broken=["mxnet-k122"]))
    assert [(f.subject, f.state) for f in found] == [("environment", FindingState.PROBLEM)]
    assert found[0].text == "no such package"


def test_another_version_than_stated_is_a_problem(trial):
    versions = {"keras": "1.2.1", "python": "3.6.15", "mxnet": "0.11.0"}
    found = trial(ScriptedLauncher({"mxnet": two_epochs(start={"versions": versions})}))
    assert problems(found)[0][:2] == ("imports", "Keras is 1.2.1 there, config.toml says 1.2.2")


def test_a_module_need_not_tell_its_packages_post_release(trial):
    for seen, state in {"2.15.0": FindingState.OK, "2.15.1": FindingState.PROBLEM}.items():
        versions = {"keras": "3.0.5", "python": "3.10.13", "tensorflow": seen}
        said = two_epochs(start={"versions": versions, "backend": "tensorflow"})
        found = trial(ScriptedLauncher({"tensorflow": said}), name="tf-k305")
        assert [f.state for f in found if f.subject == "imports"] == [state]


def test_an_import_that_fails_is_told_in_its_words(trial):
    error = (b'{"event": "error", "schema": 1, "type": "ImportError", '
             b'"message": "libcuda.so.1 is missing"}\n')  # fmt: skip
    found = trial(ScriptedLauncher({"mxnet": [error]}))
    assert problems(found)[0][:2] == ("imports", "mxnet: ImportError: libcuda.so.1 is missing")


def test_another_number_of_parameters_is_told_for_the_entry(trial):
    wrong = stream(model={"parameters": 12})[:3]
    error = b'{"event": "error", "schema": 1, "type": "InvalidModel", "message": "12"}\n'
    found = trial(ScriptedLauncher({"mxnet": [*wrong, error]}))
    assert problems(found) == [
        ("parameters", "the network has 12, models/workloads/bhatia2017/suite.json states 669,706",
         'if this network is the one meant, write "parameters": 12 there'),
    ]  # fmt: skip
    assert found[-1].state is FindingState.SKIPPED


def test_a_loss_that_is_no_number_is_a_problem(trial):
    said = two_epochs(epoch={"loss": "NaN"})
    assert "the loss of epoch 1 is nan" in problems(trial(ScriptedLauncher({"mxnet": said})))[0][1]
