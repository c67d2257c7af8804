"""docs/coverage.md names a cell for every statement of the article: each of them is there."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "coverage.md"
PLACE = re.compile(r"\[(\d\d)\]\((\S+?\.ipynb)\): (`+)(.+?)\3(?=<br>| \|)")
ROWS = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| (?!statement|:--)", line)]
PLACES = [(number, link, words) for row in ROWS for number, link, _, words in PLACE.findall(row)]


def one_line(text):
    return " ".join(text.split())


def cells(link):
    notebook = json.loads((PAGE.parent / link).read_text("utf-8"))
    return [one_line("".join(cell["source"])) for cell in notebook["cells"]]


@pytest.mark.parametrize(("number", "link", "words"), PLACES)
def test_the_cell_is_there(number, link, words):
    assert Path(link).name.startswith(f"{number}_")
    found = [cell for cell in cells(link) if one_line(words) in cell]
    assert len(found) == 1, f"{len(found)} cells of {link} hold {words!r}: name words of one cell alone"


def test_every_statement_names_a_cell():
    assert len(ROWS) > 40 and [row for row in ROWS if not PLACE.search(row)] == []
    # What looks like a place and is not read as one would not be tested.
    assert len(PLACES) == sum(row.count(".ipynb") for row in ROWS)


def test_every_notebook_has_its_statements():
    named = {number for number, _, _ in PLACES}
    numbered = {path.name[:2] for path in (ROOT / "course").glob("[0-9][0-9]_*.ipynb")}
    assert named == numbered - {"00"}  # the first one shows that the machine works
