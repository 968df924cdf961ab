"""The workflow of a public forge, played in a shell: only what is the forge's is stood in for."""

import os
import re
import stat
import subprocess

import pytest
import yaml
from _pytest.mark.expression import Expression

from needs import NEEDS, REAL
from runner import paths

WORKFLOW = yaml.safe_load((paths.ROOT / ".github" / "workflows" / "ci.yml").read_text())
JOBS = WORKFLOW["jobs"]
# What a step calls is put down; make says what it would do, or that it has no such target.
NOTES = '#!/bin/bash\necho "${0##*/} $*" >> "$CALLED"\n'
STAND_INS = {
    "apt-get": "",
    "docker": 'cat >> "$CALLED"\n',
    "sudo": 'while [[ $1 == -* ]]; do shift; done\nexec "$@"\n',
    "make": 'PATH=${PATH#*:} exec make -n VENV=/no "$@"\n',
}


@pytest.fixture
def play(tmp_path):
    """Return a function that plays a job: what was called, and what make would do."""
    for name, text in STAND_INS.items():
        (tmp_path / name).write_text(NOTES + text)
        (tmp_path / name).chmod(stat.S_IRWXU)
    called = tmp_path / "called"

    def run(job):
        called.write_text("")
        outside = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLED": str(called)}
        printed = ""
        for lines in (step["run"] for step in job["steps"] if "run" in step):
            ended = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", lines], cwd=paths.ROOT, text=True,
                env=outside | job.get("env", {}) | told, check=False, capture_output=True,
            )  # fmt: skip
            assert ended.returncode == 0, ended.stderr
            printed += ended.stdout
        return called.read_text(), printed

    return run


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_steps_of_a_job_run_and_what_they_ask_of_make_is_there(job, play):
    called, printed = play(job)
    assert re.search(r"^make \S", called, re.M)
    assert "/no/bin/" in printed


def chosen_by(printed):
    """Return the expression by which pytest chooses tests."""
    (expression,) = re.findall(r'-m pytest .*-m "([^"]+)"', printed)
    return Expression.compile(expression)


def test_every_test_of_the_real_ones_is_in_a_job(play):
    by_job = [chosen_by(play(JOBS[name])[1]) for name in ("test", "engine", "others")]

    def takers(*marks):
        return [one.evaluate(lambda name, **_: name in marks) for one in by_job]

    assert {need.name: sum(takers(REAL, need.marker)) for need in NEEDS} == dict.fromkeys(
        (need.name for need in NEEDS), 1
    )
    assert takers() == [True, False, False]


def test_the_job_with_an_engine_requires_it_and_has_a_base_image(play):
    """The proofs of the sandbox and of kills need an engine, so they are in its job."""
    job = JOBS["engine"]
    called, printed = play(job)
    assert job["env"]["REQUIRE_ENGINE"] == "1"
    assert f"docker build --tag {job['env']['BENCH_BASE_IMAGE']} -\nFROM " in called
    installed = set(re.findall(r"apt-get install .*", called)[0].split())
    assert {"podman", "munge", "slurmctld", "slurmd", "slurm-client"} <= installed
    assert chosen_by(printed).evaluate(lambda name, **_: name == "needs_engine")
