"""Jobs of this machine that lack a library of it: unsupported, and nothing is made for them."""

import shutil
from contextlib import contextmanager

import pytest

from fake_nvml import K80
from given_python import make_python
from made_machine import made_machine
from patching import patch_everywhere
from runner.doctor.asked import AskedRun
from runner.doctor.examination import examine
from runner.environments.venv import python_for
from runner.errors import MachineError
from runner.machine import interpreters
from runner.plan.findings import FindingState
from runner.plan.needs import run_needs
from runner.plan.plan import plan_run
from runner.spec.choices import BuildOptions
from runner.spec.request import Request

ALL_OF_2017 = ("theano-k208", "tf-cntk-k208", "mxnet-k122")


@contextmanager
def equipped(folder):
    """Give a machine that has every program and library but those that a test takes away.

    What is replaced twice goes back in the opposite order, so the patches are undone in here.
    """
    with made_machine(folder) as made, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        missing: set[str] = set()
        patch_everywhere(
            monkeypatch,
            interpreters._loaded,
            lambda names, python: {name for name in names if name not in missing},
        )
        patch_everywhere(monkeypatch, python_for, lambda configuration: "/usr/bin/python3")
        made.missing = missing
        yield made


@pytest.fixture
def machine(tmp_path):
    with equipped(tmp_path) as made:
        yield made


def test_a_made_machine_leaves_nothing_replaced(tmp_path):
    """Later tests found no program on this machine, and some were skipped for it."""
    before = shutil.which
    with equipped(tmp_path):
        assert shutil.which is not before
    assert shutil.which is before


def asked(*configurations, **options):
    given = {"device": "cpu", "launcher": "local", "model": ("mnist_mlp",), "data": "synthetic"}
    return Request(config=configurations, **(given | options))


def planned(*configurations, **options):
    return plan_run(asked(*configurations, **options), lambda text: None)


def told(tmp_path, *configurations, **options):
    places = {"results": tmp_path / "runs", "cache": tmp_path / "cache"}
    found = examine(AskedRun.of(asked(*configurations, **options), **places))
    return {f.subject: f for f in found if f.check == "local"}


def test_where_all_is_there_nothing_is_refused(machine):
    plan = planned(*ALL_OF_2017)
    assert {job.unsupported for job in plan.jobs} == {None}


def test_the_jobs_that_lack_a_library_are_unsupported_with_the_package(machine):
    machine.missing |= {"libmpi.so.12", "libmpi_cxx.so.1", "libopenblas.so"}
    plan = planned(*ALL_OF_2017)
    reasons = {job.backend: job.unsupported for job in plan.jobs}
    assert reasons == {
        "tensorflow": None,
        "mxnet": None,
        "theano": "not on this machine: libopenblas.so (Debian: libopenblas-dev)",
        "cntk": "not on this machine: libmpi.so.12, libmpi_cxx.so.1 (Debian: libopenmpi3, whose "
        "libraries need links of these names)",
    }


def test_no_environment_is_made_for_what_cannot_run(machine, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    machine.missing |= {"libmpi.so.12", "libopenblas.so"}
    plan = planned(*ALL_OF_2017)
    assert [c.name for c in plan.configurations] == ["tf-cntk-k208", "mxnet-k122"]
    needs = {need.what for need in run_needs(plan, tmp_path, BuildOptions())}
    assert "environment mxnet-k122" in needs
    assert "environment theano-k208" not in needs


def test_a_run_whose_jobs_all_lack_something_does_not_begin(machine):
    machine.missing |= {"libopenblas.so"}
    with pytest.raises(MachineError, match="theano: not on this machine: libopenblas.so") as caught:
        planned("theano-k208")
    assert "use --launcher docker" in str(caught.value)


def test_an_image_brings_its_own(machine):
    machine.missing |= {"libopenblas.so"}
    assert [job.unsupported for job in planned("theano-k208", launcher="docker").jobs] == [None]


def test_another_version_of_a_given_python_may_need_other_ones(machine, tmp_path):
    """The facts are those of the version that the configuration names."""
    machine.missing |= {"libgomp.so.1"}
    same = make_python(tmp_path / "same", keras="1.2.2", mxnet="0.11.0")
    other = make_python(tmp_path / "other", keras="2.9.0", mxnet="1.9.1")
    with pytest.raises(MachineError, match=r"libgomp\.so\.1"):
        planned("mxnet-k122", python=same)
    assert [job.unsupported for job in planned("mxnet-k122", python=other).jobs] == [None]


def test_the_doctor_warns_where_other_backends_remain(machine, tmp_path):
    machine.missing |= {"libmpi.so.12"}
    found = told(tmp_path, "tf-cntk-k208")["tf-cntk-k208 cntk"]
    assert found.state is FindingState.WARNING
    assert "libmpi.so.12 (Debian: libopenmpi3" in found.text
    alone = told(tmp_path, "tf-cntk-k208", backend=("cntk",))["tf-cntk-k208 cntk"]
    assert alone.state is FindingState.PROBLEM


def test_the_doctor_sees_where_no_one_thing_stops_all(machine, tmp_path):
    """The card stops the one, a library the other: nothing is left to run."""
    machine.cards = [K80]
    both = {"device": "gpu", "backend": ()}
    assert "backends" not in told(tmp_path, "jax-k3", "theano-k208", **both)
    machine.missing |= {"libopenblas.so"}
    assert all(job.unsupported for job in planned("jax-k3", "theano-k208", **both).jobs)
    left = told(tmp_path, "jax-k3", "theano-k208", **both)["backends"]
    assert left.state is FindingState.PROBLEM
