"""A learner's copy of the course: brought up to date, and never at the cost of a cell of theirs."""

from __future__ import annotations

import copy
import errno
import json
import os
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit import files, workbook
from cnnkit.errors import CnnkitError, DataError
from cnnkit.handout import Handout, handout
from cnnkit.workbook import Report, prepare
from cnnkit.workbook_record import NAME as RECORD
from cnnkit.workbook_words import MOST_LINES, difference, words

BOOK, OTHER = "01_one_filter.ipynb", "05_whole_network.ipynb"
BESIDE = "01_one_filter.new.ipynb"
STATE = {"application/vnd.cnnkit.state+json": {"exercise": "01.5", "state": {"stride": 2}}}


def notebook(*texts: str) -> bytes:
    """A notebook of these cells; a text that begins with # is a heading."""
    cells: list[dict[str, Any]] = []
    for text in texts:
        if text.startswith("#"):
            cells.append({"cell_type": "markdown", "metadata": {}, "source": text})
        else:
            code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
            cells.append({**code, "source": text.splitlines(keepends=True)})
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def course(version: str, **books: bytes) -> Handout:
    return Handout(version, {f"{name}.ipynb": content for name, content in books.items()})


FIRST = ("# Start", "a = 1", "# Your turn", "...  # your code here", "# End", "print(a)")
SECOND = ("# Start", "a = 1", "b = 2", "# Your turn", "...  # your code, here", "# End")
OLD = course("1.0", **{"01_one_filter": notebook(*FIRST), "05_whole_network": notebook("# Net", "x = 1")})
NEW = course("1.1", **{"01_one_filter": notebook(*SECOND), "05_whole_network": notebook("# Net", "x = 2")})
NEWEST = course(
    "1.2", **{"01_one_filter": notebook(*SECOND, "c = 3"), "05_whole_network": notebook("# Net", "x = 3")}
)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def texts(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in read(path)["cells"]]


def change(path: Path, position: int, **fields: Any) -> None:
    """Change one cell as JupyterLab would save it."""
    changed = read(path)
    changed["cells"][position] |= fields
    path.write_text(json.dumps(changed, indent=1), "utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def said(report: Report, version: str = "1.1") -> str:
    return "\n".join(words(report, version))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the old course."""
    prepare(tmp_path / "mine", OLD)
    return tmp_path / "mine"


# --- made, and brought up to date ---


def test_a_copy_is_made_where_there_is_no_folder(tmp_path: Path) -> None:
    report = prepare(tmp_path / "a" / "b", OLD)
    assert contents(tmp_path / "a" / "b").keys() == {BOOK, OTHER, RECORD}
    assert (tmp_path / "a" / "b" / BOOK).read_bytes() == OLD.files[BOOK]
    assert said(report) == f"Your copy of the course: {BOOK}, {OTHER}."


def test_nothing_is_written_or_said_when_nothing_is_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "write_atomically", None)
    monkeypatch.setattr(workbook, "write_record", None)
    assert said(prepare(folder, OLD)) == ""


def test_what_nobody_touched_is_replaced(folder: Path) -> None:
    report = prepare(folder, NEW)
    assert contents(folder).keys() == {BOOK, OTHER, RECORD}
    assert (folder / BOOK).read_bytes() == NEW.files[BOOK]
    assert f"Brought up to date, as you had written nothing in them: {BOOK}, {OTHER}." == said(report)


def test_running_a_notebook_is_no_edit(folder: Path) -> None:
    ran = {"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}], "execution_count": 7}
    change(folder / BOOK, 1, **ran, metadata={"collapsed": True})
    assert prepare(folder, NEW).replaced == [BOOK, OTHER]


def test_a_run_notebook_keeps_its_outputs_where_only_ours_are_new(folder: Path) -> None:
    new = copy.deepcopy(NEW)
    rerun = json.loads(OLD.files[BOOK])
    rerun["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "ours"}]
    new.files[BOOK] = json.dumps(rerun).encode()
    untouched = folder.with_name("untouched")
    shutil.copytree(folder, untouched)
    change(folder / BOOK, 1, execution_count=7)
    theirs = (folder / BOOK).read_bytes()
    for _ in range(2):
        assert prepare(folder, new).kept == []
        assert (folder / BOOK).read_bytes() == theirs
    prepare(untouched, new)
    assert (untouched / BOOK).read_bytes() == new.files[BOOK]


def _typed(path: Path) -> None:
    change(path, 3, source="y = 42")


def _added(path: Path) -> None:
    changed = read(path)
    changed["cells"].append(
        {"cell_type": "markdown", "id": "0a0a0a0a", "metadata": {}, "source": ["my notes\n", "more"]}
    )
    path.write_text(json.dumps(changed), "utf-8")


def _removed(path: Path) -> None:
    changed = read(path)
    del changed["cells"][1]
    path.write_text(json.dumps(changed), "utf-8")


def _moved(path: Path) -> None:
    changed = read(path)
    changed["cells"].insert(0, changed["cells"].pop())
    path.write_text(json.dumps(changed), "utf-8")


def _retyped(path: Path) -> None:
    change(path, 1, cell_type="markdown")


def _answered_with_a_slider(path: Path) -> None:
    change(path, 1, outputs=[{"output_type": "display_data", "data": STATE, "metadata": {}}])


def _pasted_a_picture(path: Path) -> None:
    change(path, 0, attachments={"image.png": {"image/png": "AAAA"}})


EDITS = (_typed, _added, _removed, _moved, _retyped, _answered_with_a_slider, _pasted_a_picture)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_notebook_stays_and_the_new_one_is_beside_it(folder: Path, edit: Any) -> None:
    edit(folder / BOOK)
    theirs = (folder / BOOK).read_bytes()
    report = prepare(folder, NEW)
    assert (folder / BOOK).read_bytes() == theirs
    assert (folder / BESIDE).read_bytes() == NEW.files[BOOK]
    assert report.replaced == [OTHER]
    assert f"{BOOK} holds your changes and stays as it is" in said(report) and BESIDE in said(report)


def test_what_is_new_is_what_the_course_changed_and_not_what_the_learner_did(folder: Path) -> None:
    _added(folder / BOOK)
    _typed(folder / BOOK)
    lines = words(prepare(folder, NEW), "1.1")
    assert lines[-3:] == [
        '    "Start": 1 cell new',
        '    "Your turn": 1 cell changed',
        '    "End": 1 cell gone',
    ]


def test_an_edit_needs_no_new_version_beside_it(folder: Path) -> None:
    _typed(folder / BOOK)
    assert said(prepare(folder, OLD)) == ""
    assert not (folder / BESIDE).exists()


def test_the_name_beside_is_stable_over_upgrades(folder: Path) -> None:
    _typed(folder / BOOK)
    theirs = (folder / BOOK).read_bytes()
    prepare(folder, NEW)
    again = prepare(folder, NEW)
    assert again.kept == [] and f"{BESIDE} (of {BOOK})" in said(again)
    change(folder / BESIDE, 1, execution_count=3)  # run, not edited
    prepare(folder, NEWEST)
    assert contents(folder).keys() == {BOOK, BESIDE, OTHER, RECORD}
    assert (folder / BESIDE).read_bytes() == NEWEST.files[BOOK]
    assert (folder / BOOK).read_bytes() == theirs


def test_an_edited_file_beside_is_not_overwritten(folder: Path) -> None:
    _typed(folder / BOOK)
    prepare(folder, NEW)
    _typed(folder / BESIDE)
    theirs = (folder / BESIDE).read_bytes()
    assert prepare(folder, NEW).kept == []
    prepare(folder, NEWEST)
    assert (folder / BESIDE).read_bytes() == theirs
    assert (folder / "01_one_filter.new-2.ipynb").read_bytes() == NEWEST.files[BOOK]


def test_a_file_of_that_name_that_is_not_ours_is_not_overwritten(folder: Path) -> None:
    _typed(folder / BOOK)
    (folder / BESIDE).write_bytes(notebook("mine"))
    prepare(folder, NEW)
    assert texts(folder / BESIDE) == ["mine"]
    assert (folder / "01_one_filter.new-2.ipynb").read_bytes() == NEW.files[BOOK]


def test_a_version_beside_that_was_thrown_away_stays_away(folder: Path) -> None:
    _typed(folder / BOOK)
    prepare(folder, NEW)
    (folder / BESIDE).unlink()
    assert said(prepare(folder, NEW)) == "" and not (folder / BESIDE).exists()
    prepare(folder, NEWEST)
    assert (folder / BESIDE).read_bytes() == NEWEST.files[BOOK]


def test_who_takes_the_new_version_gets_the_next_ones(folder: Path) -> None:
    _typed(folder / BOOK)
    prepare(folder, NEW)
    os.replace(folder / BESIDE, folder / BOOK)
    assert said(prepare(folder, NEW)) == ""
    assert BOOK in prepare(folder, NEWEST).replaced


def test_who_undoes_the_edits_gets_the_new_version(folder: Path) -> None:
    before = (folder / BOOK).read_bytes()
    _typed(folder / BOOK)
    prepare(folder, NEW)
    (folder / BOOK).write_bytes(before)
    assert prepare(folder, NEW).replaced == [BOOK]


def test_a_deleted_notebook_comes_back_fresh(folder: Path) -> None:
    """Deleting it is how to begin anew; nothing of the learner's is lost by it."""
    (folder / BOOK).unlink()
    assert f"laid there afresh: {BOOK}" in said(prepare(folder, NEW))
    assert (folder / BOOK).read_bytes() == NEW.files[BOOK]


def test_a_renamed_notebook_is_left_alone(folder: Path) -> None:
    _typed(folder / BOOK)
    theirs = (folder / BOOK).read_bytes()
    (folder / BOOK).rename(folder / "mine.ipynb")
    prepare(folder, NEW)
    assert (folder / "mine.ipynb").read_bytes() == theirs
    assert (folder / BOOK).read_bytes() == NEW.files[BOOK]


def test_foreign_files_and_the_progress_are_left_alone(folder: Path) -> None:
    foreign = {"cnnkit-progress.json": b"{}", "Untitled.ipynb": notebook("mine"), "notes.txt": b"notes"}
    for name, content in foreign.items():
        (folder / name).write_bytes(content)
    prepare(folder, NEW)
    assert foreign.items() <= contents(folder).items()


def test_a_foreign_notebook_of_the_same_name_counts_as_edited(tmp_path: Path) -> None:
    (tmp_path / BOOK).write_bytes(notebook("# Start", "a = 1", "mine"))
    report = prepare(tmp_path, OLD)
    assert texts(tmp_path / BOOK) == ["# Start", "a = 1", "mine"]
    assert (tmp_path / BESIDE).read_bytes() == OLD.files[BOOK]
    assert "is not the course's version" in said(report) and "Where they differ" in said(report)


def test_a_notebook_that_left_the_course_stays(folder: Path) -> None:
    smaller = Handout("1.1", {BOOK: NEW.files[BOOK]})
    report = prepare(folder, smaller)
    assert (folder / OTHER).read_bytes() == OLD.files[OTHER]
    assert f"No longer part of the course, and left where they are: {OTHER}." in said(report)
    assert said(prepare(folder, smaller)) == ""


def test_files_that_travel_with_the_notebooks_follow_the_same_rule(tmp_path: Path) -> None:
    old = Handout("1.0", {"library/kernels/a.cl": b"one", "library/kernels/b.cl": b"one"})
    new = Handout("1.1", {"library/kernels/a.cl": b"two", "library/kernels/b.cl": b"two"})
    assert said(prepare(tmp_path, old)) == ""
    (tmp_path / "library/kernels/a.cl").write_bytes(b"mine")
    assert "library/kernels/a.new.cl" in said(prepare(tmp_path, new))
    library = tmp_path / "library/kernels"
    assert contents(library) == {"a.cl": b"mine", "a.new.cl": b"two", "b.cl": b"two"}


# --- what can be wrong with the folder ---


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b'{"format": 1}', b"\xff\xfe\x00", b"[" * 100_000, None]
)
def test_without_the_record_whatever_differs_counts_as_edited(folder: Path, damage: bytes | None) -> None:
    before = (folder / BOOK).read_bytes()
    (folder / RECORD).unlink()
    if damage is not None:
        (folder / RECORD).write_bytes(damage)
    report = prepare(folder, NEW)
    assert (folder / BOOK).read_bytes() == before
    assert (folder / BESIDE).read_bytes() == NEW.files[BOOK]
    assert ("record of what was handed out here is damaged" in said(report)) == (damage is not None)
    assert "damaged" not in said(prepare(folder, NEW))


def test_a_record_cannot_lead_out_of_the_folder(folder: Path) -> None:
    record = json.loads((folder / RECORD).read_text())
    for name in ("../outside.ipynb", "/etc/passwd", "a\\b", "C:x", "library/../../x"):
        forged = copy.deepcopy(record)
        forged["files"][BOOK]["beside"] = name
        (folder / RECORD).write_text(json.dumps(forged))
        assert prepare(folder, OLD).damaged, name
        forged = copy.deepcopy(record)
        forged["files"][name] = forged["files"][BOOK]
        (folder / RECORD).write_text(json.dumps(forged))
        assert prepare(folder, OLD).damaged, name


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"cells": [1]}', b'{"cells": [{"source": [1]}]}']
)
def test_a_notebook_that_is_none_stays_as_it_is(folder: Path, content: bytes) -> None:
    (folder / BOOK).write_bytes(content)
    report = prepare(folder, NEW)
    assert (folder / BOOK).read_bytes() == content
    assert (folder / BESIDE).read_bytes() == NEW.files[BOOK]
    assert f"{BOOK}: it cannot be read as a notebook" in said(report)


def test_a_link_or_a_folder_in_a_notebooks_place_is_not_written_to(folder: Path) -> None:
    kept = folder.parent / "elsewhere.ipynb"
    kept.write_bytes((folder / BOOK).read_bytes())
    (folder / BOOK).unlink()
    (folder / BOOK).symlink_to(kept)
    (folder / OTHER).unlink()
    (folder / OTHER).mkdir()
    before = kept.read_bytes()
    prepare(folder, NEW)
    assert kept.read_bytes() == before and (folder / BOOK).is_symlink() and (folder / OTHER).is_dir()
    assert (folder / BESIDE).read_bytes() == NEW.files[BOOK]


def test_an_older_cnnkit_changes_nothing(folder: Path) -> None:
    prepare(folder, NEW)
    (folder / OTHER).unlink()
    before = contents(folder)
    assert "handed out by cnnkit 1.1, and this is the older 1.0" in said(prepare(folder, OLD), "1.0")
    assert contents(folder) == before


def test_a_record_of_a_later_form_changes_nothing(folder: Path) -> None:
    (folder / RECORD).write_text(json.dumps({"format": 2, "cnnkit": "9.0", "files": "in another form"}))
    before = contents(folder)
    assert prepare(folder, NEW).newer == "9.0"
    assert contents(folder) == before


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "class.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="is a file: unpack it"):
        prepare(tmp_path / "class.zip", OLD)
    with pytest.raises(DataError, match="cannot be made"):
        prepare(tmp_path / "class.zip" / "within", OLD)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("after", range(4))
def test_a_disk_that_fails_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, after: int
) -> None:
    _typed(folder / BOOK)
    theirs, replaced, calls = (folder / BOOK).read_bytes(), files.os.fsync, []

    def failing(handle: int) -> None:
        calls.append(handle)
        if len(calls) > after:
            raise OSError(code, os.strerror(code))
        replaced(handle)

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", failing)
        if after < 3:  # the file beside, the other notebook, the record
            with pytest.raises(DataError, match=os.strerror(code)):
                prepare(folder, NEW)
        else:
            prepare(folder, NEW)
    assert (folder / BOOK).read_bytes() == theirs
    assert not list(folder.glob(".*.partial"))
    prepare(folder, NEW)
    assert contents(folder).keys() == {BOOK, BESIDE, OTHER, RECORD}
    assert (folder / OTHER).read_bytes() == NEW.files[OTHER]
    assert (folder / BOOK).read_bytes() == theirs


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_opens_while_nothing_is_new(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        assert said(prepare(folder, OLD)) == ""
        with pytest.raises(DataError, match="could not be written"):
            prepare(folder, NEW)
    finally:
        folder.chmod(0o755)


# --- the difference in words ---


def _marks(*pairs: str) -> tuple[tuple[str, str], ...]:
    return tuple((pair[1:], pair[0]) for pair in pairs)


def test_moved_cells_are_neither_new_nor_gone() -> None:
    assert difference(_marks("A1", "A2", "B3"), _marks("A1", "B3", "B2"), 12) == ['"B": 1 cell moved']


def test_several_kinds_share_a_line() -> None:
    lines = difference(_marks("A1", "A2", "A3"), _marks("A4", "A5", "A3", "A6"), 12)
    assert lines == ['"A": 1 cell new, 2 changed']


@given(
    st.lists(st.integers(0, 40), max_size=40), st.lists(st.integers(0, 40), max_size=40), st.integers(1, 12)
)
def test_the_difference_is_short_and_misses_nothing(old: list[int], new: list[int], most: int) -> None:
    before, after = (tuple((str(n), f"part {n % 17}") for n in numbers) for numbers in (old, new))
    lines = difference(before, after, most)
    assert len(lines) <= most
    if not set(old) & set(new) and len(lines) < most:
        counted = sum(
            int(word)
            for line in lines
            for word in line.split(": ")[1].replace(",", "").split()
            if word.isdigit()
        )
        assert counted == max(len(old), len(new))


def test_a_whole_course_that_was_edited_is_told_in_a_dozen_lines(tmp_path: Path) -> None:
    def version(number: str) -> Handout:
        texts = [text for i in range(20) for text in (f"# Part {i}", f"x = {number}")]
        return course(number, **{f"{i:02}_book": notebook(*texts) for i in range(13)})

    prepare(tmp_path, version("1.0"))
    for path in tmp_path.glob("*.ipynb"):
        _typed(path)
    lines = words(prepare(tmp_path, version("1.1")), "1.1")
    assert len(lines) == 26 and all(line.startswith("    in all: 20 cells changed") for line in lines[1::2])
    assert MOST_LINES == 12


# --- no cell is ever lost ---

CELLS = ["# Start", "# Your turn", "a = 1", "b = 2", "c = 3", "...  # your code here", "print(a)"]
versions = st.lists(st.sampled_from(CELLS), min_size=1, max_size=6).map(lambda cells: notebook(*cells))
actions = st.lists(
    st.sampled_from(["type", "add", "remove", "move", "run", "copy", "rename", "delete", "damage", "swap"]),
    max_size=4,
)
records = st.sampled_from(["kept", "kept", "kept", "lost", "broken", "stale"])


def _act(action: str, path: Path, draw: random.Random, number: int) -> None:
    """One thing that a learner does to one notebook."""
    cells = read(path)["cells"]
    at = draw.randrange(len(cells)) if cells else 0
    mine = {"cell_type": "code", "metadata": {}, "outputs": [], "source": f"mine = {number}"}
    if action == "rename":
        path.rename(path.with_name(f"{draw.choice(['a', 'b'])}{number}.ipynb"))
        return
    if action == "copy":
        shutil.copy(path, path.with_name(f"{path.stem}-Copy1.ipynb"))
        return
    if action == "delete":
        path.unlink()
        return
    if action == "damage":
        path.write_bytes(path.read_bytes()[:-9] + f" mine {number}".encode())
        return
    if action == "type" and cells:
        cells[at]["source"] = f"mine = {number}"
    elif action == "add":
        cells.insert(at, mine)
    elif action == "remove" and cells:
        del cells[at]
    elif action == "move" and cells:
        cells.insert(draw.randrange(len(cells)), cells.pop(at))
    elif action == "swap":
        cells.reverse()
    elif action == "run" and cells:
        cells[at]["execution_count"] = number
    path.write_text(json.dumps(read(path) | {"cells": cells}), "utf-8")


def _is_handed_out(content: bytes, versions: Iterable[bytes]) -> bool:
    """Are these the cells of a version of the course, in order?"""
    try:
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(content)["cells"]]
    except ValueError:
        return False
    return any(
        cells == [(c["cell_type"], "".join(c["source"])) for c in json.loads(version)["cells"]]
        for version in versions
    )


@given(
    st.lists(versions, min_size=3, max_size=3),
    st.lists(actions, min_size=2, max_size=2),
    records,
    st.integers(),
)
def test_no_cell_of_a_learner_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory,
    handed: list[bytes],
    edits: list[list[str]],
    record: str,
    seed: int,
) -> None:
    folder, draw, number = tmp_path_factory.mktemp("copy"), random.Random(seed), 0
    handouts = [Handout(f"1.{i}", {BOOK: content, OTHER: handed[0]}) for i, content in enumerate(handed)]
    prepare(folder, handouts[0])
    stale = (folder / RECORD).read_bytes()
    for new, done in zip(handouts[1:], edits, strict=True):
        for action in done:
            number += 1
            paths = [p for p in sorted(folder.glob("*.ipynb")) if _readable(p)]
            if paths:
                _act(action, draw.choice(paths), draw, number)
        if record == "lost":
            (folder / RECORD).unlink()
        elif record != "kept":
            (folder / RECORD).write_bytes(stale if record == "stale" else b"{")
        before = contents(folder)
        prepare(folder, new)
        prepare(folder, new)  # and once more changes nothing
        after = contents(folder)
        for name, content in before.items():
            if name != RECORD and not _is_handed_out(content, handed):
                assert after[name] == content, f"{name} was the learner's"
            assert name in after
        seen = [h.files[BOOK] for h in handouts[: handouts.index(new)]]
        if not _is_handed_out(new.files[BOOK], seen) and not any("delete" in done for done in edits):
            found = [_is_handed_out(after[name], [new.files[BOOK]]) for name in after if name != RECORD]
            assert any(found), "the new version is nowhere"
        assert set(_mine(before)) <= set(_mine(after))


def _readable(path: Path) -> bool:
    try:
        return bool(read(path))
    except ValueError:
        return False


def _mine(contents: dict[str, bytes]) -> list[str]:
    """The learner's own cells in all files."""
    found = []
    for content in contents.values():
        try:
            cells = json.loads(content).get("cells", [])
        except ValueError:
            continue
        found += [text for cell in cells if (text := "".join(cell["source"])).startswith("mine")]
    return found


# --- what is handed out ---


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A course as it is written, in a clone, with files that its notebooks link to."""
    root = tmp_path / "clone"
    for name in ("course/solutions", "course/source", "course/exercises", "course/images", "kernels"):
        (root / name).mkdir(parents=True)
    link = (
        "# One\nThe [code](../kernels/conv2d.cl#L3), a ![picture](images/a.png), <img src='images/b.png'>, "
        "[words](glossary.md#kernel), [away](https://example.org/x.md), [not there](../kernels/none.cl), "
        "[secret](solutions/01_one.ipynb), [secret](../course/source/01_one.py)"
    )
    for name in ("01_one", "05_five", "glossary"):
        for place in ("course", "course/solutions"):
            (root / place / f"{name}.ipynb").write_bytes(notebook(link if name == "01_one" else "# Five"))
    (root / "course/source/01_one.py").write_text("the source")
    (root / "course/Untitled.ipynb").write_bytes(notebook("the author's own"))
    (root / "course/glossary.md").write_text("![c](images/c.png)")
    (root / "kernels/conv2d.cl").write_text("kernel")
    for name in "abcd":
        (root / f"course/images/{name}.png").write_bytes(name.encode())
    return root / "course"


def test_a_notebook_brings_what_it_links_to(written: Path) -> None:
    handed = handout(written)
    assert handed.files.keys() == {
        *("01_one.ipynb", "05_five.ipynb", "glossary.ipynb", "glossary.md", "library/kernels/conv2d.cl"),
        *("images/a.png", "images/b.png", "images/c.png"),
    }
    text = "".join(json.loads(handed.files["01_one.ipynb"])["cells"][0]["source"])
    assert "[code](library/kernels/conv2d.cl#L3)" in text and "(../kernels/none.cl)" in text
    assert handed.files["05_five.ipynb"] == (written / "05_five.ipynb").read_bytes()


def test_only_some_notebooks_can_be_handed_out(written: Path) -> None:
    assert handout(written, ("05",)).files.keys() == {"05_five.ipynb", "glossary.ipynb"}
    with pytest.raises(CnnkitError, match=r"There is no notebook 07; there are 01, 05\."):
        handout(written, ("05", "07"))


def test_a_broken_course_is_one_sentence(written: Path) -> None:
    (written / "05_five.ipynb").write_text("{")
    with pytest.raises(CnnkitError, match=r"course's own notebook .*05_five.ipynb cannot be used"):
        handout(written)


def test_the_course_of_this_cnnkit_can_be_handed_out_and_its_links_work(tmp_path: Path) -> None:
    handed = handout()
    assert "00_start_here.ipynb" in handed.notebooks
    prepare(tmp_path, handed)
    assert not any("solutions" in path.parts for path in tmp_path.rglob("*"))
    for name in handed.notebooks:
        assert not any("](../" in text for text in texts(tmp_path / name)), f"{name} links to above the copy"
