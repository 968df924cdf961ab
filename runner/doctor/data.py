"""Data sets and the network: what is there, and whether the rest could be had."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import requests

from runner.doctor.asked import AskedRun
from runner.environments.datasets import Download, dataset_states
from runner.environments.venv import uv_settings
from runner.plan.findings import Finding, Reporter
from runner.spec.choices import BuildOptions
from runner.spec.workload import DataSource
from runner.words import printable

# A host that takes longer to answer is as good as none to whoever waits for the doctor.
SECONDS = 4.0
_FETCH = "python -m runner data fetch"
Questions = dict[str, Callable[[], str | None]]
_data = Reporter("data")
_network = Reporter("network")


def _wanted(asked: AskedRun) -> list[tuple[Download, Path, str]]:
    """Return the files that the chosen models train on, with what is in the cache of each."""
    wanted = {workload.dataset for workload in asked.workloads}
    return [state for state in dataset_states(asked.cache) if state[0].dataset in wanted]


def data_files(asked: AskedRun) -> Iterator[Finding]:
    """Say of each data set that the run would read whether it is there and the right one."""
    if asked.request.data is DataSource.SYNTHETIC:
        yield _data.ok("data", "synthetic: each job makes its own")
    elif asked.request.data is DataSource.DIGITS:
        yield _data.ok("data", "digits: they come with the runner")
    else:
        required = asked.request.data is DataSource.REAL
        instead = "" if required else "; without --data the run takes synthetic data"
        for item, path, state in _wanted(asked):
            if state == "ok":
                yield _data.ok(item.dataset, f"{path}: there, and its hash is right")
            elif state == "missing":
                yield _data.warning(item.dataset, f"not in the cache{instead}", _FETCH)
            else:
                report = _data.problem if required else _data.warning
                text = f"{path} is not the published file: its hash is wrong{instead}"
                yield report(item.dataset, text, f"remove it, then {_FETCH}")


def why_not_served(urls: tuple[str, ...], seconds: float) -> str | None:
    """Return why a file cannot be had from any of its addresses, or None if one has it."""
    problems = []
    for url in urls:
        host = url.split("/")[2]
        try:
            answer = requests.head(url, timeout=seconds, allow_redirects=True)
        except requests.RequestException as error:
            problems.append(f"{host} does not answer ({type(error).__name__})")
            continue
        if answer.ok:
            return None
        problems.append(f"{host} answers {answer.status_code}")
    return ", ".join(problems)


def why_no_index(build: BuildOptions, seconds: float) -> str | None:
    """Return why uv gets nothing from the package index, or None if it answers."""
    import uv

    variables = {
        **os.environ,
        **uv_settings(build),
        "UV_HTTP_TIMEOUT": str(int(seconds)),
        "UV_HTTP_RETRIES": "0",
    }
    asking = ["pip", "compile", "--quiet", "--no-config", "--no-cache", "--no-deps", "-"]
    try:
        ended = subprocess.run(
            [uv.find_uv_bin(), *asking, "--python", sys.executable],
            input=b"pip\n",
            capture_output=True,
            timeout=seconds,
            env=variables,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {seconds:.0f} s"
    if ended.returncode == 0:
        return None
    lines = ended.stderr.strip().splitlines() or [b"uv says nothing of it"]
    return printable(lines[-1].strip(), 200)


def _all_at_once(questions: Questions, seconds: float) -> dict[str, str | None]:
    """Return each question's answer; one that takes longer than ``seconds`` is answered so.

    The threads are left behind then: resolving a name knows no time limit of its own.
    """
    answers: dict[str, str | None] = {}

    def ask(name: str) -> None:
        try:
            answers[name] = questions[name]()
        except Exception as error:
            answers[name] = f"could not be asked: {type(error).__name__}: {error}"

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in questions]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {name: answers.get(name, f"no answer within {seconds:.0f} s") for name in questions}


def network_answers(asked: AskedRun) -> Iterator[Finding]:
    """Say whether what is not here yet could be had: packages, and data sets not cached."""
    index = "package index"
    questions: Questions = {index: partial(why_no_index, asked.request.build, SECONDS)}
    if asked.request.data in (None, DataSource.REAL):
        for item, _, state in _wanted(asked):
            if state != "ok":
                questions[item.dataset] = partial(why_not_served, item.urls, SECONDS)
    by_hand = f"put the file into {asked.cache / 'downloads'}, or take --data synthetic"
    mirror = "check the network, or name a mirror: --package-index, --ca-bundle"
    for name, obstacle in _all_at_once(questions, SECONDS).items():
        if obstacle is None:
            yield _network.ok(name, "answers")
        else:
            yield _network.warning(name, obstacle, mirror if name == index else by_hand)
