"""Recipes: their stages are named after all that goes into them, and nothing else."""

import shutil

import pytest

from runner import paths
from runner.environments.recipe import recipe_files, recipe_stages
from runner.spec.configuration import Device, configuration_names, load_configurations
from runner.store.identity import tree_sha256

ALL = configuration_names()


def made(name="mxnet-k122", base_digest="sha256:1", **changed):
    chosen = load_configurations([name])[0]
    files = recipe_files(chosen, Device.CPU)
    files |= {key.replace("__", "/"): content for key, content in changed.items()}
    return recipe_stages(chosen, Device.CPU, files, "base:1", base_digest)


@pytest.mark.parametrize("name", ALL)
def test_every_recipe_has_its_stages_each_built_on_the_one_before(name):
    stages = made(name)
    device = [] if "k3" in name else ["device"]
    assert [stage.name for stage in stages] == ["system", *device, "environment", "models"]
    assert [stage.base for stage in stages] == ["base:1", *(stage.tag for stage in stages[:-1])]


@pytest.mark.parametrize("name", ALL)
def test_no_instruction_of_a_recipe_is_lost(name):
    whole = (load_configurations([name])[0].folder / "Dockerfile").read_text().splitlines()
    built = "".join(stage.files["Dockerfile"].decode() for stage in made(name)).splitlines()
    assert [line for line in whole if line not in built] == []


@pytest.mark.parametrize("name", ALL)
def test_what_installs_packages_and_what_holds_the_models_get_no_more_than_they_copy(name):
    system, *device, environment, models = made(name)
    assert {path.split("/")[0] for path in system.files} == {"Dockerfile", "common"}
    assert [set(stage.files) for stage in device] == [{"Dockerfile"}] * len(device)
    assert set(environment.files) == {"Dockerfile", "requirements.lock"}
    assert {path.split("/")[0] for path in models.files} == {"Dockerfile", "models"}
    assert b"ca-bundle" not in models.files["Dockerfile"], "it would stay in the image"


@pytest.mark.parametrize(
    "name", ["datasets/datasets.json", "workloads/own/suite.json", "workloads/own/tiny.py"]
)
def test_what_a_suite_adds_is_in_the_image_and_in_the_hash_of_the_models(
    name, tmp_path, monkeypatch
):
    models = tmp_path / "models"
    shutil.copytree(paths.MODELS, models)
    monkeypatch.setattr(paths, "MODELS", models)
    before = tree_sha256(models), made()[-1].tag
    (models / name).parent.mkdir(exist_ok=True)
    (models / name).write_text("{}")
    assert made()[-1].files[f"models/{name}"] == b"{}"
    after = tree_sha256(models), made()[-1].tag
    assert not set(before) & set(after)


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"models__x.py": b"1"}, [True, True, True, False]),
        ({"requirements.lock": b"x==1"}, [True, True, False, False]),
        ({"common__x.sh": b"1"}, [False, False, False, False]),
        ({"base_digest": "sha256:2"}, [False, False, False, False]),
    ],
)
def test_a_changed_input_renames_the_stages_from_there_up(changed, same):
    before, after = made(), made(**changed)
    assert [a.tag == b.tag for a, b in zip(before, after)] == same


@pytest.mark.parametrize(
    ("names", "other"),
    [
        (["jax-k3", "tf-k3", "torch-k3"], "jax-k305"),
        (["theano-k208", "tf-cntk-k208", "mxnet-k122", "mxnet-k216"], "jax-k3"),
    ],
)
def test_stages_that_do_the_same_work_share_a_name_for_it_whoever_they_are_for(names, other):
    systems = {name: made(name)[0] for name in [*names, other]}
    assert len({stage.tag for stage in systems.values()}) == len(systems)
    same = [systems[name].work for name in names]
    assert same == same[:1] * len(names)
    assert systems[other].work not in same
    assert made(names[0], common__finish=b"changed")[0].work not in same
    assert made(names[0])[-2].work != made(names[1])[-2].work


def test_what_a_recipe_declares_is_declared_in_its_later_stages_too():
    """Docker forgets an ARG at the next FROM."""
    text = (
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nARG CUDA=12\nRUN a\nARG DEVICE\nRUN b $CUDA\n"
        "ARG LATE\nRUN c\nCOPY requirements.lock /opt/build/\nRUN d $CUDA\n"
        "COPY models /opt/models\n"
    )
    _, device, environment, models = [
        stage.files["Dockerfile"].decode().splitlines() for stage in made(Dockerfile=text.encode())
    ]
    for lines, used in ((device, "RUN b $CUDA"), (environment, "RUN d $CUDA")):
        assert lines.index("FROM ${BASE_IMAGE}") < lines.index("ARG CUDA=12") < lines.index(used)
        assert lines.count("ARG BASE_IMAGE") == 1
    assert "ARG LATE" in environment
    assert "ARG CUDA=12" not in models, "it runs nothing"


@pytest.mark.parametrize(
    ("between", "names"),
    [
        (["RUN a", "ARG DEVICE", "RUN b"], ["system", "device", "environment", "models"]),
        (["ARG DEVICE", "RUN a", "RUN b"], ["system", "environment", "models"]),
        (["RUN a", "RUN b", "ARG DEVICE"], ["system", "environment", "models"]),
        (["RUN a", "# ARG DEVICE", "RUN b"], ["system", "environment", "models"]),
        ([], ["system", "models"]),
    ],
)
def test_a_stage_begins_only_where_it_has_something_to_do(between, names):
    begin = ["ARG BASE_IMAGE", "FROM ${BASE_IMAGE}"]
    end = ["COPY requirements.lock /opt/build/", "RUN c", "COPY models /opt/bench/models"]
    recipe = "".join(f"{line}\n" for line in [*begin, *between, *end])
    stages = made(Dockerfile=recipe.encode())
    assert [stage.name for stage in stages] == names
    for stage in stages:
        lines = stage.files["Dockerfile"].decode().splitlines()
        assert lines[:2] == begin
        assert lines.count(begin[1]) == 1
    done = [x for s in stages for x in s.files["Dockerfile"].decode().splitlines() if "RUN" in x]
    assert done == [x for x in [*between, *end] if "RUN" in x]
