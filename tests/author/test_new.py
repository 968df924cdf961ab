"""Skeletons: what is written passes the checks of files, and nothing half-written stays."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest

from patching import patch_everywhere
from runner import paths
from runner.author.check import configuration_findings, model_findings
from runner.author.new import parse_pins, write_configuration, write_model
from runner.environments.lock_maker import _compile, is_installable
from runner.environments.lockfile import read_pins
from runner.errors import BuildError, MachineError, UsageError
from runner.plan.findings import FindingState
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, configuration_names
from runner.spec.naming import parse_configuration_name
from runner.spec.workload import read_workloads

BUILD = BuildOptions()
HOSTILE = [
    "", ".", "..", "../x-k3", "jax-k3/..", "/etc", "jax-k3\n", "jax k3", "$(x)-k3", "-k3",
    "--help", "jax-k", "jax-k3.1", "JAX-k3", "jax-k\u0663", "jax-k3\x00", "a" * 70 + "-k3",
]  # fmt: skip


@pytest.fixture
def rooms(tmp_path):
    """Rooms of their own: the real configurations without their folders' neighbours."""
    made = SimpleNamespace(configurations=tmp_path / "docker", models=tmp_path / "models")
    for name in ("jax-k3", "mxnet-k122"):
        shutil.copytree(paths.CONFIGURATIONS / name, made.configurations / name)
    shutil.copytree(paths.MODELS, made.models, ignore=shutil.ignore_patterns("__pycache__"))
    return made


@pytest.fixture
def index(monkeypatch):
    """A package index that has every version; the calls made to it."""
    asked = []

    def compile_(configuration, device, options, to):
        asked.append((configuration.name, device))
        new = {pin.package: pin for pin in read_pins(configuration.wanted(device))}
        held = {pin.package: pin for pin in read_pins(to)} if to.exists() else {}
        every = sorted({**held, **new}.values(), key=str)
        to.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in every))

    patch_everywhere(monkeypatch, _compile, compile_)
    patch_everywhere(monkeypatch, is_installable, lambda *_: True)
    return asked


def new(rooms, name, like=None, *pins):
    return write_configuration(
        name, like, parse_pins(pins), BUILD, lambda _: None, rooms.configurations
    )


def entries(rooms):
    return sorted(path.name for path in rooms.configurations.parent.rglob("*"))


def own(rooms):
    return paths.suites(rooms.models) / "own"


def marks(findings):
    return {finding.state for finding in findings}


def test_a_made_configuration_passes_every_check_of_files(rooms, index):
    made, like = new(rooms, "jax0101-k3140", None, "keras==3.14.0", "jax==0.10.1")
    assert like.name == "jax-k3"
    assert (made.keras, made.backends["jax"].version) == ("3.14.0", "0.10.1")
    assert made.title == "JAX 0.10.1 under Keras 3.14.0"
    assert "0.10.1" in (made.folder / "Dockerfile").read_text().splitlines()[0]
    assert (made.folder / "gpu.in").read_text() == (
        "keras==3.14.0\nkeras-hub==0.32.0\njax[cuda12]==0.10.1\n"
    )
    of_both = zip(made.overrides(Device.CPU), like.overrides(Device.CPU), strict=True)
    assert all(copy.read_bytes() == path.read_bytes() for copy, path in of_both)
    assert sorted(index) == [("jax0101-k3140", Device.CPU), ("jax0101-k3140", Device.GPU)]
    found = list(configuration_findings(made.folder))
    assert marks(found) == {FindingState.OK, FindingState.WARNING}
    # What a GPU needs was not looked up for another JAX, and is not claimed.
    assert next(f for f in found if f.state is FindingState.WARNING).subject == "gpu facts"
    assert made.backends["jax"].gpu.source.startswith("Copied from jax-k3")


@pytest.mark.parametrize("quotes", ["'", '"', "'''"])
def test_however_a_source_is_quoted_it_is_not_taken_over(rooms, index, quotes):
    path = rooms.configurations / "jax-k3" / "config.toml"
    text = re.sub(r'(?s)source = """.*?"""', f"source = {quotes}a claim{quotes}", path.read_text())
    path.write_text(text)
    made, _ = new(rooms, "jax0101-k3", None, "jax==0.10.1")
    assert made.backends["jax"].gpu.source.startswith("Copied from jax-k3")


def test_other_pins_of_a_lock_stay(rooms, index):
    made, like = new(rooms, "jax-k3140", None, "keras==3.14.0")
    before, after = ({p.package: p.version for p in read_pins(c.lock(Device.CPU))}
                     for c in (like, made))  # fmt: skip
    assert after == {**before, "keras": "3.14.0"}


def test_what_stands_instead_of_a_dependencys_own_wish_is_taken_over(rooms, index):
    shutil.copytree(paths.CONFIGURATIONS / "tf-k305", rooms.configurations / "tf-k305")
    made, like = new(rooms, "tf-k304", None, "keras==3.0.4")
    before, after = ("".join(path.read_text() for path in found.overrides(Device.CPU))
                     for found in (like, made))  # fmt: skip
    assert after == before.replace("3.0.5", "3.0.4") != before


def test_without_other_versions_nothing_is_resolved(rooms, index):
    made, like = new(rooms, "jax-k3151")
    assert index == []
    assert made.lock(Device.GPU).read_bytes() == like.lock(Device.GPU).read_bytes()


def test_a_copy_reproduces_nothing_published(rooms, index):
    made, _ = new(rooms, "mxnet0111-k122", None, "mxnet==0.11.1")
    assert made.reproduces is None
    assert "mxnet-cu80==0.11.1" in (made.folder / "gpu.in").read_text()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_and_leaves_nothing(rooms, name):
    before = entries(rooms)
    with pytest.raises(UsageError, match="is no name for a configuration"):
        new(rooms, name)
    assert entries(rooms) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("jax-k3",), "is there already; nothing was changed"),
        (("jax-k3140",), "the name says Keras 3140, it holds Keras 3.15.1"),
        (("jax0111-k3",), "the name says jax 0111, it holds jax 0.10.2"),
        (("torch-k3",), "no configuration holds torch to start from"),
        (("mxnet-k3", "jax-k3"), "the name says mxnet, it holds jax"),
        (("jax-k4", "jax-k33"), "unknown configuration 'jax-k33'; did you mean 'jax-k3'"),
        (("jax-k3151", None, "kears==3.15.1"), "--pin kears: jax-k3 does not ask for it; it asks"),
        (("jax-k3151", None, "keras=3"), "expected NAME==VERSION"),
        (("jax-k3151", None, "keras==3;x"), "expected NAME==VERSION"),
        (("jax-k3151", None, "../x==3"), "expected NAME==VERSION"),
    ],
)
def test_a_mistake_is_named_and_leaves_nothing(rooms, arguments, text):
    before = entries(rooms)
    with pytest.raises(UsageError) as caught:
        new(rooms, *arguments)
    assert text in str(caught.value)
    assert entries(rooms) == before


@pytest.mark.parametrize("ends", [BuildError("no such version"), KeyboardInterrupt()])
def test_a_configuration_appears_whole_or_not_at_all(rooms, monkeypatch, ends):
    def fails(*_):
        raise ends

    patch_everywhere(monkeypatch, _compile, fails)
    before = entries(rooms)
    with pytest.raises(type(ends)):
        new(rooms, "jax-k3140", None, "keras==3.14.0")
    assert entries(rooms) == before


def test_an_original_without_a_file_is_named(rooms):
    (rooms.configurations / "jax-k3" / "cpu.in").unlink()
    before = entries(rooms)
    with pytest.raises(MachineError, match=r"jax-k3/cpu\.in: No such file"):
        new(rooms, "jax-k3151")
    assert entries(rooms) == before


def test_a_broken_link_in_the_place_is_something_there(rooms):
    (rooms.configurations / "jax-k3151").symlink_to("nowhere")
    with pytest.raises(UsageError, match="is there already"):
        new(rooms, "jax-k3151")


def test_a_made_model_passes_every_check_of_files(rooms):
    path = write_model("mnist_small", "own", rooms.models)
    assert path == own(rooms) / "mnist_small.py"
    assert marks(model_findings("mnist_small", rooms.models)) == {FindingState.OK}
    found = read_workloads(rooms.models)["mnist_small"]
    assert found.suite == "own"
    # Two dense layers with their biases, of 784 to 32 to 10.
    assert found.parameters == 785 * 32 + 33 * 10


def test_a_suite_grows_at_its_end_and_another_can_be_chosen(rooms):
    before = (paths.suites(rooms.models) / "bhatia2017" / paths.SUITE).read_text()
    known = read_workloads(rooms.models)
    write_model("mnist_one", "own", rooms.models)
    first = (own(rooms) / paths.SUITE).read_text()
    write_model("mnist_two", "own", rooms.models)
    write_model("mnist_three", "bhatia2017", rooms.models)
    write_model("mnist_four", "study", rooms.models)
    suites = {w.name: w.suite for w in read_workloads(rooms.models).values()}
    assert [(name, suite) for name, suite in suites.items() if name not in known] == [
        ("mnist_three", "bhatia2017"), ("mnist_one", "own"), ("mnist_two", "own"),
        ("mnist_four", "study"),
    ]  # fmt: skip
    for text, suite in ((before, "bhatia2017"), (first, "own")):
        after = (paths.suites(rooms.models) / suite / paths.SUITE).read_text()
        assert after.startswith(text.rstrip().removesuffix("}\n  ]\n}"))
        assert json.loads(after)["models"][:-1] == json.loads(text)["models"]


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a.b", "A", "1a", "a", "class", "none", "a-b", "a b", "a\n", "ä1",
     "x" * 41, "__init__", "--help"],
)  # fmt: skip
def test_a_hostile_model_name_is_refused_and_leaves_nothing(rooms, name):
    before = entries(rooms)
    with pytest.raises(UsageError, match="is no name for a model"):
        write_model(name, "own", rooms.models)
    assert entries(rooms) == before


@pytest.mark.parametrize("suite", ["", "..", "../x", "a/b", "A", "a-b", "class", "__pycache__"])
def test_a_hostile_suite_is_refused_and_leaves_nothing(rooms, suite):
    before = entries(rooms)
    with pytest.raises(UsageError, match="is no name for a suite"):
        write_model("mnist_small", suite, rooms.models)
    assert entries(rooms) == before


def test_a_model_takes_nothing_that_is_there(rooms):
    write_model("mnist_small", "own", rooms.models)
    (own(rooms) / "kept.py").write_text("kept")
    (paths.suites(rooms.models) / "notes").mkdir()
    before = entries(rooms), (own(rooms) / paths.SUITE).read_text()
    for name, suite, there in (
        ("kept", "own", "own/kept.py"),
        ("mnist_mlp", "own", "bhatia2017/mnist_mlp.py"),
        ("mnist_none", "registry", "workloads/registry.py"),
        ("mnist_none", "notes", "workloads/notes"),
    ):
        with pytest.raises(UsageError, match=f"{there} is there already"):
            write_model(name, suite, rooms.models)
    assert (entries(rooms), (own(rooms) / paths.SUITE).read_text()) == before
    assert (own(rooms) / "kept.py").read_text() == "kept"


@pytest.mark.parametrize("suite", ["own", "bhatia2017"])
def test_a_model_that_cannot_be_registered_leaves_nothing(rooms, monkeypatch, suite):
    before = entries(rooms), read_workloads(rooms.models)

    def fails(*_, **__):
        raise OSError(28, "No space left on device", "suite.json")

    monkeypatch.setattr(type(rooms.models), "replace", fails)
    with pytest.raises(MachineError, match=r"suite\.json: No space .*; nothing was written"):
        write_model("mnist_small", suite, rooms.models)
    assert (entries(rooms), read_workloads(rooms.models)) == before


@pytest.mark.parametrize("name", configuration_names())
def test_the_real_names_are_names(name):
    assert parse_configuration_name(name).text == name
