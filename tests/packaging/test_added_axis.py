"""An axis that is added to models/job/axes.json alone, and to the backend that acts on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from given_python import make_python
from made_project import MODELS, NAME, make
from runner.errors import ExitCode

ADDED = {
    "label": "{} steps an update",
    "help": "Steps whose gradients are added up before the weights are changed.",
    "is_same_work": True,
    "least": 1,
    "default": 1,
    "from_keras": 1,
}


class Project:
    """A project of a test's own, called as a user does."""

    def __init__(self, root: Path) -> None:
        self.root = make(root, pace=0.0)
        self._python = make_python(root / "venv", keras="1.0", mxnet="1.0")
        self.asked = [
            "--config", NAME, "--model", MODELS[0], "--data", "synthetic", "--device", "cpu",
            "--launcher", "local", "--python", str(self._python), "--samples", "8", "--epochs", "3",
            "--threads", "1", "--wait", "240",
        ]  # fmt: skip

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.program("-m", "runner", *arguments)

    def program(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=self.root, text=True, check=False,
            capture_output=True,
            env={**os.environ, "XDG_CACHE_HOME": str(self.root / "cache"), **environment},
        )  # fmt: skip

    def measure(self, name: str, *arguments: str) -> None:
        ended = self(*self.asked, "--name", name, *arguments)
        assert ended.returncode == ExitCode.OK, ended.stdout + ended.stderr

    def manifest(self, name: str) -> dict:
        path = self.root / "results" / "runs" / name / "manifest.json"
        return json.loads(path.read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project with a run of before the axis, and one of both values of it."""
    made = Project(tmp_path_factory.mktemp("project"))
    made.measure("before", "--repeats", "3")
    axes = made.root / "models" / "job" / "axes.json"
    declared = {**json.loads(axes.read_text()), "accumulation": ADDED}
    axes.write_text(json.dumps(declared))
    job = made.root / "models" / "__main__.py"
    # The backend that acts on it: four times as many steps take four times as long.
    pace = 'pace = read("pace", 0.15)'
    assert pace in job.read_text()
    job.write_text(job.read_text().replace(pace, 'pace = 0.02 * SPEC["accumulation"]'))
    made.measure("both", "--repeats", "3", "--accumulation", "1", "4")
    made.measure("four", "--repeats", "3", "--accumulation", "4")
    return made


def test_each_value_is_a_cell_with_its_verdict(project):
    jobs = project.manifest("both")["jobs"]
    assert f"{NAME}.mxnet.{MODELS[0]}+4-steps-an-update.1" in jobs
    assert len(jobs) == 6
    shown = project("report", "both").stdout
    assert "1 steps an update fastest" in shown.replace("\n", " ")
    exported = json.loads(project("export", "both", "--format", "json").stdout)
    assert {"name": "accumulation", "type": "integer"} in exported["columns"]
    assert {row["accumulation"] for row in exported["rows"]} == {1, 4}


def test_a_run_goes_on_and_what_it_asked_for_is_kept_by_name(project):
    assert project.manifest("both")["request"]["accumulation"] == [1, 4]
    assert project("plan", "--resume", "both").returncode == ExitCode.OK
    assert project("--resume", "both").returncode == ExitCode.OK


def test_a_run_of_before_the_axis_stands_beside_a_new_one(project):
    compared = project("compare", "before", "four")
    assert compared.returncode == ExitCode.OK, compared.stderr
    assert "accumulation: not recorded -> 4" in compared.stdout
    together = project.program("-m", "runner", "report", "before", "both", COLUMNS="200").stdout
    assert "[not recorded steps an update]" in together
    assert "1 steps an update fastest" in together


def test_the_page_has_a_column_and_a_filter_for_it(project):
    page = project.root / "page.html"
    assert project("report", "both", "--html", str(page)).returncode == ExitCode.OK
    assert '"varied":["accumulation"]' in page.read_text().replace(", ", ",").replace(": ", ":")


def test_it_is_an_option_of_run_and_plan_that_help_and_completion_know(project):
    for command in ("run", "plan"):
        shown = " ".join(project(command, "--help").stdout.split())
        assert f"--accumulation N {ADDED['help']}" in shown
    planned = project("plan", *project.asked, "--accumulation", "2", "3", "--json")
    assert planned.returncode == ExitCode.OK, planned.stderr
    names = [job["job"] for job in json.loads(planned.stdout)["jobs"]]
    assert names == [f"{NAME}.mxnet.{MODELS[0]}+{n}-steps-an-update.1" for n in (2, 3)]
    wrong = project("plan", *project.asked, "--accumulation", "0")
    assert wrong.returncode == ExitCode.USAGE
    assert "--accumulation 0: expected a whole number from 1 on" in wrong.stderr
    offered = project.program(
        "-m", "runner", COMP_WORDS="keras-bench --acc", COMP_CWORD="1",
        _KERAS_BENCH_COMPLETE="complete_bash",
    )  # fmt: skip
    assert "--accumulation" in offered.stdout


def test_it_is_an_argument_of_the_programs_run(project):
    code = "import runner; print(runner.run.__doc__); runner.run(accumulations=2)"
    ended = project.program("-c", code)
    assert f"``accumulation`` (a number): {ADDED['help']}" in " ".join(ended.stdout.split())
    assert "no argument 'accumulations'; did you mean 'accumulation'" in ended.stderr


def test_a_job_that_says_another_value_is_invalid(project):
    job = project.root / "models" / "__main__.py"
    text = job.read_text()
    job.write_text(text.replace("dict(SPEC, **seen)", "dict(SPEC, accumulation=7, **seen)"))
    ended = project(*project.asked, "--name", "other", "--accumulation", "2")
    job.write_text(text)
    assert ended.returncode == ExitCode.JOBS_NOT_OK
    assert "it says accumulation 7, asked for was 2" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("seed", "an option of a run"),
        ("unsupported", "a part of a job"),
        ("seconds", "a column of the table"),
        ("dry_run", "an option of the command line"),
    ],
)
def test_an_axis_that_is_called_as_something_else_is_refused(tmp_path, name, what):
    root = make(tmp_path, pace=0.0)
    axes = root / "models" / "job" / "axes.json"
    axes.write_text(json.dumps({**json.loads(axes.read_text()), name: ADDED}))
    ended = subprocess.run(
        [sys.executable, "-m", "runner", "plan"], cwd=root, text=True, check=False,
        capture_output=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (ExitCode.USAGE, "")
    assert ended.stderr == f"error: {axes}: an axis cannot be called '{name}', as {what} is; " \
        "choose another name\n"  # fmt: skip
