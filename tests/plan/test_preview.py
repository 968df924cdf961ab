"""Plan: what a run would do, told before it and without doing any of it."""

import json
import shutil
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from docker.errors import ImageNotFound

from made_runs import events, write_job
from patching import patch_everywhere
from runner import paths
from runner.cli.app import main
from runner.environments.image import find_image, held_base, image_plan, known_image_size
from runner.environments.venv import MARKER, environment_folder, python_for
from runner.errors import BuildError, ExitCode
from runner.machine.docker_engine import LABEL, Engine, connect_engine
from runner.machine.identity import cpu_model
from runner.plan.history import History
from runner.plan.plan import fitted
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, read_configuration
from runner.spec.job import Job, Status
from runner.store.run_folder import RunStore

BASE = "a-base:1"


class Image:
    def __init__(self, tag, labels=(), size=1_500_000_000, created="2026-01-01"):
        self.id, self.tags, self.labels = "sha256:" + tag, [tag], dict(labels)
        self.attrs = {"Size": size, "Created": created, "RootFS": {"Layers": ["one"]}}


class Images:
    """What an engine tells of its images; whatever would change something is not there."""

    def __init__(self, *held):
        self.held = list(held)

    def get(self, name):
        for image in self.held:
            if name in image.tags:
                return image
        raise ImageNotFound(name)

    def list(self, filters):
        wanted = [label.split("=", 1) for label in filters["label"]]
        return [i for i in self.held if all(i.labels.get(name) == value for name, value in wanted)]


def engine_with(*held):
    api = SimpleNamespace(base_url="unix:///nowhere")
    client = SimpleNamespace(images=Images(*held), api=api)
    return Engine(client, {"Runtimes": {}, "DockerRootDir": "/nowhere"})


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return the root of runs and cache, on a machine without an engine."""
    monkeypatch.setattr(paths, "cache", lambda: tmp_path / "cache")
    patch_everywhere(monkeypatch, python_for, lambda configuration: "3.6")
    return tmp_path


def call(place, *arguments):
    return main([
        "plan", "--device", "cpu", "--config", "mxnet-k122", "--data", "synthetic",
        "--results", str(place / "runs"), *arguments,
    ])  # fmt: skip


def local(place, *arguments):
    return call(place, "--launcher", "local", *arguments)


def told(capsys):
    said = capsys.readouterr()
    (line,) = said.out.splitlines()
    return json.loads(line)


def files(place):
    return sorted(str(path) for path in place.rglob("*"))


def test_nothing_is_made_or_written(place, capsys):
    assert local(place) == ExitCode.OK
    assert local(place, "--json") == ExitCode.OK
    assert files(place) == []
    assert "Nothing was built, fetched or run." in capsys.readouterr().out


def test_dry_run_of_run_says_the_same(place, capsys):
    assert local(place) == ExitCode.OK
    plan = capsys.readouterr().out
    assert main([
        "--device", "cpu", "--config", "mxnet-k122", "--data", "synthetic", "--launcher", "local",
        "--results", str(place / "runs"), "--dry-run",
    ]) == ExitCode.OK  # fmt: skip
    assert capsys.readouterr().out == plan
    assert files(place) == []


def test_it_takes_the_options_of_run(capsys):
    main(["plan", "--help"])
    plan = capsys.readouterr().out
    main(["run", "--help"])
    run = capsys.readouterr().out
    options = {word for word in run.split() if word.startswith("--")}
    assert options - {word for word in plan.split() if word.startswith("--")} <= {
        "--dry-run", "--no-dry-run", "--quiet", "--no-quiet", "--detach", "--no-detach",
    }  # fmt: skip
    assert "python -m runner plan" in plan or "plan [OPTIONS]" in plan


def test_a_mistake_is_the_one_that_run_would_say(place, capsys):
    assert call(place, "--model", "mnist_mpl") == ExitCode.USAGE
    assert "did you mean 'mnist_mlp'?" in capsys.readouterr().err
    assert call(place, "--engine", str(place / "no.sock")) == ExitCode.MACHINE
    assert "no Docker engine answers" in capsys.readouterr().err


def test_time_is_told_from_earlier_runs_and_never_invented(place, capsys):
    store = RunStore.create(place / "runs", {"identity": {"cpu_model": cpu_model()}})
    assert local(place, "--model", "mnist_mlp", "mnist_cnn", "--json") == ExitCode.OK
    assert {job["seconds"] for job in told(capsys)["jobs"]} == {None}
    job = make(samples=8)
    write_job(store, job, events(job))
    assert local(place, "--model", "mnist_mlp", "mnist_cnn", "--epochs", "3", "--samples", "8",
                 "--repeats", "2", "--json") == ExitCode.OK  # fmt: skip
    plan = told(capsys)
    assert plan["unknown_jobs"] == 2
    assert plan["seconds"] == pytest.approx(2 * 86)
    assert [job["seconds"] for job in plan["jobs"]] == pytest.approx([86, None] * 2)
    assert plan["jobs"][0]["rests_on"] == "earlier runs"


def make(**changes):
    fields = {
        "configuration": "mxnet-k122", "backend": "mxnet", "model": "mnist_mlp", "repeat": 1,
        "device": "cpu", "data": "synthetic", "epochs": 3, "samples": None, "seed": 2017,
        "threads": 1, "image_data_format": "channels_first",
        "recurrent_activation": "hard_sigmoid", "precision": "float32",
    }  # fmt: skip
    return Job(**{**fields, **changes})


def test_an_environment_is_there_or_to_be_made(place, capsys):
    configuration = read_configuration(paths.CONFIGURATIONS / "mxnet-k122")
    local(place, "--json")
    (made,) = told(capsys)["environments"]
    assert (made["is_there"], made["seconds"]) == (False, None)
    folder = environment_folder(configuration, Device.CPU, place / "cache")
    assert made["name"] == str(folder)
    RunStore.create(place / "runs", {
        "builds": {"mxnet-k122": {"launcher": "local", "device": "cpu", "seconds": 40.0}},
    })  # fmt: skip
    local(place, "--json")
    assert told(capsys)["environments"][0]["seconds"] == 40
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    local(place, "--json")
    assert told(capsys)["environments"][0]["is_there"]


def test_an_environment_that_cannot_be_made_blocks_its_jobs(place, capsys, monkeypatch):
    def refuse(configuration):
        if configuration.name == "mxnet-k122":
            raise BuildError("mxnet-k122 needs Python 3.6 on this machine")
        return "3.11"

    patch_everywhere(monkeypatch, python_for, refuse)
    assert local(place, "--config", "jax-k3", "--model", "mnist_mlp", "--json") == ExitCode.OK
    plan = told(capsys)
    assert [job["is_run"] for job in plan["jobs"]] == [False, True]
    assert "needs Python 3.6" in plan["jobs"][0]["blocked"]
    assert local(place) == ExitCode.MACHINE
    said = capsys.readouterr()
    assert "cannot be made" in said.out
    assert "no job can run: mxnet-k122 needs Python 3.6" in said.err


def test_a_full_disk_is_told_as_run_tells_it(place, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    assert local(place) == ExitCode.MACHINE
    said = capsys.readouterr()
    assert "needed" in said.out
    assert "too full" in said.err
    assert local(place, "--json") == ExitCode.MACHINE
    plan = told(capsys)
    assert "too full" in plan["refusal"]
    assert [room["is_enough"] for room in plan["disks"]] == [False]


def test_a_size_that_one_of_the_models_has_not_leaves_the_others(place, capsys):
    asked = ("--config", "jax-k3", "--model", "mnist_mlp", "bert_base", "--size", "tiny")
    assert local(place, *asked, "--json") == ExitCode.OK
    jobs = {job["model"]: job for job in told(capsys)["jobs"] if job["is_run"]}
    assert list(jobs) == ["bert_base"]


def test_what_is_not_supported_is_named_with_its_reason(place, capsys, monkeypatch):
    fit = fitted

    def mark(planned, preflight, say):
        return [
            replace(job, unsupported="it cannot" if job.model == "babi_rnn" else None)
            for job in fit(planned, preflight, say)
        ]

    patch_everywhere(monkeypatch, fitted, mark)
    assert local(place) == ExitCode.OK
    text = capsys.readouterr().out
    assert "not run, mxnet-k122/mxnet babi_rnn: it cannot" in text
    assert "4 to run" in text


def test_a_resumed_run_tells_what_it_skips(place, capsys):
    asked = {"config": ["mxnet-k122"], "model": ["mnist_mlp", "mnist_cnn"], "device": "cpu",
             "launcher": "local", "data": "synthetic", "threads": 1, "epochs": 3}  # fmt: skip
    job, cut_off = make(), make(model="mnist_cnn")
    planned = [asdict(job), asdict(cut_off)]
    store = RunStore.create(place / "runs", {"request": asked, "planned": planned})
    write_job(store, job, events(job))
    write_job(store, cut_off, [], status=Status.INTERRUPTED)
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    arguments = ["plan", "--results", str(place / "runs"), "--resume", store.name, "--json"]
    assert main(arguments) == ExitCode.OK
    plan = told(capsys)
    assert plan["resumed"] == store.name
    assert [(job["ended"], job["is_run"]) for job in plan["jobs"]] == [("ok", False), (None, True)]
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


# Images.


MXNET = read_configuration(paths.CONFIGURATIONS / "mxnet-k122")


def find(*held):
    return find_image(engine_with(*held), MXNET, Device.CPU, BuildOptions(BASE))


def test_without_its_base_an_image_has_no_name_yet():
    found = find()
    assert (found.tag, found.is_there, found.has_layers) == (None, False, False)


def test_a_build_begins_at_the_stage_that_is_there():
    nothing = find(Image(BASE))
    assert (nothing.held, nothing.is_there, nothing.has_layers) == (None, False, False)
    base = held_base(engine_with(Image(BASE)), BASE)
    system, device, environment, models = image_plan(MXNET, Device.CPU, base).stages
    assert nothing.missing == (system.name, device.name, environment.name, models.name)
    begun = find(Image(BASE), Image(system.tag))
    assert (begun.held, begun.has_layers) == ("system", False)
    nearly = find(Image(BASE), Image(environment.tag))
    assert (nearly.missing, nearly.is_there, nearly.has_layers) == (("models",), False, True)
    there = find(Image(BASE), Image(models.tag))
    assert (there.tag, there.is_there, there.has_layers) == (models.tag, True, True)


def test_the_size_of_an_earlier_image_is_a_hint():
    label = {f"{LABEL}.configuration": "mxnet-k122", f"{LABEL}.stage": "models"}
    name = f"{LABEL}/mxnet-k122"
    held = [
        Image(f"{name}:cpu-old", label, 5, "2025"),
        Image(f"{name}:cpu-new", label, 6, "2026"),
        Image(f"{name}:cpu-system-new", {**label, f"{LABEL}.stage": "system"}, 7, "2027"),
        Image(f"{name}:gpu-newer", label, 9, "2027"),
    ]
    engine = engine_with(*held)
    assert known_image_size(engine, MXNET, Device.CPU, f"{name}:cpu-old") == 5
    assert known_image_size(engine, MXNET, Device.CPU, f"{name}:cpu-other") == 6
    assert known_image_size(engine_with(), MXNET, Device.CPU, None) is None


def test_an_engines_images_are_in_the_plan(place, capsys, monkeypatch):
    patch_everywhere(monkeypatch, connect_engine, lambda name: engine_with(Image(BASE)))
    assert call(place, "--base-image", BASE, "--json") == ExitCode.OK
    (image,) = told(capsys)["environments"]
    assert image["name"].startswith(f"{LABEL}/mxnet-k122:cpu-")
    assert not image["is_there"]
    assert call(place, "--base-image", "another:1") == ExitCode.OK
    assert "its base would be pulled first: another:1" in capsys.readouterr().out
    assert files(place) == []


# How long environments take to make.


def test_a_build_takes_as_long_as_the_longest_of_the_latest(tmp_path):
    for seconds in (900.0, 3.0, 200.0, 4.0):
        made = {"launcher": "docker", "device": "cpu", "seconds": seconds}
        RunStore.create(tmp_path, {"builds": {"mxnet-k122": made}})
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text('{"builds": [1]}')
    history = History(tmp_path, None)
    assert history.build_seconds("mxnet-k122", "docker", "cpu") == 200
    assert history.build_seconds("mxnet-k122", "docker", "gpu") is None
    assert history.build_seconds("mxnet-k122", "local", "cpu") is None
