"""`cnnkit release`: what a class is handed holds no solution, and overwrites nobody's file."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cnnkit import leaks, release
from cnnkit.errors import CnnkitError
from cnnkit.exercises import registry
from cnnkit.handout import handout
from cnnkit.workbook import prepare
from cnnkit.workbook_record import NAME as RECORD
from cnnkit.workbook_words import words

COURSE = registry.course_folder()


def _cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))["cells"]


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _exercise(cells: list[dict[str, Any]], id: str) -> dict[str, Any]:
    return next(cell for cell in cells if id in _tags(cell))


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of two notebooks of the course, to be spoiled."""
    folder = tmp_path / "course"
    for place in ("", "source", "solutions"):
        (folder / place).mkdir()
        for path in (COURSE / place).glob("0[01]_*.*"):
            shutil.copy(path, folder / place)
    shutil.copytree(COURSE / "exercises", folder / "exercises")
    monkeypatch.setenv("CNNKIT_COURSE", str(folder))
    return folder


def _spoil(path: Path, id: str, text: str | None = None, outputs: list[Any] | None = None) -> None:
    changed = json.loads(path.read_text("utf-8"))
    cell = _exercise(changed["cells"], id) if id else changed["cells"][-1]
    if text is not None:
        cell["source"] = text
    if outputs is not None:
        cell["outputs"] = outputs
    path.write_text(json.dumps(changed), "utf-8")


# --- the course as it is ---


def test_a_release_holds_the_learners_notebooks_and_a_page(tmp_path: Path) -> None:
    lines = release.release(str(tmp_path / "class"))
    names = set(_contents(tmp_path / "class"))
    assert {path.name for path in COURSE.glob("*.ipynb")} | {"README.md", RECORD} <= names
    assert not [name for name in names if name.startswith(("solutions", "source", "exercises", "build"))]
    assert "No solution is in them" in lines[1]
    page = (tmp_path / "class" / "README.md").read_text("utf-8")
    assert page.startswith("# class\n") and "cnnkit lab ." in page and "01_one_filter.ipynb" in page
    assert "{" not in page


def test_no_line_of_a_solved_cell_is_in_the_released_cell(tmp_path: Path) -> None:
    """Said once more without the code that checks it."""
    release.release(str(tmp_path / "class"))
    for source in sorted((COURSE / "source").glob("*.py")):
        released = _cells(tmp_path / "class" / f"{source.stem}.ipynb")
        text = "\n".join(line.strip() for cell in released for line in _text(cell).splitlines())
        for block in re.findall(
            r"### BEGIN SOLUTION\n(.*?)\n[^\n]*### END SOLUTION", source.read_text("utf-8"), re.DOTALL
        ):
            lines = [line.lstrip("# ").strip() for line in block.splitlines() if "### STUB" not in line]
            assert "\n".join(lines) not in text, f"{source.stem}: {lines}"
        for cell in released:
            if release.LEFT_EMPTY.intersection(_tags(cell)):
                assert cell["outputs"] == []


def test_demonstrations_keep_their_outputs(tmp_path: Path) -> None:
    release.release(str(tmp_path / "class"))
    for path in (tmp_path / "class").glob("0*.ipynb"):
        assert _cells(path) == _cells(COURSE / path.name)
        assert any(cell.get("outputs") for cell in _cells(path))


def test_an_installed_course_has_no_source_and_can_be_released_too(course: Path, tmp_path: Path) -> None:
    shutil.rmtree(course / "source")
    assert "No solution is in them" in release.release(str(tmp_path / "class"))[1]


def test_only_some_notebooks(tmp_path: Path) -> None:
    release.release(str(tmp_path / "class"), ("01", "05"))
    chapters = sorted(path.name for path in (tmp_path / "class").glob("[0-9]*.ipynb"))
    assert chapters == ["01_one_filter.ipynb", "05_whole_network.ipynb"]
    assert "08_" not in (tmp_path / "class" / "README.md").read_text("utf-8")
    with pytest.raises(CnnkitError, match="There is no notebook 99"):
        release.release(str(tmp_path / "other"), ("99",))
    assert not (tmp_path / "other").exists()


# --- a solution is found wherever it is ---

ANSWER = "result[i] = 0.5f + factor * (image[i] - 0.5f);"
SHOWN = [{"output_type": "display_data", "metadata": {}, "data": {"text/plain": ["one\n", f"  {ANSWER}\n"]}}]


@pytest.mark.parametrize("with_source", [True, False])
@pytest.mark.parametrize(
    ("where", "text", "outputs"),
    [
        ("00.2", "the solved cell", None),
        ("00.2", f"%%kernel contrast\n// mine\n  {ANSWER}\n// more", None),
        ("", f"my notes:\n{ANSWER}", None),
        ("", None, SHOWN),
    ],
    ids=["the solved cell itself", "within the exercise's cell", "in another cell", "in an output"],
)
def test_a_solution_in_a_notebook_is_refused(
    course: Path, tmp_path: Path, where: str, text: str | None, outputs: list[Any] | None, with_source: bool
) -> None:
    book = course / "00_start_here.ipynb"
    if not with_source:
        if where and text != "the solved cell":
            pytest.skip("without the source, a stub cannot be told from an answer of one's own")
        shutil.rmtree(course / "source")
    if text == "the solved cell":
        text = _text(_exercise(_cells(course / "solutions" / book.name), "00.2"))
    _spoil(book, where, text, outputs)
    with pytest.raises(
        CnnkitError, match=r"00_start_here.ipynb holds the solution of 00\.2: nothing was written"
    ):
        release.release(str(tmp_path / "class"))
    with pytest.raises(CnnkitError, match="nothing was written"):
        release.release(str(tmp_path / "class.zip"))
    assert not (tmp_path / "class").exists() and not (tmp_path / "class.zip").exists()


def test_a_short_answer_is_found_in_its_own_cell(course: Path, tmp_path: Path) -> None:
    _spoil(course / "01_one_filter.ipynb", "01.3", 'my_order = "turned by 180"\n# I think')
    with pytest.raises(CnnkitError, match=r"the solution of 01\.3"):
        release.release(str(tmp_path / "class"))


def test_a_file_beside_the_notebooks_is_looked_at_and_the_library_is_not(course: Path) -> None:
    assert leaks.leaks({"words.md": ANSWER.encode()}, course) == ["words.md holds the solution of 00.2"]
    assert leaks.leaks({"library/kernels/contrast.cl": ANSWER.encode()}, course) == []


def test_outputs_of_answers_are_taken_out(course: Path, tmp_path: Path) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "my own output"}
    _spoil(course / "00_start_here.ipynb", "00.2", outputs=[output])
    release.release(str(tmp_path / "class"))
    assert b"my own output" not in (tmp_path / "class" / "00_start_here.ipynb").read_bytes()


def test_a_course_without_solutions_says_what_was_not_compared(course: Path, tmp_path: Path) -> None:
    shutil.rmtree(course / "solutions")
    assert "could not be compared" in release.release(str(tmp_path / "class"))[1]


# --- nobody's file is overwritten ---


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_text("mine")
    with pytest.raises(CnnkitError, match="is not empty, and not from `cnnkit release`"):
        release.release(str(tmp_path))
    assert _contents(tmp_path) == {"grades.csv": b"mine"}
    with pytest.raises(CnnkitError, match="is a file"):
        release.release(str(tmp_path / "grades.csv"))


def test_a_learners_copy_is_refused(tmp_path: Path) -> None:
    prepare(tmp_path, handout())
    with pytest.raises(CnnkitError, match="not from `cnnkit release`"):
        release.release(str(tmp_path))


def test_a_release_can_be_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    release.release(str(folder))
    before = _contents(folder)
    release.release(str(folder))
    assert _contents(folder) == before
    release.release(str(folder), ("01",))
    assert {p.name for p in folder.glob("[0-9]*.ipynb")} == {"01_one_filter.ipynb"}


def test_what_a_teacher_changed_in_a_release_stops_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    release.release(str(folder))
    _spoil(folder / "00_start_here.ipynb", "", outputs=[])  # run and saved: nothing of theirs
    release.release(str(folder))
    _spoil(folder / "00_start_here.ipynb", "", "hand it in by Friday")
    before = _contents(folder)
    for only in ((), ("01",)):
        with pytest.raises(CnnkitError, match=r"00_start_here.ipynb was changed since it was released"):
            release.release(str(folder), only)
    assert _contents(folder) == before


def test_what_else_is_in_a_release_is_named_and_left(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    release.release(str(folder))
    (folder / "solutions.txt").write_text("mine")
    assert "solutions.txt" in release.release(str(folder))[-1]
    assert (folder / "solutions.txt").read_text() == "mine"


def test_an_archive_holds_the_same_as_the_folder(tmp_path: Path) -> None:
    release.release(str(tmp_path / "class"))
    release.release(str(tmp_path / "class.zip"))
    with zipfile.ZipFile(tmp_path / "class.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert _contents(tmp_path / "out" / "class") == _contents(tmp_path / "class")
    first = (tmp_path / "class.zip").read_bytes()
    release.release(str(tmp_path / "class.zip"))
    assert (tmp_path / "class.zip").read_bytes() == first


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_an_archive_that_is_not_ours_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "class.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("thesis.txt", "mine")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(CnnkitError, match="name another archive"):
        release.release(str(path))
    assert path.read_bytes() == before


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for target in ("class", "class.zip"):
        with pytest.raises(CnnkitError, match="No space left on device"):
            release.release(str(tmp_path / target))


# --- what a student then does with it ---


def test_a_student_opens_a_release_and_only_what_was_handed_out_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    release.release(str(folder), ("01",))
    before = _contents(folder)
    assert words(prepare(folder, handout()), handout().version) == []
    assert _contents(folder) == before
    (folder / "01_one_filter.ipynb").unlink()
    assert prepare(folder, handout()).restored == ["01_one_filter.ipynb"]
    assert _contents(folder) == before


def test_a_teachers_notebooks_are_not_replaced_by_an_upgrade(tmp_path: Path) -> None:
    from dataclasses import replace

    folder = tmp_path / "class"
    release.release(str(folder), ("01",))
    before = _contents(folder)
    newer = replace(handout(), version="99.0", files={"01_one_filter.ipynb": b'{"cells": []}'})
    assert "Your teacher's notebooks" in words(prepare(folder, newer), "99.0")[0]
    assert _contents(folder) == before
