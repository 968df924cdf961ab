"""A job that tries to get out, to take everything, and to say what is not so."""

import json
import socket
import threading
import time
import unicodedata
from dataclasses import replace
from functools import partial
from importlib import resources
from io import StringIO
from pathlib import Path

import psutil
import pytest

from launcher_contract import Bench, make_job
from runner.execution.attempt import Conditions, run_job
from runner.launchers.base import Environment
from runner.launchers.compile_cache import CompileCache
from runner.launchers.disk_floor import DiskFloor
from runner.launchers.docker import ContainerLimits, DockerLauncher
from runner.machine.docker_engine import LABEL
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.lines import Lines
from runner.report.console import SafeConsole
from runner.report.contents import Report
from runner.report.html.page import render_page
from runner.report.markdown import write_summary
from runner.report.terminal import print_report
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device
from runner.spec.job import Status
from runner.spec.time_limits import TimeLimits
from runner.store.events import MAX_LINE_BYTES
from runner.store.run_folder import MAX_LOG_BYTES
from runner.tables.load import load_runs

LIMITS = ContainerLimits(
    memory_bytes=512 << 20, cpus=1, processes=64, tmpfs_bytes=64 << 20, tmpfs_files=10_000,
    cache_bytes=64 << 20,
)  # fmt: skip
RUN = "sandbox"
SECRET, OTHER_CACHE = "bench-secret-4711", "bench-other-cache-4711"


@pytest.fixture(scope="module")
def attempts(figure):
    """Gather what every job's attempts came to; the figure is counted from them at the end."""
    made: list[dict] = []
    yield made
    through = [attempt for attempt in made if attempt["through"]]
    figure(f"escapes: {len(through)} of {len(made)} attempts")


@pytest.fixture
def data(tmp_path):
    """Return the folder that jobs see, with what they are to look for but must not find."""
    folder = tmp_path / "data"
    folder.mkdir()
    words = Path("/etc/resolv.conf").read_text().split()
    servers = [word for word in words if word[0].isdigit() and not word.startswith("127.")]
    told = {
        "hostname": socket.gethostname(), "resolv": servers, "environment": [SECRET],
        "other_cache": OTHER_CACHE,
    }  # fmt: skip
    (folder / "secrets.json").write_text(json.dumps(told))
    return folder


@pytest.fixture
def said() -> list[str]:
    """Gather what the launchers say."""
    return []


@pytest.fixture
def launch(engine, data, said):
    """Return a function that makes a launcher with other limits."""

    def make(**changes) -> DockerLauncher:
        return DockerLauncher(
            engine, Device.CPU, run=RUN, limits=replace(LIMITS, **changes), build=BuildOptions(),
            data_dir=data, gpu=None, say=said.append,
        )  # fmt: skip

    return make


@pytest.fixture
def environment(engine, fake_image):
    yield Environment("some-k1", fake_image, {"image_digest": fake_image})
    for volume in engine.client.volumes.list(filters={"label": f"{LABEL}=cache"}):
        if fake_image.removeprefix("sha256:")[:16] in volume.name:
            volume.remove()


@pytest.fixture
def bench(launch, environment, tmp_path, engine):
    found = Bench(launch(), environment, tmp_path / "runs")
    yield found
    left = engine.client.containers.list(all=True, filters={"label": f"{LABEL}.run={RUN}"})
    assert left == [], "no container may be left, whatever its job did"


def told(log: str) -> list[dict]:
    """Return what a job's attempts came to, from its log."""
    lines = [line for line in log.splitlines() if line.startswith('{"attempt"')]
    return [json.loads(line) for line in lines]


def came_through(made: list[dict]) -> list[dict]:
    return [attempt for attempt in made if attempt["through"]]


class Peak:
    """The most memory that this process took while the block ran, over what it had before."""

    def __enter__(self):
        self._process = psutil.Process()
        self._before = self.bytes = self._process.memory_info().rss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._ended.wait(0.02):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()
        self.growth = self.bytes - self._before


@pytest.mark.parametrize(
    ("group", "least"), [("network", 12), ("host", 15), ("files", 30), ("privileges", 30)]
)
def test_no_attempt_gets_through(bench, attempts, engine, tmp_path, monkeypatch, group, least):
    settings = tmp_path / "docker"
    settings.mkdir()
    proxy = {"httpProxy": f"http://user:{SECRET}@proxy", "httpsProxy": f"http://{SECRET}@proxy"}
    (settings / "config.json").write_text(json.dumps({"proxies": {"default": proxy}}))
    monkeypatch.setattr(engine.client.api, "_proxy_configs", _proxies(proxy))
    monkeypatch.setenv("BENCH_SECRET", SECRET)
    volume = engine.client.volumes.create(f"{LABEL}-test-{OTHER_CACHE}")
    try:
        record = bench.run(f"attacks_{group}")
    finally:
        volume.remove()
    made = told(bench.log(f"attacks_{group}"))
    attempts += made
    assert came_through(made) == []
    assert len(made) >= least, "every attempt must have been made"
    assert record.status is Status.OK
    assert bench.run("well").status is Status.OK


def _proxies(proxy):
    from docker.utils.proxy import ProxyConfig

    return ProxyConfig.from_dict(proxy)


def test_forking_without_end_is_stopped_and_harms_nobody(bench, attempts):
    before = len(psutil.pids())
    spawned = []

    def use_the_machine():
        for _ in range(10):
            began = time.monotonic()
            psutil.Popen(["true"]).wait()
            spawned.append(time.monotonic() - began)
            time.sleep(0.5)

    beside = threading.Thread(target=use_the_machine)
    beside.start()
    record = bench.run("forks_without_end", timeout=8)
    beside.join()
    made = told(bench.log("forks_without_end"))
    attempts += made
    assert came_through(made) == []
    assert int(made[0]["how"].split()[0]) < LIMITS.processes
    assert record.status is Status.TIMEOUT
    assert max(spawned) < 5, "the host must have had room for a process of its own"
    assert len(psutil.pids()) < before + LIMITS.processes / 2, "its processes must be gone"
    assert bench.run("well").status is Status.OK


def test_memory_and_the_tmpfs_that_takes_it_end_in_oom(bench, launch, environment, tmp_path):
    assert bench.run("eats_memory").status is Status.OOM
    roomy = Bench(launch(tmpfs_bytes=2 << 30), environment, tmp_path / "roomy")
    assert roomy.run("tmpfs_takes_memory").status is Status.OOM
    assert bench.run("well").status is Status.OK


def test_the_writable_places_end_at_their_size(bench, attempts):
    assert bench.run("fills_the_disk").status is Status.OK
    made = told(bench.log("fills_the_disk"))
    attempts += made
    assert {attempt["attempt"] for attempt in made} == {
        "fill_/tmp", "fill_/dev/shm", "fill_/tmp_with_files",
    }  # fmt: skip
    assert came_through(made) == []
    assert bench.run("well").status is Status.OK


@pytest.mark.parametrize("is_read_from_here", [True, False])
def test_a_compile_cache_past_its_limit_is_removed_and_the_next_begins_anew(
    bench, said, monkeypatch, is_read_from_here
):
    if not is_read_from_here:  # as where this user may not read the engine's folder
        monkeypatch.setattr(CompileCache, "_folder", lambda _: None)
    first = bench.run("fills_the_cache")
    assert first.status is Status.OK
    assert "wrote 134217728 bytes" in bench.log("fills_the_cache")
    assert [line for line in said if "has grown to 128 MiB, so it was removed" in line]
    assert bench.run("well").status is Status.OK
    cold = bench.table().query("model == 'well'")["cache_warm"]
    assert not cold.any()


def test_a_small_compile_cache_stays(launch, said, environment, tmp_path, engine):
    bench = Bench(launch(), environment, tmp_path / "small")
    bench.run("environment")
    assert bench.run("well").status is Status.OK
    assert bench.table().query("model == 'well'")["cache_warm"].all()
    assert said == []


def test_a_job_that_fills_the_engines_disk_is_stopped(bench, said, engine, monkeypatch):
    folder = engine.data_root
    if folder is None or not folder.exists():
        pytest.skip("the engine's folder is not on this machine")

    class Near(DiskFloor):
        """A floor that is 256 MiB away, whatever the disk of this machine has."""

        def __init__(self, path):
            super().__init__(path)
            self._floor = (self._free()[0] - (256 << 20), 0)

    monkeypatch.setattr("runner.launchers.docker.DiskFloor", Near)
    began = time.monotonic()
    record = bench.run("fills_the_cache_without_end", timeout=60)
    assert record.status is Status.FAILED
    assert "are left on the disk of" in record.reason
    assert time.monotonic() - began < 30
    assert [line for line in said if "so it was removed" in line]
    monkeypatch.undo()
    assert bench.run("well").status is Status.OK


@pytest.mark.parametrize("name", ["gigabyte_on_stdout", "gigabyte_in_a_line", "gigabyte_on_stderr"])
def test_a_gigabyte_is_read_in_little_memory_and_little_is_kept(bench, figure, name):
    # A million lines that are no events take their time, not memory.
    began = time.monotonic()
    with Peak() as peak:
        record = bench.run(name, timeout=240)
    seconds = time.monotonic() - began
    folder = bench.store.folder / "jobs" / make_job(name).id
    kept = sum(path.stat().st_size for path in folder.iterdir())
    assert record.status is Status.OK
    assert record.bad_lines == {"gigabyte_on_stdout": 1 << 20, "gigabyte_in_a_line": 1}.get(name, 0)
    assert peak.growth < 128 << 20
    assert kept < MAX_LOG_BYTES + (1 << 20)
    figure(
        f"{name}: {seconds:.1f} s, {peak.growth >> 20} MiB more memory at its peak, "
        f"{kept >> 20} MiB kept"
    )


def test_a_line_without_end_is_stopped_at_the_time_limit(bench):
    with Peak() as peak:
        record = bench.run("endless_line", timeout=5)
    assert record.status is Status.TIMEOUT
    assert peak.growth < 128 << 20
    assert bench.run("well").status is Status.OK


def test_a_million_good_epochs_are_too_many(bench):
    began = time.monotonic()
    record = bench.run("million_epochs")
    assert record.status is Status.INVALID
    assert "more than 18 events came" in record.reason
    assert time.monotonic() - began < 30
    events = bench.store.folder / "jobs" / make_job("million_epochs").id / "events.jsonl"
    assert events.stat().st_size < 20 * MAX_LINE_BYTES
    assert bench.run("well").status is Status.OK


def test_forged_events_give_no_row_to_another_job_and_no_ok(bench):
    record = bench.run("forges")
    assert record.status is Status.INVALID
    assert bench.run("well").status is Status.OK
    table = bench.table()
    rows = table[table["model"] != "well"]
    assert rows["job"].unique().tolist() == [make_job("forges").id]
    assert set(rows["model"]) == {"forges"}
    assert set(rows["backend"]) == {make_job().backend}
    assert set(rows["status"]) == {Status.INVALID}


def without_libraries(page: str) -> str:
    """Return a page without the scripts that are not ours: they may hold any character."""
    for library in resources.files("runner.report.html").joinpath("assets", "vendor").iterdir():
        page = page.replace(library.read_text(encoding="utf-8"), "")
    return page


def is_safe(text: str) -> bool:
    hidden = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    return not any(unicodedata.category(c) in hidden and c not in "\n\t" for c in text)


def test_control_characters_reach_no_terminal_file_or_page(bench, launch, environment, monkeypatch):
    shown = StringIO()
    console = SafeConsole(file=shown, width=200, emoji=False, markup=False)
    monkeypatch.setattr("runner.report.terminal.out", console)
    job = make_job("speaks_to_the_terminal")
    lines = Lines(console, Forecast(partial(History, bench.store.folder.parent)))
    conditions = Conditions(launch(), bench.store, lines, TimeLimits(wall=60))
    record = run_job(job, environment, conditions)
    assert record.status is Status.FAILED
    folder = bench.store.folder
    table = load_runs(folder)
    report = Report.of(table)
    print_report(report)
    write_summary(folder, report)
    page = without_libraries(render_page(table, [folder]))
    assert len(page) < 200_000
    assert "gnp.exe" in shown.getvalue()
    assert "[red]markup[/red]" in shown.getvalue(), "markup is shown, not obeyed"
    for text in (
        shown.getvalue(),
        page,
        *(path.read_text() for path in folder.rglob("*.*") if path.suffix in (
            ".md", ".csv", ".txt", ".json", ".jsonl",
        )),
    ):  # fmt: skip
        assert is_safe(text)
    written = (folder / "summary.md").read_text()
    assert "\n# heading" not in written
    assert "<script>" not in written.replace("\\<script\\>", "")
    assert "![x](http" not in written
    assert {line.count(" | ") for line in written.splitlines() if line.startswith("| ")} - {0}
