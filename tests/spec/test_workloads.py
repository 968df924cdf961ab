"""The suites' files: the published models as they were, and a mistake in one is one line."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patching import patch_everywhere
from runner import paths
from runner.errors import ConfigurationError, UsageError
from runner.spec.study import choose_workloads
from runner.spec.workload import WORKLOADS, DataSource, Size, read_workloads

PUBLISHED = {
    "mnist_mlp": ("mnist", 669_706, 128, 20, 60_000),
    "mnist_cnn": ("mnist", 1_199_882, 128, 12, 60_000),
    "cifar10_cnn": ("cifar10", 1_250_858, 32, 50, 50_000),
    "mnist_hrnn": ("mnist", 199_434, 32, 5, 60_000),
    "babi_rnn": ("babi", 45_836, 32, 40, 950),
}


SUITE = "bhatia2017"


class Folder:
    """A folder with the data sets and the suites of the real one, which can be changed."""

    def __init__(self, models):
        self.models = models
        paths.suites(models).mkdir(parents=True)
        paths.datasets(models).parent.mkdir()
        shutil.copy(paths.datasets(), paths.datasets(models))
        self.add(SUITE, lambda content: None)

    def add(self, suite, change):
        """Write the suite of 2017 after a change of its content, as the suite of a name."""
        content = json.loads((paths.suites() / SUITE / paths.SUITE).read_text())
        change(content)
        folder = paths.suites(self.models) / suite
        folder.mkdir(exist_ok=True)
        (folder / paths.SUITE).write_text(json.dumps(content))

    def read(self):
        return read_workloads(self.models)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "models")


def only(name, **changes):
    """Return a change of a suite's content that leaves one model, of another name."""

    def change(content):
        content["models"] = [{**content["models"][0], "name": name, **changes}]

    return change


def test_the_published_models_are_what_was_published():
    found = {
        w.name: (w.dataset, w.parameters, w.batch_size, w.epochs, w.train)
        for w in choose_workloads([])
    }
    assert found == PUBLISHED
    assert list(found) == list(PUBLISHED)


def test_a_suite_is_found_by_its_folder_and_its_models_run_when_named(folder, monkeypatch):
    folder.add("zoo", only("tiny"))
    folder.add("another", only("small"))
    (paths.suites(folder.models) / "notes").mkdir()
    found = folder.read()
    assert [(w.name, w.suite) for w in found.values()] == [
        ("small", "another"), *[(name, SUITE) for name in PUBLISHED], ("tiny", "zoo"),
    ]  # fmt: skip
    patch_everywhere(monkeypatch, WORKLOADS, found)
    assert [workload.name for workload in choose_workloads([])] == list(PUBLISHED)
    assert [workload.name for workload in choose_workloads(["tiny"])] == ["tiny"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda c: c["models"][0].update(epoch=3), "unknown key 'models.0.epoch'; did you mean"),
        (lambda c: c["models"][1].pop("parameters"), "models.1.parameters: Field required"),
        (lambda c: c["models"][1].update(parameters=0), "models.1.parameters: Input should be"),
        (lambda c: c["models"][0].update(name="../x"), "models.0.name: String should match"),
        (lambda c: c["models"][0].update(dataset="mnits"), "did you mean 'mnist'?"),
        (lambda c: c["models"].append(c["models"][0]), "the model 'mnist_mlp' is there twice"),
        (lambda c: c.pop("title"), "title: Field required"),
        (lambda c: c.update(datasets={}), "unknown key 'datasets'"),
    ],
)
def test_a_mistake_is_named_with_its_place(folder, change, text):
    folder.add(SUITE, change)
    with pytest.raises(ConfigurationError) as caught:
        folder.read()
    assert text in str(caught.value)
    assert f"{SUITE}/suite.json" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


MADE = {"dataset": "made_images", "classes": 3, "batch_size": 16}
TINY = {"parameters": 7, "batch_size": 2, "epochs": 1, "classes": 2}


def test_made_data_are_counted_in_the_batches_of_a_size(folder):
    folder.add("zoo", only("small", floors={}, tiny=TINY, **MADE))
    small = folder.read()["small"]
    assert (small.train, small.classes, small.sizes) == (160, 3, (Size.PUBLISHED, Size.TINY))
    assert small.at(Size.PUBLISHED) is small
    tiny = small.at(Size.TINY)
    assert (tiny.train, tiny.classes, tiny.parameters, tiny.epochs) == (20, 2, 7, 1)
    assert (tiny.name, tiny.sources) == ("small", (DataSource.SYNTHETIC,))


def test_data_that_are_not_made_have_their_own_count_at_any_size(folder):
    folder.add("zoo", only("small", floors={}, tiny={**TINY, "classes": None}))
    tiny = folder.read()["small"].at(Size.TINY)
    assert (tiny.train, tiny.classes) == (60_000, 10)


def test_a_size_that_a_model_has_not_is_refused(folder):
    found = folder.read()["mnist_mlp"]
    assert found.sizes == (Size.PUBLISHED,)
    with pytest.raises(UsageError, match="model mnist_mlp has no size tiny"):
        found.at(Size.TINY)


def test_a_model_says_what_it_cannot_be_timed_at(folder):
    folder.add("zoo", only("small", phases=["predict"]))
    small, other = folder.read()["small"], folder.read()["mnist_mlp"]
    assert small.reason_against("train") == "small can only predict"
    assert small.reason_against("predict") is other.reason_against("train") is None


def test_a_suite_may_be_for_one_generation_of_keras(folder):
    folder.add("zoo", lambda content: (only("small")(content), content.update(keras="3")))
    found = folder.read()
    assert found["small"].keras == "3" and found["mnist_mlp"].keras is None


def test_a_name_in_two_suites_is_refused_with_both(folder):
    folder.add("own", only("mnist_cnn"))
    with pytest.raises(ConfigurationError, match="in suite bhatia2017 and in suite own: rename"):
        folder.read()


def test_a_folder_that_could_not_be_imported_from_is_no_suite(folder):
    folder.add("my-suite", only("tiny"))
    with pytest.raises(ConfigurationError, match="my-suite' is no name for a suite's folder"):
        folder.read()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda c: c["mnist"].pop("train"), "mnist.train: Field required"),
        (lambda c: c["mnist"].update(trian=3), "unknown key 'mnist.trian'; did you mean 'train'"),
        (lambda c: c["babi"].update(sources=[]), "babi.sources: Tuple should have at least 1"),
        (lambda c: c.pop("cifar10"), "cifar10_cnn: unknown dataset 'cifar10'"),
    ],
)
def test_a_mistake_in_the_data_sets_is_named(folder, change, text):
    path = paths.datasets(folder.models)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigurationError) as caught:
        folder.read()
    assert text in str(caught.value)


def test_a_file_that_is_not_there_is_named(folder):
    paths.datasets(folder.models).unlink()
    with pytest.raises(ConfigurationError, match=r"datasets\.json: No such file"):
        folder.read()


@given(content=st.binary(max_size=200), name=st.sampled_from(["suite", "datasets"]))
def test_no_file_breaks_the_reader(tmp_path_factory, content, name):
    folder = Folder(tmp_path_factory.mktemp("made") / "models")
    suite = paths.suites(folder.models) / SUITE / paths.SUITE
    (suite if name == "suite" else paths.datasets(folder.models)).write_bytes(content)
    with pytest.raises(ConfigurationError):
        folder.read()
