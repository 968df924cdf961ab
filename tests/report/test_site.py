"""Static pages from many runs, in a real Chromium and as files: quiet, linked, from anyone."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from made_history import CNTK, TENSORFLOW, made_history, made_run, noisy, run_name
from made_runs import HOSTILE, small_run
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.site.content import page_name
from runner.share.write import make_pack, write_pack
from runner.store.run_folder import RunStore
from steady_runs import steady_run

STEP = {10: 0.3}
SHOWN = [
    "index.html", "models/mnist_mlp.html", "runs/20261126-114417.html", "studies/bhatia2017.html",
]  # fmt: skip
STRANGE = ["../../evil", "/etc/passwd", "a/b", "", ".hidden", "x" * 200, "ü"]


def build(folder, *places):
    assert main(["site", str(folder), *map(str, places)]) == ExitCode.OK
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a site of a history, a hostile run and the runs that are kept."""
    root = tmp_path_factory.mktemp("site")
    made_history(root / "runs", noisy(20, STEP, 1), {10: {"commit": "b" * 40}})
    small_run(root / "others")
    return build(root / "public", root / "runs", root / "others", paths.MEASURED)


def pages(folder):
    return sorted(folder.rglob("*.html"))


def test_there_is_a_page_for_each_run_model_and_study(site):
    names = {str(page.relative_to(site)) for page in pages(site)}
    assert {"index.html", "models/mnist_mlp.html", "studies/bhatia2017.html"} <= names
    assert {f"runs/{run_name(day)}.html" for day in range(20)} <= names
    assert "runs/20261126-114417.html" in names


def test_every_link_leads_to_a_page_that_is_there(site):
    for page in pages(site):
        text = page.read_text()
        anchors = {page: set(re.findall(r'id="([^"]+)"', text))}
        for href in re.findall(r'href="(?!data:)([^"]*)"', text):
            path, _, anchor = href.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), (page, href)
            if anchor:
                known = anchors.setdefault(target, set(re.findall(r'id="([^"]+)"',
                                                                  target.read_text())))  # fmt: skip
                assert anchor in known, (page, href)


def test_the_step_and_what_changed_stand_on_the_models_page(site):
    text = (site / "models" / "mnist_mlp.html").read_text()
    assert f"from {run_name(10)} on" in text
    assert "git commit: aaaaaaaaaaaa -&gt; bbbbbbbbbbbb" in text
    assert f"from {run_name(10)} on" in (site / "index.html").read_text()


def test_published_and_measured_stand_side_by_side(site):
    text = (site / "studies" / "bhatia2017.html").read_text()
    assert "2.695-2.765" in text
    assert "runs/20261124-184830.html" in text


def test_each_run_has_its_rows_as_csv(site):
    rows = list(csv.DictReader((site / "runs" / f"{run_name(3)}.csv").open()))
    assert len(rows) == 12
    assert {row["run"] for row in rows} == {run_name(3)}
    assert float(rows[1]["seconds"]) > 0


def test_what_a_run_says_is_text_and_nothing_more(site):
    for page in pages(site):
        assert "window.pwned = 1</script>" not in page.read_text(), page


@pytest.mark.parametrize("page", SHOWN)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_is_quiet_asks_for_nothing_and_fits(tabs, site, page, width, scheme):
    address = (site / page).as_uri()
    tab = tabs(address, width=width, scheme=scheme)
    assert tab.page.evaluate("window.pwned") is None
    assert tab.complaints == []
    assert tab.requests == [address]
    wide = tab.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    background = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = sum(map(int, re.findall(r"\d+", background)[:3])) < 200
    assert is_dark == (scheme == "dark")


def test_it_is_gone_through_by_key(tabs, site):
    tab = tabs((site / "index.html").as_uri())
    page = tab.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator("#filter").focus()
    page.keyboard.type("torch-k3 hrnn")
    page.locator("#count", has_text=re.compile(r"^1 of \d+$")).wait_for()
    assert page.locator("#runs tbody tr:visible").count() == 1
    page.locator("#runs tbody tr:visible a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/20261127-005359.html")
    assert tab.complaints == []


def test_a_thousand_runs_open_at_once(tabs, tmp_path):
    """What takes a minute to make is copied: a site of 60 runs, its index made as long as 1,000."""
    for day in range(60):
        made_run(tmp_path / "runs", day, {TENSORFLOW: 1.0, CNTK: 2.0})
    site = build(tmp_path / "public", tmp_path / "runs")
    index = (site / "index.html").read_text()
    [body] = re.findall(r"(?s)<tbody>.*</tbody>", index[index.index('<section id="runs">') :])
    rows = re.findall(r"(?s)<tr>.*?</tr>", body)
    longer = "\n".join((rows * 17)[:1000])
    (site / "index.html").write_text(index.replace(body, f"<tbody>{longer}</tbody>"))
    tab = tabs((site / "index.html").as_uri())
    assert tab.page.locator("#runs tbody tr").count() == 1000
    tab.page.locator("#filter").fill("night-007")
    tab.page.locator("#count", has_text=re.compile("^1[67] of 1000$")).wait_for()
    assert tab.complaints == []


def test_packs_and_runs_of_others_are_taken_and_names_go(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("runner.store.scrub.getpass.getuser", lambda: "mallory")
    others = tmp_path / "others"
    others.mkdir()
    shared = steady_run(tmp_path / "mine").rename(tmp_path / "mine" / "one")
    write_pack(make_pack(shared, False, "CC0-1.0", None), others / "one.run.zip")
    told = "mallory could not open /home/mallory/x at 10.0.0.1"
    made_run(tmp_path / "runs", 1, {TENSORFLOW: 0}, reason=told)
    site = build(tmp_path / "public", tmp_path / "runs", others)
    whole = "\n".join(path.read_text() for path in site.rglob("*") if path.is_file())
    assert "[user] could not open [path] at [address]" in whole
    assert "mallory" not in whole
    assert len(list((site / "runs").glob("*.html"))) == 2


def test_what_cannot_be_read_is_named_and_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made_history(tmp_path / "runs", [1.0, 1.0])
    (tmp_path / "runs" / run_name(0) / "manifest.json").write_text("[]")
    (tmp_path / "runs" / "broken.run.zip").write_text("none")
    site = build(tmp_path / "public", tmp_path / "runs")
    said = capsys.readouterr().err
    assert f"{run_name(0)}/manifest.json" in said
    assert "broken.run.zip: no pack of a run that can be read" in said
    assert [path.name for path in (site / "runs").glob("*.html")] == [f"{run_name(1)}.html"]
    assert main(["site", str(site), str(tmp_path / "runs" / "broken.run.zip")]) == ExitCode.USAGE
    assert "no run there can be read" in capsys.readouterr().err


@pytest.mark.parametrize("text", STRANGE)
def test_no_name_leads_out_of_the_site(text):
    name = page_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,80}", name)
    assert page_name(text + "!") != name


def test_a_run_of_a_strange_name_has_a_page(tmp_path):
    folder = steady_run(tmp_path / "runs")
    store = RunStore(folder)
    store.amend(run="../../evil")
    site = build(tmp_path / "public", folder)
    [page] = (site / "runs").glob("*.html")
    assert "../../evil" in page.read_text()
    assert not list(tmp_path.glob("evil*"))


def test_a_site_is_made_anew_and_nothing_else_is_removed(tmp_path, capsys):
    made_history(tmp_path / "runs", [1.0, 1.0])
    site = build(tmp_path / "public", tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / run_name(0))
    build(site, tmp_path / "runs")
    assert [path.name for path in (site / "runs").glob("*.html")] == [f"{run_name(1)}.html"]
    own = tmp_path / "own"
    own.mkdir()
    (own / "precious").touch()
    assert main(["site", str(own), str(tmp_path / "runs")]) == ExitCode.USAGE
    assert "holds other things than a site" in capsys.readouterr().err
    assert [path.name for path in own.iterdir()] == ["precious"]


def test_without_a_run_nothing_is_written(tmp_path, capsys):
    assert main(["site", str(tmp_path / "public"), str(tmp_path)]) == ExitCode.USAGE
    assert "no runs yet" in capsys.readouterr().err
    assert not (tmp_path / "public").exists()


def test_hostile_runs_alone_make_a_site_too(tmp_path):
    site = build(tmp_path / "public", small_run(tmp_path / "runs"))
    assert HOSTILE not in (site / "index.html").read_text()
    assert Path(site / "models" / "mnist_mlp.html").is_file()


def rows_of_newest(page):
    """Return the rows of a model's newest figures, each as its texts by the columns' titles."""
    [table] = re.findall(r"(?s)<table.*?</table>", page.read_text())[:1]
    found = [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"(?s)<t[hd].*?</t[hd]>", row)]
        for row in re.findall(r"(?s)<tr.*?</tr>", table)
    ]
    return [dict(zip(found[0], row, strict=True)) for row in found[1:]]


def test_a_models_rows_hold_what_may_be_compared_and_name_no_run_of_other_models(tmp_path):
    runs = tmp_path / "runs"
    short = {"epoch": {"samples": 320}}
    made_run(runs, 1, {TENSORFLOW: 1.0, CNTK: 2.0})
    made_run(runs, 2, {("babi_rnn", "tensorflow"): 1.0}, events=short)
    made_run(runs, 3, {TENSORFLOW: 0.1}, events=short)
    page = build(tmp_path / "public", runs) / "models" / "mnist_mlp.html"
    whole, shorter = rows_of_newest(page)
    of_backend = "tf-cntk-k208/tensorflow", "tf-cntk-k208/cntk"
    assert [whole[name].split()[0] for name in of_backend] == ["1", "2"]
    assert [shorter[name].split()[0] for name in of_backend] == ["0.1", "-"]
    assert (whole["samples"], shorter["samples"]) == ("8", "320")
    assert run_name(2) not in page.read_text()[: page.read_text().index("</table>")]


def test_a_models_rows_are_named_by_what_forbids_a_ratio(tmp_path):
    runs = tmp_path / "runs"
    for day, activation in enumerate(("sigmoid", "hard_sigmoid")):
        made_run(runs, day, {TENSORFLOW: 1.0 + day}, job={"recurrent_activation": activation})
    page = build(tmp_path / "public", runs) / "models" / "mnist_mlp.html"
    labels = [row["machine"] for row in rows_of_newest(page)]
    assert sorted(label.split(", ")[-1] for label in labels) == [
        "recurrent activation hard_sigmoid", "recurrent activation sigmoid",
    ]  # fmt: skip


def test_a_second_figure_of_a_backend_is_not_lost_from_its_row(tmp_path):
    run = made_run(tmp_path / "runs", 1, {TENSORFLOW: 1.0}, repeats=6)
    for path in sorted(run.glob("jobs/*/record.json")):
        record = json.loads(path.read_text())
        repeat = json.loads((path.parent / "job.json").read_text())["repeat"]
        path.write_text(json.dumps({**record, "driver": str(570 + (repeat - 1) // 2)}))
    page = build(tmp_path / "public", tmp_path / "runs") / "models" / "mnist_mlp.html"
    labels = [row["machine"] for row in rows_of_newest(page)]
    assert len(labels) == 3
    assert all(
        f"driver {driver}" in label for driver, label in zip((571, 572), labels[1:], strict=True)
    )
