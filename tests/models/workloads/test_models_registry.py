"""The suites: found by being there, each model in its own file, and a broken one harms no other."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.datasets import load as data
from models.datasets.facts import DATASETS
from models.job import spec
from models.workloads import registry
from models.workloads.workload import SIZES, NoSuchSize

TAKE = """
import sys
from models.workloads import registry
from models.workloads.workload import SIZES, NoSuchSize
found = registry.workload(sys.argv[1])
print(type(found).__name__, found.dataset, sorted(m for m in sys.modules if "workloads." in m))
"""


REGISTERED = [
    (name, size)
    for name, (_, entry) in registry.read().items()
    for size in SIZES
    if size == "published" or size in entry
]


@pytest.mark.parametrize("name, size", REGISTERED)
def test_a_registered_model_states_what_a_job_needs(name, size):
    workload = registry.workload(name, size)
    assert (workload.name, workload.size) == (name, size)
    assert workload.loss is None or workload.optimizer[0]
    facts = DATASETS[workload.dataset]
    # Data are counted in batches where they are made for the model.
    assert (workload.form() is not None) == (facts.get("unit") == "batches")
    assert workload.classes == facts.get("classes", workload.classes)


@pytest.mark.parametrize("name, size", [case for case in REGISTERED if "tiny" in case])
def test_the_inputs_and_targets_of_made_data_have_a_row_for_each_sample(given, name, size):
    workload = registry.workload(name, size)
    asked = spec.parse(json.dumps(dict(given, model=name, size=size, samples=None)))
    part = data.load(workload.dataset, asked, workload.form()).test
    x = workload.inputs(part.x, "channels_last")
    arrays = x.values() if isinstance(x, dict) else x if isinstance(x, list) else [x]
    targets = [] if workload.loss is None else [workload.targets(part)]
    assert {len(array) for array in [*arrays, *targets]} == {workload.batch_size}


def test_a_tiny_model_has_numbers_of_its_own():
    published, tiny = (registry.workload("bert_base", size) for size in SIZES)
    assert published.expected_parameters == 108311810 and tiny.expected_parameters < 50000
    assert (published.batch_size, published.predict_batch_size, published.epochs) == (32, 256, 11)
    assert tiny.predict_batch_size == tiny.batch_size == 8
    assert published.own.tokens == 512 and tiny.own.tokens == 16


def test_a_size_that_a_model_has_not_is_refused():
    with pytest.raises(NoSuchSize, match="model mnist_mlp has no size tiny"):
        registry.workload("mnist_mlp", "tiny")


class Package:
    """A copy of the package, and suites beside its own."""

    def __init__(self, root):
        self.root = root
        self.suites = root / "models" / "workloads"

    def add(self, suite, text, **changes):
        """Add a suite with one model, an entry as the MLP has it and ``text`` for its file."""
        entry = dict(registry.read()["mnist_mlp"].entry, name="made_up", **changes)
        folder = self.suites / suite
        folder.mkdir()
        content = {"title": suite, "models": [entry]}
        (folder / "suite.json").write_text(json.dumps(content))
        (folder / (entry["name"] + ".py")).write_text(text)

    def run(self, *arguments):
        """Return (exit code, output, log) of the copy's Python."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=str(self.root),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, log = process.communicate()
        return process.returncode, out.decode(), log.decode()

    def take(self, name):
        """Return (exit code, output, log) of a process that takes a model."""
        return self.run("-c", TAKE, name)

    def start(self, given):
        """Return the only event of a job that ends before it begins."""
        code, out, _ = self.run("-m", "models", json.dumps(given))
        assert code == 1
        return json.loads(out)


@pytest.fixture
def package(root, tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(str(Path(root, "models")), str(tmp_path / "models"), ignore=ignored)
    return Package(tmp_path)


BUILT = """
from models.workloads.bhatia2017.mnist_mlp import MnistMlp
class Wide(MnistMlp):
    pass
"""


def test_a_suite_is_found_by_its_folder_and_may_build_on_another(package):
    package.add("another", BUILT, dataset="cifar10")
    assert list(registry.read(str(package.suites))) == ["made_up", *registry.read()]
    code, out, log = package.take("made_up")
    assert code == 0, log
    assert out.startswith("Wide cifar10 ")


def test_a_folder_without_a_list_of_models_is_no_suite(package):
    (package.suites / "notes").mkdir()
    (package.suites / "notes.txt").write_text("")
    assert registry.read(str(package.suites)) == registry.read()


@pytest.mark.parametrize(
    "text", ["", "class Other(object):\n    pass\n", "raise RuntimeError('x')"]
)
def test_a_broken_model_harms_no_other(package, text):
    package.add("another", text)
    code, out, log = package.take("mnist_mlp")
    assert code == 0, log
    assert "another" not in out and "mnist_cnn" not in out
    code, _, log = package.take("made_up")
    assert code == 1
    assert "models/workloads/another/made_up.py" in log


def test_a_name_in_two_suites_is_refused_with_both(package, given):
    for suite in ("made_first", "made_second"):
        package.add(suite, BUILT)
    error = package.start(given)
    assert error["type"] == "BrokenSuite"
    assert (
        "'made_up' is there twice, in suite made_first and in suite made_second" in error["message"]
    )


def test_a_data_set_that_nobody_knows_is_named_with_its_model(package, given):
    package.add("made_first", BUILT, dataset="mnits")
    error = package.start(given)
    assert error["type"] == "BrokenSuite"
    assert error["message"].startswith(
        "suite made_first: made_up: unknown data set 'mnits', known are"
    )


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "babi"])
def test_the_data_have_the_sizes_that_the_file_states(given, dataset):
    loaded = data.load(dataset, spec.JobSpec(**dict(given, samples=None)))
    sizes = {part: len(getattr(loaded, part).y) for part in ("train", "validation", "test")}
    stated = DATASETS[dataset]
    assert sizes == {part: stated[part] for part in sizes}
