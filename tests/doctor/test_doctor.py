"""The doctor: every state of a machine is a line with what to do, and decides as a run decides."""

import errno
import io
import json
import os
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import ClassVar

import pytest
from rich.console import Console
from rich.text import Text

from fake_nvml import K80, STRANGER
from made_machine import made_engine, made_machine
from patching import patch_everywhere
from runner import paths
from runner.cli.app import main
from runner.cli.commands.doctor import doctor
from runner.doctor.asked import AskedRun
from runner.doctor.data import _all_at_once, why_no_index, why_not_served
from runner.doctor.examination import DOCTOR_CHECKS, examine
from runner.environments.datasets import DOWNLOADS
from runner.environments.image import find_image
from runner.environments.venv import python_for
from runner.errors import ExitCode, MachineError
from runner.machine.docker_engine import connect_engine
from runner.machine.gpu import Gpu, connect_driver
from runner.plan.findings import FindingState
from runner.plan.needs import environment_bytes, environment_needs, require_room
from runner.plan.obstacles import card_against
from runner.plan.plan import plan_run
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations
from runner.spec.request import Request
from runner.spec.workload import DataSource
from runner.words import size_text

H200 = Gpu("GPU-h200", "NVIDIA H200", "580.159.03", (9, 0), 139 << 30)
V100 = Gpu("GPU-v100", "Tesla V100", "470.256.02", (7, 0), 16 << 30)
OLD_DRIVER = Gpu("GPU-k80", "Tesla K80", "367.48", (3, 7), 12 << 30)
NO_ENGINE = MachineError("no Docker engine answers\nstart one")
NO_PERMISSION = MachineError("no permission on the Docker engine's socket\nadd yourself")


@pytest.fixture
def machine(tmp_path):
    with made_machine(tmp_path) as answers:
        yield answers


@pytest.fixture
def ask(machine, tmp_path):
    def asked(*names, device="gpu", launcher="auto", backends=(), **changes):
        options = {
            "config": names,
            "backend": backends,
            "model": ["mnist_mlp"],
            "device": device,
            "launcher": launcher,
        } | changes
        places = {"results": tmp_path / "results" / "runs", "cache": tmp_path / "cache"}
        places |= {name: options.pop(name) for name in places if name in options}
        return list(examine(AskedRun.of(Request(**options), **places)))

    return asked


def of(findings, check, subject=None):
    return [f for f in findings if f.check == check and subject in (None, f.subject)]


def states(findings, check, subject=None):
    return [finding.state for finding in of(findings, check, subject)]


def problems(findings):
    return [finding for finding in findings if finding.state is FindingState.PROBLEM]


def test_a_fit_machine_has_no_problem(machine, ask):
    machine.cards = [H200]
    findings = ask("jax-k3")
    assert problems(findings) == []
    assert states(findings, "engine") == [FindingState.OK, FindingState.OK]
    assert "serves CUDA 13.0 and older" in of(findings, "gpu", "GPU 0")[0].text


@pytest.mark.parametrize("error", [NO_ENGINE, NO_PERMISSION])
def test_no_engine_matters_where_one_was_asked_for(machine, ask, error):
    machine.engine = error
    [asked_for] = of(ask("jax-k3", device="cpu", launcher="docker"), "engine")
    assert asked_for.state is FindingState.PROBLEM
    assert [asked_for.text, asked_for.remedy] == str(error).splitlines()
    [auto] = of(ask("jax-k3", device="cpu"), "engine")
    assert auto.state is FindingState.WARNING
    assert str(error).splitlines()[0] in auto.text
    [local] = of(ask("jax-k3", device="cpu", launcher="local"), "engine")
    assert local.state is FindingState.OK


def test_an_engine_that_hangs_is_said_within_its_limit(monkeypatch, tmp_path):
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        monkeypatch.setattr("runner.machine.docker_engine.ANSWER_SECONDS", 0.3)
        with pytest.raises(MachineError, match="does not answer within"):
            connect_engine(str(path))


def test_without_nvidias_runtime_only_a_gpu_run_has_a_problem(machine, ask):
    machine.engine = made_engine()
    machine.cards = [H200]
    [found] = of(ask("jax-k3"), "engine", "GPU in a container")
    assert found.state is FindingState.PROBLEM
    assert "nvidia-container-toolkit" in found.remedy
    assert problems(ask("jax-k3", device="cpu")) == []


def test_an_engine_elsewhere_is_a_warning(machine, ask):
    machine.engine = made_engine("nvidia", base_url="http://elsewhere:2375")
    assert states(ask("jax-k3", device="cpu"), "engine", "engine") == [
        FindingState.OK,
        FindingState.WARNING,
    ]


@pytest.mark.parametrize(
    ("info", "states_said"),
    [
        ({"Rootless": True, "CgroupVersion": "1"}, [FindingState.WARNING]),
        ({"SecurityOptions": ["name=rootless"], "CgroupVersion": "1"}, [FindingState.WARNING]),
        ({"Rootless": True, "CgroupVersion": "2"}, []),
        ({"CgroupVersion": "1"}, []),
    ],
)
def test_an_engine_that_applies_no_limits_is_a_warning(machine, ask, info, states_said):
    machine.engine = made_engine(**info)
    assert states(ask("jax-k3", device="cpu"), "engine", "limits") == states_said


def test_no_card(machine, ask):
    [found] = of(ask("jax-k3"), "gpu")
    assert found.state is FindingState.PROBLEM
    assert "--device cpu" in found.remedy
    auto = ask("jax-k3", device="auto")
    assert states(auto, "gpu", "GPU") == [FindingState.WARNING]
    assert problems(auto) == []


def test_a_driver_that_does_not_answer_is_a_problem(machine, ask, monkeypatch):
    def broken():
        raise MachineError("the NVIDIA driver does not answer: mismatch\nrestart")

    patch_everywhere(monkeypatch, connect_driver, broken)
    assert of(ask("jax-k3"), "gpu")[0].remedy == "restart"


def test_a_misspelt_card_gets_a_hint(machine, ask):
    machine.cards = [H200]
    [found] = [
        f for f in of(ask("jax-k3", gpu="GPU-h20"), "gpu") if f.state is FindingState.PROBLEM
    ]
    assert "did you mean 'GPU-h200'" in found.text


def test_an_old_driver_is_a_problem_with_the_one_to_install(machine, ask):
    machine.cards = [OLD_DRIVER]
    [found] = of(ask("mxnet-k122"), "configurations")
    assert found.state is FindingState.PROBLEM
    assert "needs driver 375.26" in found.text
    assert "install driver 375.26" in found.remedy


def test_where_a_cards_driver_branch_ends_no_update_is_advised():
    facts = load_configurations(["jax-k3"])[0].backends["jax"].gpu
    legacy = load_configurations(["mxnet-k122"])[0]
    gpu = facts.model_copy(update={"min_compute_capability": "3.5"})
    backend = legacy.backends["mxnet"].model_copy(update={"gpu": gpu})
    future = legacy.model_copy(update={"backends": {"mxnet": backend}})
    found = card_against([future], (), K80).found["mxnet-k122", "mxnet"]
    assert "the last branch for Tesla K80 is R470" in found.reason
    assert "no driver helps" in found.remedy


def test_the_last_branch_of_an_old_card_is_told(machine, ask):
    machine.cards = [K80]
    findings = ask("mxnet-k122")
    assert problems(findings) == []
    assert "R470 is the last driver branch" in of(findings, "gpu", "GPU 0")[0].text


def test_a_card_too_new_for_2017_runs_keras_3(machine, ask):
    machine.cards = [H200]
    alone = ask("mxnet-k122")
    assert states(alone, "configurations") == [FindingState.PROBLEM]
    assert "Keras 3" in of(alone, "configurations")[0].remedy
    mixed = ask("mxnet-k122", "jax-k3")
    assert states(mixed, "configurations") == [FindingState.WARNING, FindingState.OK]
    assert problems(mixed) == []


def test_the_chosen_backends_alone_decide(machine, ask):
    machine.cards = [V100]
    assert problems(ask("tf-cntk-k208")) == []
    assert len(problems(ask("tf-cntk-k208", backends=["tensorflow"]))) == 1


def test_each_other_kind_of_card_is_compared_too(machine, ask):
    machine.cards = [K80, H200]
    findings = ask("mxnet-k122", "jax-k3")
    [other] = of(findings, "configurations", "NVIDIA H200")
    assert other.text == "not chosen (--gpu GPU-h200); fits jax-k3 jax"


def test_a_card_in_use_is_a_warning(machine, ask):
    machine.cards, machine.processes = [K80], ((STRANGER,),)
    [found] = of(ask("mxnet-k122"), "gpu", K80.name)
    assert found.state is FindingState.WARNING
    assert "pid 4711" in found.text


def free_space(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


def rooms(findings):
    return [found for found in of(findings, "disk") if found.subject.startswith("disk of ")]


def test_little_room_is_a_warning_and_hardly_any_a_problem(ask, monkeypatch):
    for free, expected in (
        (100 << 30, FindingState.OK),
        (2 << 30, FindingState.WARNING),
        (1, FindingState.PROBLEM),
    ):
        free_space(monkeypatch, free)
        found = rooms(ask("jax-k3", device="cpu"))
        assert {finding.state for finding in found} == {expected}


def test_the_room_for_an_environment_is_what_its_configuration_states(ask, monkeypatch):
    free_space(monkeypatch, 1 << 30)
    [jax] = load_configurations(["jax-k3"])
    told = rooms(ask("jax-k3", device="cpu", launcher="local"))
    stated = size_text(environment_bytes(jax, Device.CPU))
    assert any(f"environment jax-k3 {stated}" in found.text for found in told)
    with pytest.raises(MachineError, match="too full"):
        wanted = environment_needs([jax], Device.GPU, paths.cache())
        require_room(wanted, lambda line: None)
    assert FindingState.PROBLEM in [f.state for f in rooms(ask("jax-k3", launcher="local"))]


def test_a_size_that_is_not_known_is_a_warning_that_names_it(ask, monkeypatch):
    free_space(monkeypatch, 100 << 30)
    patch_everywhere(monkeypatch, environment_bytes, lambda *_: None)
    found = rooms(ask("jax-k3", device="cpu", launcher="local"))
    [warned] = [finding for finding in found if finding.state is FindingState.WARNING]
    assert warned.text.endswith("; not known: environment jax-k3")


def test_the_engines_disk_is_looked_at_where_it_is_this_machines(
    machine, ask, tmp_path, monkeypatch
):
    not_built = SimpleNamespace(has_layers=False)
    patch_everywhere(monkeypatch, find_image, lambda *_: not_built)
    machine.engine.info.update(DockerRootDir=str(tmp_path), KernelVersion=os.uname().release)
    findings = ask("jax-k3", device="cpu")
    assert any("image jax-k3" in found.text for found in rooms(findings))
    assert of(findings, "disk", "engine's data") == []
    machine.engine.info["KernelVersion"] = "another"
    [found] = of(ask("jax-k3", device="cpu"), "disk", "engine's data")
    assert "not to be seen" in found.text


@pytest.mark.parametrize("place", ["results", "cache"])
def test_a_folder_that_cannot_be_written_is_a_problem(ask, tmp_path, place):
    (tmp_path / "file").touch()
    [found] = problems(ask("jax-k3", device="cpu", **{place: tmp_path / "file" / "below"}))
    assert (found.check, found.subject) == ("disk", place)
    assert os.strerror(errno.ENOTDIR) in found.text
    assert found.remedy


def test_looking_leaves_nothing_behind(ask, tmp_path):
    ask("jax-k3", device="cpu")
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("source", "missing", "wrong"),
    [
        (None, FindingState.WARNING, FindingState.WARNING),
        (DataSource.REAL, FindingState.WARNING, FindingState.PROBLEM),
        (DataSource.SYNTHETIC, FindingState.OK, FindingState.OK),
        (DataSource.DIGITS, FindingState.OK, FindingState.OK),
    ],
)
def test_data_that_is_missing_or_wrong(ask, tmp_path, source, missing, wrong):
    assert states(ask("jax-k3", device="cpu", data=source), "data") == [missing]
    path = tmp_path / "cache" / "downloads" / DOWNLOADS["mnist"].name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    [found] = of(ask("jax-k3", device="cpu", data=source), "data")
    assert found.state is wrong
    assert path.read_bytes() == b"something else"
    assert wrong is FindingState.OK or ("hash is wrong" in found.text and str(path) in found.text)


def test_only_what_is_not_cached_is_asked_for(ask, monkeypatch):
    asked = []

    def refuse(urls, seconds):
        asked.append(urls)
        return "s3 is gone"

    patch_everywhere(monkeypatch, why_not_served, refuse)
    patch_everywhere(monkeypatch, why_no_index, lambda build, seconds: "no route")
    findings = ask("jax-k3", device="cpu")
    assert asked == [DOWNLOADS["mnist"].urls]
    assert states(findings, "network") == [FindingState.WARNING, FindingState.WARNING]
    assert all(finding.remedy for finding in of(findings, "network"))
    assert problems(findings) == []
    ask("jax-k3", device="cpu", data=DataSource.SYNTHETIC)
    assert len(asked) == 1


class Answering(BaseHTTPRequestHandler):
    """A host of one file, and of a package index with one package."""

    PAGES: ClassVar = {
        "/simple/pip/": b'<a href="pip-1.0-py3-none-any.whl" data-core-metadata="true">pip</a>',
        "/simple/pip/pip-1.0-py3-none-any.whl.metadata": (
            b"Metadata-Version: 2.1\nName: pip\nVersion: 1.0\n"
        ),
    }

    def do_GET(self):
        page = self.PAGES.get(self.path)
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page or b"")

    def do_HEAD(self):
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    def log_message(self, *_): ...


@pytest.fixture
def host(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_is_served_if_one_address_has_it(host):
    assert why_not_served((f"{host}/gone", f"{host}/there"), 2) is None
    assert "answers 404" in why_not_served((f"{host}/gone",), 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert "does not answer" in why_not_served((hanging,), 0.2)
    assert "does not answer" in why_not_served((hanging,), 1)


def test_an_answer_that_does_not_come_is_not_waited_for():
    never = threading.Event()

    def hangs():
        never.wait()

    def breaks():
        raise ZeroDivisionError

    answers = _all_at_once({"slow": hangs, "quick": lambda: None, "broken": breaks}, 0.3)
    never.set()
    assert "no answer within" in answers["slow"]
    assert answers["quick"] is None
    assert "ZeroDivisionError" in answers["broken"]


def test_the_index_is_asked_by_uv(host):
    assert why_no_index(BuildOptions(package_index=f"{host}/simple"), 20) is None
    assert "pip" in why_no_index(BuildOptions(package_index=f"{host}/empty"), 20)


@pytest.fixture
def no_old_python(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))


def test_a_missing_python_matters_for_local_jobs_alone(machine, ask, no_old_python):
    [local] = of(ask("mxnet-k122", device="cpu", launcher="local"), "local")
    assert local.state is FindingState.PROBLEM
    assert local.text == "mxnet-k122 needs Python 3.6 or 3.5 on this machine"
    assert "pyenv install" in local.remedy
    [docker] = of(ask("mxnet-k122", device="cpu"), "local")
    assert docker.state is FindingState.OK
    [fetched] = of(ask("jax-k3", device="cpu", launcher="local"), "local")
    assert fetched.text == "uv fetches Python 3.11"


def test_a_given_interpreter_must_run(ask, tmp_path):
    [found] = of(ask("jax-k3", device="cpu", launcher="local", python=tmp_path / "no"), "local")
    assert found.state is FindingState.PROBLEM


def test_what_a_backend_lacks_matters_for_local_jobs_alone(machine, ask, no_old_python):
    findings = ask("theano-k208", device="cpu", launcher="local")
    [found] = of(findings, "local", "theano-k208 theano")
    assert found.state is FindingState.PROBLEM
    assert "g++" in found.text
    assert "nvcc" not in found.text
    machine.cards = [K80]
    on_gpu = ask("theano-k208", launcher="local")
    assert "nvcc" in of(on_gpu, "local", "theano-k208 theano")[0].text
    assert of(ask("theano-k208", device="cpu"), "local", "theano-k208 theano") == []
    assert of(ask("jax-k3", device="cpu", launcher="local"), "local", "jax-k3 jax") == []


def test_a_check_that_breaks_hides_no_other(ask, monkeypatch):
    def broken(asked):
        raise ValueError("out of order")

    monkeypatch.setitem(DOCTOR_CHECKS, "disk", (broken,))
    findings = ask("jax-k3", device="cpu")
    [found] = problems(findings)
    assert "ValueError: out of order" in found.text
    assert of(findings, "local")


@pytest.mark.parametrize("answer", [made_engine("nvidia"), made_engine(), NO_ENGINE])
@pytest.mark.parametrize("cards", [[], [K80], [H200], [OLD_DRIVER], [V100]], ids=str)
@pytest.mark.parametrize("device", ["gpu", "cpu", "auto"])
@pytest.mark.parametrize("launcher", ["auto", "docker"])
def test_the_doctor_has_a_problem_where_a_run_is_refused_and_nowhere_else(
    machine, ask, monkeypatch, answer, cards, device, launcher
):
    """One preflight decides, and the doctor leaves out no question of it."""
    for name in ("disk", "data", "network"):
        monkeypatch.setitem(DOCTOR_CHECKS, name, ())
    patch_everywhere(monkeypatch, python_for, lambda configuration: "/usr/bin/python3")
    machine.engine, machine.cards = answer, cards
    for names in (["mxnet-k122"], ["torch-k3"], ["tf-cntk-k208", "jax-k3"]):
        asked = {"device": device, "launcher": launcher, "model": ["mnist_mlp"]}
        try:
            plan = plan_run(Request(config=names, data="synthetic", **asked), lambda _: None)
            refused = all(job.unsupported for job in plan.jobs)
        except MachineError:
            refused = True
        assert bool(problems(ask(*names, **asked))) is refused


def test_the_command_in_plain_words_and_as_json(machine, tmp_path, capsys):
    machine.cards = [H200]
    common = ["doctor", "--results", str(tmp_path), "--data", "synthetic"]
    assert main([*common, "--config", "mxnet-k122", "jax-k3"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "  ok       jax-k3 jax: fits NVIDIA H200" in said
    assert "  warning  mxnet-k122 mxnet: " in said
    assert "this run can work here" in said.splitlines()[-1]
    assert main([*common, "--config", "mxnet-k122", "--json"]) == ExitCode.MACHINE
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["can_work"]) == (1, False)
    assert {"check", "subject", "state", "text", "remedy"} == set(told["findings"][0])
    assert main(["doctor", "--config", "mxnet-k12"]) == ExitCode.USAGE


@pytest.mark.parametrize(("encoding", "glyph"), [("utf-8", "✗"), ("ascii", "problem ")])
def test_a_terminal_of_80_columns(machine, tmp_path, monkeypatch, capsys, encoding, glyph):
    written = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    console = Console(file=written, force_terminal=True, width=80, no_color=True)
    monkeypatch.setattr("runner.doctor.show.out", console)
    machine.cards = [H200]
    call = ["doctor", "--config", "tf-cntk-k208", "--data", "synthetic", "--results", str(tmp_path)]
    assert main(call) == ExitCode.MACHINE
    shown = Text.from_ansi(written.buffer.getvalue().decode()).plain or capsys.readouterr().out
    assert glyph in shown
    assert "this run cannot work here: 2 problems" in shown
    if encoding == "utf-8":
        assert max(map(len, shown.splitlines())) <= 80


def test_the_doctor_is_asked_with_every_option_that_says_what_to_measure_and_where():
    assert set(Request.model_fields) <= set(doctor.options)


def test_a_studys_own_configurations_are_examined(capsys):
    asked = ["doctor", "--study", "keras2024", "--device", "cpu", "--launcher", "local"]
    main([*asked, "--data", "synthetic"])
    shown = capsys.readouterr().out
    assert "torch-k3" in shown
    assert "jax-k305" not in shown
