"""The page in a real Chromium: quiet, closed to the network, sortable, readable by eye and key."""

from __future__ import annotations

import csv
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

from made_runs import large_run, small_run
from runner.report.html.page import write_page
from runner.tables.load import load_runs


def _written(folder, target):
    write_page(target, load_runs(folder), [folder])
    return target.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    root = tmp_path_factory.mktemp("small")
    return _written(small_run(root), root / "report.html")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    root = tmp_path_factory.mktemp("large")
    return _written(large_run(root, 5000), root / "report.html")


@pytest.fixture
def visit(tabs, address):
    return lambda url=address, **how: tabs(url, **how)


def column(page, table, title):
    """Return the shown cells of a column."""
    titles = page.locator(f"{table} th[aria-sort]").all_inner_texts()
    position = [text.strip() for text in titles].index(title)
    return page.locator(
        f"{table} tbody tr:not(.job) td:nth-child({position + 1})"
    ).all_inner_texts()


def sorter(page, table, title):
    return page.locator(f"{table} th").get_by_role("button", name=title, exact=True)


def counted(page, text):
    """Wait until the filter has found as many jobs as ``text`` says."""
    page.locator("#filter-count", has_text=re.compile(f"^{text}$")).wait_for()


def open_all(page):
    for button in page.locator(".open").all():
        button.click()


def test_it_is_quiet_and_asks_for_nothing(visit, address):
    tab = visit()
    open_all(tab.page)
    tab.page.locator("#theme").click()
    tab.page.wait_for_timeout(300)
    assert tab.complaints == []
    assert tab.requests == [address]


@pytest.fixture
def server():
    """A server on this machine that only counts who asks it for something."""
    asked = []

    class Counting(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/", asked
        serving.shutdown()


def test_the_policy_stops_requests_and_foreign_scripts(visit, server):
    target, asked = server
    tab = visit()
    tab.page.evaluate(
        """async (target) => {
            const script = document.createElement('script');
            script.textContent = 'window.pwned = 2';
            const image = `<img src="${target}image" onerror="window.pwned = 3">`;
            document.body.append(script);
            document.body.insertAdjacentHTML('beforeend', image);
            await fetch(`${target}fetch`).catch(() => null);
        }""",
        target,
    )
    tab.page.wait_for_timeout(300)
    assert asked == []
    assert tab.page.evaluate("window.pwned") is None
    for stopped in ("inline script", "image", "fetch"):
        assert any("Content Security Policy" in t and stopped in t for t in tab.complaints)
    tab.page.context.request.get(target + "counts")
    assert asked == ["/counts"]


def test_what_a_job_said_is_shown_and_never_run(visit):
    tab = visit()
    open_all(tab.page)
    log = tab.page.locator("pre", has_text="pwned").first.inner_text()
    assert "</script><script>window.pwned = 1</script>" in log
    assert "\\x1b[31mred" in log
    assert tab.page.evaluate("window.pwned") is None
    assert tab.page.locator("img").count() == 0


def test_columns_sort_both_ways_with_missing_values_last(visit):
    page = visit().page
    shown = column(page, "#jobs-table", "s per epoch")
    known = sorted(float(text) for text in shown if text != "-")
    dashes = ["-"] * (len(shown) - len(known))
    button = sorter(page, "#jobs-table", "s per epoch")
    named = page.get_by_role("button", name="s per epoch", exact=True)
    head = page.locator("#jobs-table th").filter(has=named)
    for direction, expected in (("ascending", known), ("descending", known[::-1])):
        button.click()
        assert head.get_attribute("aria-sort") == direction
        found = column(page, "#jobs-table", "s per epoch")
        assert [float(text) for text in found if text != "-"] == expected
        assert found[len(known) :] == dashes
    others = page.locator("#jobs-table th[aria-sort=none]").count()
    assert others == page.locator("#jobs-table th").count() - 1


def test_filters_narrow_tables_and_charts_and_clear_again(visit):
    page = visit().page
    count = page.locator("#filter-count")
    assert count.inner_text() == "10 of 10 jobs"
    page.locator("#filter-status").select_option("failed")
    counted(page, "1 of 10 jobs")
    assert column(page, "#jobs-table", "status") == ["failed"]
    page.get_by_role("button", name="Clear").click()
    page.locator("#filter-model").select_option("mnist_cnn")
    page.locator("#filter-backend").select_option("cntk")
    counted(page, "2 of 10 jobs")
    assert set(column(page, "#cells-table", "model")) == {"mnist_cnn"}
    assert page.locator("#bars-charts figure").count() == 1
    # The hostile job says that its device is another one.
    legend = page.locator("#curves-legend li").all_inner_texts()
    assert legend == ["cntk (tf-cntk-k208, a processor)"]
    page.get_by_role("button", name="Clear").click()
    page.locator("#filter-text").fill("pwned FAILED")
    counted(page, "1 of 10 jobs")
    page.locator("#filter-text").fill("no such word")
    counted(page, "0 of 10 jobs")
    assert "Nothing fits the filter." in page.locator("#jobs-table").inner_text()


def test_curves_run_over_seconds_too(visit):
    page = visit().page
    first = page.locator("#curves-charts svg").first
    label = first.locator("[aria-label='x-axis label']")
    assert label.text_content() == "epoch"
    page.get_by_label("seconds", exact=True).check()
    assert label.text_content() == "seconds"
    page.get_by_label("training data").check()
    assert "training accuracy" in page.locator("#curves-charts figcaption").first.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_system_chooses_dark_or_light_until_the_button_does(visit, scheme):
    page = visit(scheme=scheme).page
    background = "Math.max(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g))"
    button = page.locator("#theme")
    assert (page.evaluate(background) < 60) == (scheme == "dark")
    assert button.get_attribute("aria-pressed") == str(scheme == "dark").lower()
    button.click()
    assert (page.evaluate(background) < 60) == (scheme == "light")
    page.reload()
    assert (page.evaluate(background) < 60) == (scheme == "light")


def test_a_phone_scrolls_in_one_direction_only(visit):
    page = visit(width=390).page
    open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('#jobs-table .scroll').scrollWidth") > 390


def test_a_phone_shows_times_first_and_does_not_shrink_the_text_of_charts(visit):
    page = visit(width=390).page
    heads = page.locator("#cells-table th").all()[:3]
    assert [head.inner_text().strip() for head in heads] == ["model", "backend", "s per epoch"]
    box = heads[-1].bounding_box()
    assert box["x"] + box["width"] <= 390
    for chart in page.locator("#bars-charts svg, #curves-charts svg").all():
        assert chart.evaluate("svg => svg.getScreenCTM().a") > 0.98


def test_everything_is_reached_by_keyboard(visit):
    page = visit().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the table"
    sorter(page, "#cells-table", "model").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "backend"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    backends = column(page, "#cells-table", "backend")
    assert backends == sorted(backends)
    assert page.evaluate("document.activeElement.textContent") == "backend"
    page.locator(".open").first.focus()
    page.keyboard.press("Space")
    assert page.locator("tr.job").count() == 1
    page.keyboard.press("Space")
    assert page.locator("tr.job").count() == 0
    page.locator("#curves-charts svg").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    reading = page.locator("#curves-charts .reading").first
    assert reading.inner_text().startswith("epoch 2")
    page.keyboard.press("Escape")
    assert reading.inner_text() == ""


def test_thousands_of_jobs_open_at_once_and_page(visit, large):
    tab = visit(large)
    page = tab.page
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert loaded < 10_000, f"{loaded:.0f} ms"
    assert page.evaluate("document.querySelectorAll('*').length") < 10_000
    assert page.locator("#filter-count").inner_text() == "5,000 of 5,000 jobs"
    first = column(page, "#jobs-table", "job")
    pages = page.get_by_role("group", name="Pages: Jobs")
    pages.get_by_role("button", name="Next").click()
    assert not set(first) & set(column(page, "#jobs-table", "job"))
    assert "26 to 50 of 5,000" in pages.inner_text()
    sorter(page, "#jobs-table", "status").click()
    assert set(column(page, "#jobs-table", "status")) == {"failed"}
    assert "1 to 25" in pages.inner_text()
    assert tab.complaints == []


def test_without_script_the_tables_that_need_none_are_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".pivot tbody tr").count() == 3
    assert "which does not run here" in " ".join(page.locator("noscript").inner_text().split())
    context.close()


def downloaded(page, press):
    """Return the name and the text of what a press of a button saves."""
    with page.expect_download() as begun:
        press()
    return begun.value.suggested_filename, Path(begun.value.path()).read_text()


def test_the_chart_of_speeds_stands_after_the_answer_fastest_first(visit):
    page = visit().page
    headings = page.locator("section:visible h2").all_inner_texts()
    assert headings[:3] == ["Which is fastest?", "Speed beside the fastest", headings[2]]
    chart = page.locator("#speed-charts figure").first
    assert "1.00" in chart.inner_text()
    label = chart.locator("svg").get_attribute("aria-label")
    assert label.index("tensorflow") < label.index("cntk")


def test_bars_are_sorted(visit):
    chart = visit().page.locator("#bars-charts figure", has_text="mnist_cnn")
    said = " ".join(chart.locator("text").all_text_contents())
    assert said.index("tensorflow") < said.index("cntk")


def test_a_link_keeps_the_filter_and_the_order(visit):
    page = visit().page
    page.locator("#filter-backend").select_option("cntk")
    page.locator("#filter-text").fill("mnist_cnn")
    counted(page, "2 of 10 jobs")
    sorter(page, "#jobs-table", "s per epoch").click()
    sorter(page, "#jobs-table", "s per epoch").click()
    shown = page.locator("#jobs-table tbody").inner_text()
    again = visit(page.url).page
    assert again.locator("#filter-count").inner_text() == "2 of 10 jobs"
    assert again.locator("#filter-text").input_value() == "mnist_cnn"
    assert again.locator("#jobs-table tbody").inner_text() == shown
    assert again.locator("#jobs-table th[aria-sort=descending]").count() == 1


def test_a_made_up_link_does_no_harm(visit, address):
    tab = visit(f"{address}#?sort-jobs=-constructor&status=%3Cimg%3E&text=%00")
    assert tab.complaints == []
    assert tab.page.locator("#filter-count").inner_text().endswith("of 10 jobs")


def test_the_data_and_each_chart_can_be_saved(visit):
    tab = visit()
    page = tab.page
    page.locator("#filter-backend").select_option("cntk")
    counted(page, "4 of 10 jobs")
    name, text = downloaded(page, page.get_by_role("button", name="jobs.csv").click)
    rows = list(csv.DictReader(text.splitlines()))
    assert name == "jobs.csv"
    assert {row["backend"] for row in rows} == {"cntk"}
    assert len(rows) == 4
    name, text = downloaded(page, page.locator("#bars-charts .save").first.click)
    drawing = ElementTree.fromstring(text)
    assert name == "mnist_mlp.svg"
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in text
    assert "mnist_mlp" in "".join(drawing.itertext())
    assert tab.complaints == []


def test_a_spreadsheet_gets_no_formula(visit):
    page = visit().page
    assert page.evaluate("true")
    _, text = downloaded(page, page.get_by_role("button", name="jobs.csv").click)
    fields = [field for row in csv.reader(text.splitlines()) for field in row]
    assert not [f for f in fields if f[:1] in "=@+" and f and not f[1:].replace(".", "").isdigit()]


def test_columns_outside_a_narrow_window_are_announced(visit):
    page = visit(width=390).page
    region = page.locator("#cells-table .scroll")
    hint = page.locator("#cells-table .hint")
    assert re.match(r"\d+ more columns to the right", hint.inner_text())
    region.evaluate("region => region.scrollTo(region.scrollWidth, 0)")
    # Not wait_for_function, which the page's own policy forbids to evaluate again.
    expect(hint).to_have_text("")
    assert region.get_attribute("data-more") == "left"


def test_nothing_is_cut_off_on_paper(visit):
    page = visit(width=1047).page
    page.emulate_media(media="print")
    over = "[...document.querySelectorAll('.scroll')].map(s => s.scrollWidth - s.clientWidth)"
    assert max(page.evaluate(over)) <= 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1047


def test_axes_of_seconds_begin_at_zero(visit):
    page = visit().page
    page.get_by_label("seconds", exact=True).check()
    for figure in page.locator("#curves-charts figure").all():
        axes = ["x"] if "seconds of each epoch" not in figure.inner_text() else ["y"]
        for axis in axes:
            ticks = figure.locator(
                f"[aria-label='{axis}-axis tick label'] text"
            ).all_text_contents()
            assert "0" in ticks, figure.inner_text()
