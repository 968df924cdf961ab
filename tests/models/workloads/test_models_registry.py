"""The registered models: each has its file, and a broken one harms no other."""

import sys

import pytest

from models import registry
from models.datasets import load as data


@pytest.mark.parametrize("name", registry.NAMES)
def test_a_registered_model_states_what_a_job_needs(name):
    workload = registry.workload(name)
    assert workload.name == name
    assert workload.classes > 1 and workload.optimizer[0]
    assert workload.dataset in registry.DATASETS


@pytest.fixture
def registered(monkeypatch, tmpdir):
    """Return a function that registers a model whose file has a text, and takes it."""

    def register(text):
        tmpdir.join("made_up.py").write(text)
        monkeypatch.setattr(sys.modules["models"], "__path__", [str(tmpdir)])
        monkeypatch.delitem(sys.modules, "models.made_up", raising=False)
        monkeypatch.setitem(registry._ENTRIES, "made_up", registry._ENTRIES["mnist_mlp"])
        return registry.workload("made_up")

    return register


def test_a_model_may_build_on_another(registered):
    built = "from models.mnist_mlp import MnistMlp\nclass Wide(MnistMlp):\n    pass\n"
    assert type(registered(built)).__name__ == "Wide"


@pytest.mark.parametrize("text", ["", "class Other(object):\n    pass\n"])
def test_a_file_without_a_model_is_named(registered, text):
    with pytest.raises(registry.BrokenModel) as caught:
        registered(text)
    assert "models/made_up.py" in str(caught.value)
    assert registry.workload("mnist_mlp").name == "mnist_mlp"


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "babi"])
def test_the_data_have_the_sizes_that_the_file_states(given, dataset):
    from models.job import spec

    loaded = data.load(dataset, spec.JobSpec(**dict(given, samples=None)))
    sizes = {part: len(getattr(loaded, part).y) for part in ("train", "validation", "test")}
    stated = registry.DATASETS[dataset]
    assert sizes == {part: stated[part] for part in sizes}
