"""Programs and libraries of this machine: which of those that a backend needs are there."""

import shutil

import pytest

from runner.machine.interpreters import lacking, lacking_text
from runner.spec.configuration import Device, LocalNeeds, load_configurations


def test_what_the_loader_and_the_search_path_find_is_not_lacking():
    needs = LocalNeeds(programs=("sh",), libraries=("libc.so.6", "libm.so.6"))
    assert lacking(needs, Device.CPU) == []


def test_what_is_lacking_is_named_in_the_order_in_which_it_is_needed():
    needs = LocalNeeds(
        programs=("sh", "no-such-program"),
        libraries=("libnothing.so.99", "libc.so.6", "libnone.so.1"),
        gpu_programs=("no-such-compiler",),
        gpu_libraries=("libnocard.so.1",),
    )
    on_cpu = ["no-such-program", "libnothing.so.99", "libnone.so.1"]
    assert lacking(needs, Device.CPU) == on_cpu
    assert set(lacking(needs, Device.GPU)) == {*on_cpu, "no-such-compiler", "libnocard.so.1"}


def test_the_interpreter_that_will_load_them_is_asked(tmp_path):
    """A conda environment's Python brings libraries that no other one finds."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho libonlymine.so.1\n")
    python.chmod(0o755)
    needs = LocalNeeds(libraries=("libonlymine.so.1",))
    assert lacking(needs, Device.CPU, python) == []
    assert lacking(needs, Device.CPU) == ["libonlymine.so.1"]


def test_an_interpreter_that_does_not_run_has_none(tmp_path):
    needs = LocalNeeds(libraries=("libc.so.6",))
    assert lacking(needs, Device.CPU, tmp_path / "no") == ["libc.so.6"]


def test_the_packages_that_have_them_are_named_once():
    packages = {"liba.so.1": "liba1", "libb.so.1": "liba1", "g++": "g++"}
    needs = LocalNeeds(
        programs=("g++", "nvcc"), libraries=("liba.so.1", "libb.so.1"), packages=packages
    )
    text = lacking_text(needs, ["liba.so.1", "libb.so.1"])
    assert text == "not on this machine: liba.so.1, libb.so.1 (Debian: liba1)"
    assert lacking_text(needs, ["nvcc"]) == "not on this machine: nvcc"


@pytest.mark.parametrize("configuration", load_configurations([]), ids=lambda c: c.name)
def test_whatever_a_cpu_job_needs_has_a_package(configuration):
    for facts in configuration.backends.values():
        needed = {*facts.local.programs_for(Device.CPU), *facts.local.libraries_for(Device.CPU)}
        assert needed == facts.local.packages.keys() & needed


def test_the_search_path_is_asked_for_programs(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert lacking(LocalNeeds(programs=("sh",)), Device.CPU) == ["sh"]
