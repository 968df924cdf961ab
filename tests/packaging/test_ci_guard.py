"""The CI jobs of docs/ci.md, played in a shell: only measuring and GitHub are stood in for."""

import os
import re
import stat
import subprocess
import sys
import textwrap

import pytest

from made_history import TENSORFLOW, made_history, noisy, run_name
from runner import paths
from steady_runs import steady_run

GUIDE = (paths.ROOT / "docs" / "ci.md").read_text()
GUARD, HISTORY = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
# Measuring is a run made beforehand, put where the step asks for it; all else is the real program.
PYTHON = f"""#!/bin/bash
if [[ " $* " == *" --config "* ]]; then
    while [ $# -gt 0 ]; do
        [ "$1" = --results ] && results=$2
        [ "$1" = --name ] && name=$2
        shift
    done
    mkdir -p "$results" && cp -R measured "$results/$name"
    sed -i "s/\\"run\\": \\"[^\\"]*\\"/\\"run\\": \\"$name\\"/" "$results/$name/manifest.json"
else
    exec {sys.executable} "$@"
fi
"""
GH = """#!/bin/bash
echo "$*" >> gh.log
if [ "$1 $2" = "run download" ]; then
    [ -d accepted ] || { echo "no valid artifacts found" >&2; exit 1; }
    mkdir -p baseline && cp -R accepted baseline/accepted
elif [ "$1 $2" = "pr comment" ]; then
    cp comment.md posted.md
fi
"""


def steps(job):
    """Return the shell lines of a job's steps, by their names."""
    found = re.findall(r"- name: (.+)\n +run: \|\n((?: {10}.*\n|\n)+)", job)
    return {name: textwrap.dedent(lines) for name, lines in found}


@pytest.fixture
def machine(tmp_path):
    """Return a folder in which the jobs are played, and how a step is."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("python", PYTHON), ("gh", GH)):
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    here = tmp_path / "checkout"
    here.mkdir()
    told = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(paths.ROOT),
            "BASE": "main", "PR": "7", "BRANCH": "main", "NAME": "1234", "HOME": str(tmp_path),
            "HISTORY": str(tmp_path / "history"), "GITHUB_STEP_SUMMARY": str(here / "summary.md"),
            "LC_ALL": "C.UTF-8"}  # fmt: skip

    def play(job):
        """Play a job's steps as GitHub does, until one fails; return it, and what it said."""
        for name, lines in steps(job).items():
            ended = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", lines], cwd=here,
                                   env=told, capture_output=True, text=True)  # fmt: skip
            if ended.returncode:
                return name, ended.stdout + ended.stderr
        return None, ""

    return here, play


def put(folder, run):
    run.rename(folder)


def test_a_change_that_is_as_fast_passes_and_is_commented_on(machine):
    here, play = machine
    put(here / "accepted", steady_run(here / "a"))
    put(here / "measured", steady_run(here / "b", commit="b" * 40))
    assert play(GUARD) == (None, "")
    comment = (here / "posted.md").read_text()
    assert comment.startswith("# Seconds per epoch, A and B")
    assert "git commit" in comment
    asked = (here / "gh.log").read_text()
    assert "run download --name timings-main --dir baseline" in asked
    assert "pr comment 7 --body-file comment.md --edit-last --create-if-none" in asked


def test_a_change_that_is_slower_fails_and_the_comment_says_why(machine):
    here, play = machine
    put(here / "accepted", steady_run(here / "a"))
    put(here / "measured", steady_run(here / "b", {TENSORFLOW: 1.3, ("mnist_mlp", "cntk"): 2.0}))
    failed, said = play(GUARD)
    assert failed == "Compare"
    assert "guard at 10%: failed" in said
    comment = (here / "posted.md").read_text()
    assert "## The guard found" in comment
    assert "slower than the threshold allows" in comment


def test_a_change_that_breaks_a_job_fails(machine):
    here, play = machine
    put(here / "accepted", steady_run(here / "a"))
    put(here / "measured", steady_run(here / "b", {TENSORFLOW: 0, ("mnist_mlp", "cntk"): 2.0}))
    assert play(GUARD)[0] == "Compare"
    assert "failed in B" in (here / "posted.md").read_text()


def test_without_a_baseline_it_stops_before_it_compares(machine):
    here, play = machine
    put(here / "measured", steady_run(here / "b"))
    assert play(GUARD)[0] == "Fetch the baseline"


def nights(here, seconds, since):
    """Write the history so far, all but the newest, which is measured now."""
    history = here.parent / "history"
    made_history(history, seconds)
    put(here / "measured", history / run_name(len(seconds) - 1))
    (history / "watched-since").write_text(f"{since}\n")
    return history


def test_a_night_as_the_others_passes_and_becomes_the_baseline(machine):
    here, play = machine
    history = nights(here, noisy(12, seed=1), run_name(0))
    assert play(HISTORY) == (None, "")
    assert (here / "baseline" / "accepted" / "manifest.json").is_file()
    assert "No step was found" in (here / "summary.md").read_text()
    assert (here / "public" / "runs" / "1234.html").is_file()
    assert (history / "1234").is_dir()


def test_the_third_slow_night_fails_until_the_step_is_accepted(machine):
    here, play = machine
    history = nights(here, noisy(12, {9: 0.4}, 1), run_name(0))
    failed, said = play(HISTORY)
    assert failed == "Follow the history"
    assert f"from {run_name(9)} on; 10 % is allowed" in said
    assert f"from {run_name(9)} on" in (here / "summary.md").read_text()
    (history / "watched-since").write_text(f"{run_name(10)}\n")
    [_, _, last] = steps(HISTORY).values()
    only = f"      - name: Follow the history\n        run: |\n{textwrap.indent(last, ' ' * 10)}"
    assert play(only) == (None, "")


def test_the_line_that_accepts_a_step_writes_the_newest_runs_name(machine):
    here, _ = machine
    history = nights(here, noisy(3), run_name(0))
    [line] = re.findall(r"`([^`]*> \"\$HISTORY/watched-since\")`", GUIDE.replace("\n", " "))
    subprocess.run(["bash", "-c", line], env={**os.environ, "HISTORY": str(history)}, check=True)
    assert (history / "watched-since").read_text() == f"{run_name(1)}\n"
    # As the job names its runs: a number that grows, and the attempt.
    numbered = here / "numbered"
    for name in ("9999-1", "10000-2", "10000-10", "10000-9"):
        (numbered / name).mkdir(parents=True)
    subprocess.run(["bash", "-c", line], env={**os.environ, "HISTORY": str(numbered)}, check=True)
    assert (numbered / "watched-since").read_text() == "10000-10\n"


def test_a_job_that_is_run_again_has_a_name_of_its_own():
    assert "NAME: ${{ github.run_id }}-${{ github.run_attempt }}" in HISTORY


def test_the_first_nights_cannot_be_judged(machine):
    here, play = machine
    nights(here, noisy(4), run_name(0))
    failed, said = play(HISTORY)
    assert failed == "Follow the history"
    assert "nothing could be judged" in said
