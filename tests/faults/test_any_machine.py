"""Whatever the machine is like, a command ends in a documented exit code, never in a traceback.

Short by default; ``FAULTS=long`` tries 2,000 machines.
"""

import os
from dataclasses import dataclass

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fake_nvml import K80
from made_machine import ELSEWHERE, HERE, made_engine, made_machine
from runner.cli.app import main
from runner.errors import ExitCode, MachineError

LONG = os.environ.get("FAULTS") == "long"
DOCUMENTED = {int(code) for code in ExitCode}
# What an engine may say of itself: other versions, other makers, proxies.
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 1 << 63), st.text(max_size=12),
    st.lists(st.text(max_size=8), max_size=2), st.dictionaries(st.text(max_size=8), st.none()),
    st.just([{"ID": "nvidia.com/gpu=0"}]), st.just([None]), st.floats(),
)  # fmt: skip
TOLD = ("Runtimes", "DiscoveredDevices", "CDISpecDirs", "Architecture", "NCPU", "MemTotal",
        "KernelVersion", "DockerRootDir", "ServerVersion", "Driver", "DriverStatus",
        "CgroupVersion", "SecurityOptions", "Rootless", "BuildahVersion")  # fmt: skip
ENGINES = st.one_of(
    st.just(MachineError("no Docker engine answers\nstart one")),
    st.builds(
        lambda url, info: made_engine(base_url=url, **info),
        st.sampled_from([HERE, ELSEWHERE]),
        st.dictionaries(st.sampled_from(TOLD), ODD, max_size=5),
    ),
)
VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "COLUMNS", "LANG",
             "NO_COLOR", "TERM", "TMPDIR", "XDG_CACHE_HOME", "HOME", "PYENV_ROOT", "DOCKER_CONFIG",
             "GIT_DIR", "UV_INDEX_URL", "PIP_TARGET", "PATH", "LINES", "TZ")  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(["", "0", "-1", "/", "/proc/1", "/dev/null", "~", "GPU-", "9" * 40, "C"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=8).map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))),
)
FOLDERS = st.sampled_from(
    ["runs", "a file", "a file/below", "/proc/runs", "/dev/null", "/dev/null/runs", "x" * 300,
     "a link to nowhere", "a folder that may not be read/runs", "\udcff\udcfe"]
)  # fmt: skip
COMMANDS = st.sampled_from(
    [("plan",), ("plan", "--json"), ("doctor",), ("doctor", "--json"), ("runs",),
     ("report", "latest"), ("export", "latest"), ("compare", "latest", "latest"), ("published",)]
)  # fmt: skip
WHAT = ("--config", "jax-k3", "mxnet-k122", "--data", "synthetic")


@dataclass(frozen=True)
class Case:
    """A machine, what a shell has set, and what is asked for."""

    engine: object
    variables: dict[str, str]
    folder: str
    command: tuple[str, ...]
    has_card: bool
    device: str


CASES = st.builds(
    Case, ENGINES, st.dictionaries(st.sampled_from(VARIABLES), VALUES, max_size=3), FOLDERS,
    COMMANDS, st.booleans(), st.sampled_from(["auto", "cpu", "gpu"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    (folder / "a file").write_text("no folder")
    (folder / "a link to nowhere").symlink_to(folder / "gone")
    (folder / "a folder that may not be read").mkdir(mode=0o000)
    return folder


def arguments(case, place):
    options = ("--results", str(place / case.folder))
    if case.command[0] == "published":
        return case.command
    if case.command[0] in ("plan", "doctor"):
        model = ("--model", "mnist_mlp") if case.command[0] == "plan" else ()
        return (*case.command, *WHAT, *model, "--device", case.device, *options)
    return (*case.command, *options)


@pytest.mark.timeout(5400)
@settings(phases=[Phase.generate], max_examples=2000 if LONG else 150, deadline=None)
@given(case=CASES)
def test_every_command_ends_in_a_documented_exit_code(case, place):
    with made_machine(place) as machine, pytest.MonkeyPatch.context() as monkeypatch:
        machine.engine = case.engine
        machine.cards = [K80] * case.has_card
        monkeypatch.chdir(place)
        for name, value in case.variables.items():
            monkeypatch.setenv(name, value)
        assert main(list(arguments(case, place))) in DOCUMENTED
