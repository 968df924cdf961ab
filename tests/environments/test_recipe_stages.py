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
def test_every_recipe_has_three_stages_each_built_on_the_one_before(name):
    system, environment, models = made(name)
    assert [stage.name for stage in (system, environment, models)] == [
        "system", "environment", "models",
    ]  # fmt: skip
    assert (system.base, environment.base, models.base) == ("base:1", system.tag, environment.tag)


@pytest.mark.parametrize("name", ALL)
def test_no_instruction_of_a_recipe_is_lost(name):
    whole = (load_configurations([name])[0].folder / "Dockerfile").read_text().splitlines()
    built = "".join(stage.files["Dockerfile"].decode() for stage in made(name)).splitlines()
    assert [line for line in whole if line not in built] == []


@pytest.mark.parametrize("name", ALL)
def test_what_installs_packages_and_what_holds_the_models_get_no_more_than_they_copy(name):
    system, environment, models = made(name)
    assert {path.split("/")[0] for path in system.files} == {"Dockerfile", "common"}
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
        ({"models__x.py": b"1"}, [True, True, False]),
        ({"requirements.lock": b"x==1"}, [True, False, False]),
        ({"common__x.sh": b"1"}, [False, False, False]),
        ({"base_digest": "sha256:2"}, [False, False, False]),
    ],
)
def test_a_changed_input_renames_the_stages_from_there_up(changed, same):
    before, after = made(), made(**changed)
    assert [a.tag == b.tag for a, b in zip(before, after)] == same


def test_stages_that_do_the_same_work_share_a_name_for_it_whoever_they_are_for():
    systems = {name: made(name)[0] for name in ("jax-k3", "tf-k3", "torch-k3", "jax-k305")}
    assert len({stage.tag for stage in systems.values()}) == 4
    same = [systems[name].work for name in ("jax-k3", "tf-k3", "torch-k3")]
    assert same == same[:1] * 3
    assert systems["jax-k305"].work not in same
    assert made("jax-k3", common__finish=b"changed")[0].work not in same
    assert made("jax-k3")[1].work != made("tf-k3")[1].work
