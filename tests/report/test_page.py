"""The page as a text: what it holds, and what it survives."""

import base64
import hashlib
import json
import statistics
from html.parser import HTMLParser
from importlib import resources
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from launcher_contract import make_job
from made_runs import events, large_run, sample, small_run, write_job
from runner.cli.app import main
from runner.errors import ExitCode, StoreError
from runner.report.html.embedded import embedded_parquet
from runner.report.html.folders import log_tail, thinned_series
from runner.report.html.page import render_page, write_page
from runner.report.html.speeds import speed_charts
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.verdicts import find_answer
from steady_runs import steady_run


class Page(HTMLParser):
    """Collects what a browser would: tags, attributes, scripts, styles and shown text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.inside: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.inside.append(tag)
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if self.inside and self.inside[-1] in self.raw:
            self.raw[self.inside[-1]][-1] += data
        else:
            self.text += data

    @property
    def data(self):
        return json.loads(self.raw["script"][0])


def page_of(*folders) -> Page:
    return Page(render_page(load_runs(*folders), folders))


def unpacked(frame, name):
    column = frame["columns"].get(name)
    if isinstance(column, dict):
        return [None if n < 0 else column["values"][n] for n in column["index"]]
    return column


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def page(small):
    return page_of(small)


def test_the_policy_is_that_of_the_scripts_and_the_style(page):
    said = dict(a[1:] for a in page.attributes if a[0] == "meta" and a[1] == "content")
    policies = [a[2] for a in page.attributes if a[0] == "meta" and "default-src" in (a[2] or "")]
    assert said
    (policy,) = policies
    for content in (*page.raw["script"][1:], page.raw["style"][0]):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(page.raw["script"]) == 3
    assert len(page.raw["style"]) == 1


def test_the_libraries_are_as_published_and_carry_their_licences(page):
    folder = resources.files("runner.report.html").joinpath("assets", "vendor")
    sources = json.loads(folder.joinpath("sources.json").read_text())
    assert len(sources) == 2
    for source in sources:
        content = folder.joinpath(source["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == source["sha256"], source
        assert content.decode() in page.raw["script"][1]
    assert page.raw["script"][1].count("Permission to use, copy, modify") == 2


def test_nothing_in_the_page_points_anywhere(page):
    links = [a for a in page.attributes if a[1] in ("src", "href", "action", "srcset", "style")]
    assert {a[2] for a in links if a[0] != "a"} == {"data:,"}
    carried = "data:application/vnd.apache.parquet;base64,"
    assert all(a[2].startswith(("#", carried)) for a in links if a[0] == "a")
    assert [a for a in page.attributes if a[1].startswith("on")] == []
    assert not {"iframe", "object", "embed", "base", "img"} & set(page.tags)


def test_a_hostile_job_is_only_text(page):
    said = unpacked(page.data["jobs"], "reason")
    shown = next(text for text in said if text and "pwned" in text)
    assert shown.startswith("</script><script>window.pwned = 1</script>")
    assert "\\x1b[31m" in shown
    assert "\\u202e" in shown
    log = next(text for text in unpacked(page.data["jobs"], "log") if text and "pwned" in text)
    assert log.startswith("first\nsecond\nthird\n")
    assert log.endswith("\\xff\\xfe")
    assert "{{ 7 * 7 }}" in shown


def test_a_hostile_reason_does_not_leave_its_attribute(page):
    titles = [a[2] for a in page.attributes if a[1] == "title" and "pwned" in (a[2] or "")]
    assert titles
    assert all("\x1b" not in title for title in titles)


def test_measured_and_published_stand_side_by_side(page, small):
    cells = page.data["cells"]
    assert unpacked(cells, "published_ratio")
    ratios = dict(zip(zip(unpacked(cells, "model"), unpacked(cells, "backend")),
                      unpacked(cells, "measured_ratio")))  # fmt: skip
    table = load_runs(small)
    later = table[(table["epoch"] > 1) & (table["model"] == "mnist_mlp")]
    medians = later.groupby(["backend", "job"])["seconds"].median().astype(float)
    means = medians.groupby("backend").apply(statistics.geometric_mean)
    expected = means["cntk"] / means["tensorflow"]
    assert ratios["mnist_mlp", "cntk"] == pytest.approx(expected, rel=1e-4)
    assert "not comparable" in page.text
    assert "measured on a CPU" in page.text


def test_phases_make_up_the_wall_time(page):
    jobs = page.data["jobs"]
    names = [f"{name}_seconds" for name in page.data["phase_names"]] + ["unaccounted_seconds"]
    for position, status in enumerate(unpacked(jobs, "status")):
        if status == Status.OK:
            told = sum(jobs["columns"][name][position] for name in names)
            assert told == pytest.approx(jobs["columns"]["wall_seconds"][position], rel=1e-3)


def test_curves_are_medians_over_jobs_with_their_range(page, small):
    table = load_runs(small)
    curve = next(c for c in page.data["curves"]
                 if (c["model"], c["backend"]) == ("mnist_mlp", "cntk"))  # fmt: skip
    own = table[(table["model"] == "mnist_mlp") & (table["backend"] == "cntk")]
    by_epoch = own.groupby("epoch")["seconds"]
    assert curve["epoch"] == [1, 2, 3]
    assert curve["seconds"] == pytest.approx(by_epoch.median().tolist(), rel=1e-4)
    assert curve["seconds_min"] == pytest.approx(by_epoch.min().tolist(), rel=1e-4)
    assert curve["elapsed"] == pytest.approx(by_epoch.median().cumsum().tolist(), rel=1e-4)


def test_the_way_to_reproduce_is_one_command_quoted_for_a_shell(page):
    assert "python -m runner --config 'a b' '$(touch x)'" in page.text
    assert f"git checkout {'c' * 40}\n" in page.text
    assert "changes that are in no commit" in page.text
    assert "sha256:tf-cntk-k208" in page.text
    assert "1" * 64 in page.text


def test_differences_are_worked_out_and_stated(page):
    assert "instead of Tesla K80" in page.text
    assert "tf-cntk-k208: TensorFlow" in page.text


def test_telemetry_is_drawn_where_there_is_some(page):
    series = page.data["job_telemetry"]
    assert len(series) == 8
    first = next(iter(series.values()))
    assert first["gpu_temperature"][0] == 60.0
    assert len(first["at"]) == 20


def test_an_old_run_without_times_and_telemetry_says_so(tmp_path):
    store = RunStore.create(tmp_path, {})
    job = make_job(configuration="gone-k1")
    write_job(store, job, events(job, is_stamped=False), launcher=None, device_name=None)
    page = page_of(store.folder)
    assert page.text.count("Not recorded.") == 2
    assert "The call is not recorded." in page.text
    assert "not among the configurations of this checkout" in page.text
    phases = page.data["phases"]["columns"]
    assert "start_seconds" not in phases
    assert phases["first_epoch_seconds"] == [9.0]
    assert phases["later_epochs_seconds"] == [6.0]
    assert phases["unaccounted_seconds"][0] > 0


def test_a_job_without_end_or_epoch_is_shown(tmp_path):
    store = RunStore.create(tmp_path, {})
    store.job(make_job(configuration="mxnet-k122"))
    page = page_of(store.folder)
    assert unpacked(page.data["jobs"], "status") == ["interrupted"]
    assert page.data["curves"] == []


def test_losses_that_are_no_numbers_are_gaps(tmp_path):
    store = RunStore.create(tmp_path, {})
    job = make_job(configuration="mxnet-k122")
    lines = [line.replace(b'"loss": 1.0', b'"loss": "NaN"') for line in events(job)]
    write_job(store, job, lines)
    (curve,) = page_of(store.folder).data["curves"]
    assert curve["loss"] == [None, None, None]


def test_made_data_follows_the_seed_and_is_not_mixed(tmp_path):
    def shown(*hashes):
        store = RunStore.create(tmp_path, {})
        for repeat, digit in enumerate(hashes, start=1):
            job = make_job(repeat=repeat, seed=min(repeat, 2))
            said = [line.replace(b"0" * 64, digit * 64) for line in events(job)]
            write_job(store, job, said)
        return page_of(store.folder).text

    assert "differ in their data" not in shown(b"1", b"2", b"2")
    assert "jobs of one cell differ in their data" in shown(b"1", b"2", b"3")


def test_a_first_process_that_does_not_count_is_not_mixed_with_the_others(tmp_path):
    """With a budget the first process of a cell may train on fewer samples than the others."""
    store = RunStore.create(tmp_path, {})
    for repeat, samples in enumerate((128, 512, 512), start=1):
        job = make_job(repeat=repeat, samples=samples)
        said = [line.replace(b'"samples": 8', b'"samples": %d' % samples) for line in events(job)]
        write_job(store, job, said)
    text = page_of(store.folder).text
    assert "differ in their samples" not in text
    assert "some jobs of the cell have no time" not in text


def test_mixed_cells_are_said_aloud(tmp_path):
    store = RunStore.create(tmp_path, {})
    for repeat in (1, 2):
        job = make_job(configuration="mxnet-k122", repeat=repeat)
        write_job(store, job, events(job), identity={"image_digest": f"sha256:{repeat}"})
    assert "jobs of one cell differ in their image: mnist_mlp mxnet-k122 mxnet cpu" in (
        page_of(store.folder).text
    )


def test_several_runs_are_one_page_and_the_same_one_twice_counts_once(tmp_path):
    first, second = small_run(tmp_path), small_run(tmp_path)
    page = page_of(first, second)
    assert page.data["jobs"]["length"] == 20
    assert f"Run {first.name}" in page.text
    assert f"Run {second.name}" in page.text
    assert page_of(first, first).data["jobs"]["length"] == 10


def test_no_place_to_write_is_one_line(small, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        write_page(tmp_path / "none" / "x.html", load_runs(small), [small])


def test_the_command_writes_the_file(small, tmp_path, capsys):
    target = tmp_path / "out.html"
    assert main(["report", str(small), "--html", str(target)]) == ExitCode.OK
    assert str(target) in capsys.readouterr().out.replace("\n", "")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [target]


def test_thousands_of_jobs_stay_megabytes(tmp_path):
    folder = large_run(tmp_path, 1000)
    text = render_page(load_runs(folder), [folder])
    page = Page(text)
    assert page.data["jobs"]["length"] == 1000
    assert len(page.data["curves"]) == 20
    assert len(text) < 1_600_000


def test_a_log_is_cut_at_a_line_from_its_end(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"first line\nsecond line\nthird line\n")
    assert log_tail(path, 20) == ("third line", 34)
    assert log_tail(path, 200) == ("first line\nsecond line\nthird line", 34)
    assert log_tail(tmp_path / "none.txt", 20) is None


def test_telemetry_is_thinned_to_means():
    samples = [json.loads(sample(n)) for n in range(10)]
    flat = [{"at": s["at"], "load": s["foreign_load"], "none": None} for s in samples]
    assert thinned_series(flat, 5) == {"at": [0.5, 2.5, 4.5, 6.5, 8.5], "load": [0.1] * 5}
    assert thinned_series([], 5) == {}


def test_a_local_run_says_what_it_ran_in(tmp_path):
    store = RunStore.create(tmp_path, {})
    job = make_job(configuration="mxnet-k122")
    write_job(store, job, events(job), launcher="local", identity={"lock_sha256": "1" * 64})
    text = page_of(store.folder).text
    assert "virtual environment" in text
    for version in ("keras 2.0.8", "python 3.6.15", "mxnet 1.0"):
        assert version in text
    assert "No job began" not in text


def test_parquet_is_in_the_page_while_it_is_small(small, tmp_path):
    (address,) = [a[2] for a in page_of(small).attributes if a[1] == "href" and "parquet" in a[2]]
    content = base64.b64decode(address.partition("base64,")[2])
    table = load_runs(small)
    assert pd.read_parquet(BytesIO(content)).shape == table.shape
    grown = pd.concat([table] * 2000).assign(
        seconds=np.random.default_rng(1).random(len(table) * 2000)
    )
    assert embedded_parquet(grown) is None


def test_the_speeds_are_those_of_the_answer(small):
    table = load_runs(small)
    answer = find_answer(table)
    charts = {chart["model"]: chart["rows"] for chart in page_of(small).data["speeds"]}
    for verdict in answer.verdicts:
        for pair in verdict.pairs:
            (row,) = [r for r in charts[verdict.model] if r["backend"] == pair.slow.name]
            assert row["speed"] == pytest.approx(1 / pair.ratio.value, rel=1e-4)
            assert row["low"] == pytest.approx(1 / pair.ratio.high, rel=1e-4)
            assert row["high"] == pytest.approx(1 / pair.ratio.low, rel=1e-4)
        speeds = [row["speed"] for row in charts.get(verdict.model, [])]
        assert speeds == sorted(speeds, reverse=True)


def test_an_interval_that_tells_nothing_is_not_drawn(tmp_path):
    table = load_runs(steady_run(tmp_path, repeats=2))
    table.loc[(table["repeat"] == 2) & (table["backend"] == "cntk"), "seconds"] *= 3
    (chart,) = speed_charts(find_answer(table))
    slow = next(row for row in chart["rows"] if row["backend"] == "cntk")
    assert (slow["low"], slow["high"], slow["obstacle"]) == (None, None, None)


def test_one_process_has_a_speed_and_no_interval(tmp_path):
    table = load_runs(steady_run(tmp_path, repeats=1))
    (chart,) = speed_charts(find_answer(table))
    assert [row["low"] for row in chart["rows"]] == [None, None]
    assert chart["rows"][0]["speed"] == 1
    assert {row["obstacle"] for row in chart["rows"]} == {"one process"}
