"""NVIDIA's driver library, with a stand-in in C below the real binding."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pynvml
import pytest

_SOURCE = Path(__file__).parent / "fakes" / "nvml.c"
_LIBRARY = "libnvidia-ml.so.1"


def _built(folder, *flags):
    compiler = shutil.which("cc") or pytest.skip("no C compiler: the stand-in cannot be built")
    library = folder / _LIBRARY
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wall", "-Werror", f"-Wl,-soname,{_LIBRARY}", *flags,
         "-o", library, _SOURCE],
        check=True,
    )  # fmt: skip
    return library


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """Return the stand-in of a current driver and of one as old as R470."""
    return {
        "current": _built(tmp_path_factory.mktemp("nvml")),
        "old": _built(tmp_path_factory.mktemp("nvml-old"), "-DOLD"),
    }


@pytest.fixture
def driver(libraries, tmp_path, monkeypatch):
    """Load the stand-in, in this process; give a function that writes what it answers."""
    answers = tmp_path / "answers"

    def says(**said):
        lines = [f"{key}={value}" for key, value in said.items()]
        answers.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape") + b"\n")

    says()
    ctypes.CDLL(str(libraries["current"]), mode=os.RTLD_GLOBAL)
    monkeypatch.setenv("NVML_ANSWERS", str(answers))
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "SLURM_STEP_GPUS",
                 "SLURM_JOB_GPUS"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    # The binding keeps what it has loaded and found.
    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return says
