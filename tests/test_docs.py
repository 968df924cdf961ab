"""The pages of docs: what is made from declarations is up to date, and links lead somewhere."""

import re
import runpy
import shutil
from pathlib import Path

import pytest

from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode
from runner.spec.axes import declared_axes
from runner.spec.facts import declared_facts

ROOT = paths.ROOT
COLUMNS = ROOT / "docs" / "columns.md"
MAKER = ROOT / "docs" / "columns.py"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| (.+) \|$", re.M)


@pytest.fixture(scope="module")
def made():
    return runpy.run_path(str(MAKER))


def test_the_table_of_columns_is_as_they_are_declared(made):
    page = COLUMNS.read_text(encoding="utf-8")
    assert made["renewed"](page) == page, "python docs/columns.py makes it again"


def test_the_page_of_columns_says_of_each_what_it_is_of():
    page = COLUMNS.read_text(encoding="utf-8")
    rows = {name: (kind, of, means) for name, kind, of, means in ROW.findall(page)}
    assert list(rows) == list(declared_facts())
    explained = " ".join(re.findall(r"^\| ([a-z, ]+) \| ", page.partition("`run`")[0], re.M))
    for name, (kind, of, means) in rows.items():
        fact = declared_facts()[name]
        assert kind == fact.type
        assert of.partition(",")[0] == fact.of
        assert fact.of in explained
        assert means.startswith(fact.means)
    assert {name for name, (_, of, _) in rows.items() if of.startswith("axis")} == set(
        declared_axes()
    )


def test_an_old_table_is_made_again_and_a_page_without_one_is_refused(made, tmp_path):
    page = COLUMNS.read_text(encoding="utf-8")
    first = ROW.search(page)
    shutil.copy(MAKER, tmp_path)
    (tmp_path / "columns.md").write_text(page.replace(first[0] + "\n", ""), encoding="utf-8")
    runpy.run_path(str(tmp_path / MAKER.name), run_name="__main__")
    assert (tmp_path / "columns.md").read_text(encoding="utf-8") == page
    with pytest.raises(ValueError, match="must have one table"):
        made["renewed"]("# Columns\n")


def pages() -> list[Path]:
    """Return the project's own Markdown, without what a run wrote of itself."""
    folders = ("docs", "docker", "benchmarks", "results/published", ".github")
    found = [*ROOT.glob("*.md"), *(ROOT / "results").glob("*.md")]
    found += [ROOT / "results" / "measured" / "README.md"]
    return sorted({*found, *(page for each in folders for page in (ROOT / each).rglob("*.md"))})


def prose(page: Path) -> str:
    """Return a page's text without blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = sum(1 for each in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", each))
        found.add(f"{anchor}-{number}" if number else anchor)
    return found


def broken_links(page: Path) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading of one."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        is_page = target.suffix == ".md" and target.is_file()
        if not target.exists() or (anchor and not (is_page and anchor in anchors(target))):
            broken.append(link)
    return broken


def test_every_link_of_a_page_leads_to_a_file_and_a_heading():
    assert {
        str(page.relative_to(ROOT)): bad for page in pages() if (bad := broken_links(page))
    } == {}


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# Two words\n\n```\n# code\n```\n")
    good = "[a](other.md) [b](other.md#two-words) [c](#here--now) [d](https://example.org/x)"
    page.write_text(f"## Here & now\n{good} [e](gone.md) [f](other.md#code) [g](#there)\n")
    assert broken_links(page) == ["gone.md", "other.md#code", "#there"]


GLOSSARY = "docs/glossary.md"
WORDS = re.compile(r"^\| ([a-z ]+) \| (?!---)(.+) \|$", re.M)


def test_the_glossary_has_each_word_once_in_the_order_of_the_alphabet():
    found = dict(WORDS.findall((ROOT / GLOSSARY).read_text(encoding="utf-8")))
    words = [word for word, _ in WORDS.findall((ROOT / GLOSSARY).read_text(encoding="utf-8"))]
    assert words[0] == "word"
    assert words[1:] == sorted(found.keys() - {"word"})
    wanted = {"cell", "job", "run", "lane", "look", "contender", "variant", "settings", "study"}
    wanted |= {"suite", "machine", "axis", "verdict", "figure"}
    assert wanted - found.keys() == set()


def test_help_the_readme_and_the_page_name_the_glossary(capsys):
    assert main(["--help"]) == ExitCode.OK
    page = ROOT / "runner" / "report" / "html" / "assets" / "page.html.j2"
    readers = capsys.readouterr().out, (ROOT / "README.md").read_text(), page.read_text()
    assert [GLOSSARY in text for text in readers] == [True, True, True]


def test_the_map_of_changes_leads_to_every_room():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = guide.partition("### What you want to change, and where\n")[2].partition("\n## ")[0]
    led = {Path(link).parts[1] for link in re.findall(r"\]\((runner/[^)]+)\)", table)}
    assert {path.parent.name for path in (ROOT / "runner").glob("*/__init__.py")} - led == set()
