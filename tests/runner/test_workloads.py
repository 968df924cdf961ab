"""The models' file: the five published ones as they were, and a mistake in it is one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import paths, studies
from runner.errors import ConfigurationError
from runner.studies import choose_workloads, published_workloads
from runner.workloads import read

PUBLISHED = {
    "mnist_mlp": ("mnist_mlp", "mnist", 669_706, 128, 20, 60_000),
    "mnist_cnn": ("mnist_cnn", "mnist", 1_199_882, 128, 12, 60_000),
    "cifar10_cnn": ("cifar10_cnn", "cifar10", 1_250_858, 32, 50, 50_000),
    "mnist_hrnn": ("mnist_hier_rnn", "mnist", 199_434, 32, 5, 60_000),
    "babi_rnn": ("babi_rnn", "babi", 45_836, 32, 40, 950),
}


@pytest.fixture
def changed(tmp_path):
    """Return a function that reads the file after a change of its content."""

    def go(change):
        content = json.loads(paths.WORKLOADS.read_text())
        change(content)
        path = tmp_path / "workloads.json"
        path.write_text(json.dumps(content))
        return read(path)

    return go


def test_the_published_models_are_what_was_published():
    found = {
        w.name: (w.test, w.dataset, w.parameters, w.batch_size, w.epochs, w.train)
        for w in published_workloads()
    }
    assert found == PUBLISHED
    assert list(found) == list(PUBLISHED)


def test_an_added_model_runs_when_it_is_named(changed, monkeypatch):
    def add(content):
        content["models"].append({**content["models"][0], "name": "tiny", "published": None})

    monkeypatch.setattr(studies, "WORKLOADS", changed(add))
    assert "tiny" not in [workload.name for workload in choose_workloads([])]
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
        (lambda c: c.pop("datasets"), "datasets: Field required"),
    ],
)
def test_a_mistake_is_named_with_its_place(changed, change, text):
    with pytest.raises(ConfigurationError) as caught:
        changed(change)
    assert text in str(caught.value)
    assert "workloads.json" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@given(st.binary(max_size=200))
def test_no_file_breaks_the_reader(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("models") / "workloads.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError):
        read(path)
