"""Finding and reading submissions: every file gives cells or a sentence, and the right course notebook."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "hostile"))

from grading_course import GUESS, SLIDE, STATE, cell, first, make_course, notebook, second, write

from cnnkit.errors import CnnkitError
from cnnkit.exercises.grading import course as courses
from cnnkit.exercises.grading.notebook_file import MOST_BYTES, Unreadable, read
from cnnkit.exercises.grading.submissions import find

NAMES = ["01_tiny", "02_kernel"]


def _read(tmp_path: Path, content):
    return read(write(tmp_path / "x.ipynb", content))


def _refused(tmp_path: Path, content) -> str:
    with pytest.raises(Unreadable) as error:
        _read(tmp_path, content)
    return str(error.value)


# --- reading --------------------------------------------------------------------------------------------


def test_cells_ids_tags_and_states_are_read(tmp_path):
    shown = {"output_type": "display_data", "data": {STATE: {"exercise": "02.2", "state": {"stride": 3}}}}
    found = _read(tmp_path, notebook([cell("a = 1", ("01.1",), "id1"), cell("b", outputs=[shown])]))
    assert [(c.source, c.id, c.tags) for c in found.cells] == [("a = 1", "id1", ("01.1",)), ("b", "", ())]
    assert found.states == (("02.2", '{"stride": 3}'),)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"no JSON at all", "not JSON"),
        (b'{"cells": [', "broken in line 1, column"),
        (json.dumps(first())[:-40].encode(), "broken in line 1"),
        (b"[1, 2]", "no notebook"),
        (b'{"name": "x"}', "has no cells"),
        (b"[" * 400_000, "nested deeper"),
        (b'{"cells": [' + b"9" * 10_000 + b"]}", "cannot be read"),
        (bytes(range(256)) * 4, "not JSON"),
    ],
)
def test_what_is_no_notebook_is_refused_with_a_reason(tmp_path, content, said):
    assert said in _refused(tmp_path, content)


def test_too_many_cells_and_too_much_code_are_refused_with_both_numbers(tmp_path):
    assert "2,001 code cells; at most 2,000" in _refused(tmp_path, notebook(["1"] * 2001))
    assert "4,000,001 letters" in _refused(tmp_path, notebook(["1" * 4_000_001]))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_encodings_that_lie_are_read(tmp_path, encoding):
    text = json.dumps(notebook(["# café\na = 1"]), ensure_ascii=False)
    found = _read(tmp_path, text.encode(encoding))
    assert found.cells[0].source.endswith("a = 1")
    assert bool(found.notes) == (encoding == "latin-1")


def test_halves_of_characters_can_be_written_afterwards(tmp_path):
    found = _read(
        tmp_path, '{"cells": [{"cell_type": "code", "source": ["a\\ud800\\u0000"], "id": "\\udc00"}]}'
    )
    (found.cells[0].source + found.cells[0].id).encode("utf-8")
    assert "\0" not in found.cells[0].source


def test_an_old_format_is_read(tmp_path):
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "b"]}]}]}
    found = _read(tmp_path, old)
    assert found.cells[0].source == "a = 1\nb" and "old format" in found.notes[0]


@pytest.mark.parametrize(
    "odd", [None, 7, "text", [], {"cell_type": "code"}, {"cell_type": "code", "source": 7}]
)
def test_odd_cells_do_no_harm(tmp_path, odd):
    content = notebook(["a = 1"])
    content["cells"] += [odd, {"cell_type": "code", "source": "b", "metadata": {"tags": "x"}, "outputs": 3}]
    assert [c.source for c in _read(tmp_path, content).cells if c.source] == ["a = 1", "b"]


def test_50_megabytes_of_outputs_are_read_apart(tmp_path):
    output = [{"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}]
    found = _read(tmp_path, notebook([cell("a = 1", outputs=output)]))
    assert found.cells[0].source == "a = 1"


def test_a_large_broken_file_is_refused_from_the_other_process(tmp_path):
    assert "broken" in _refused(tmp_path, b'{"cells": [' + b"1, " * 2_000_000)


def test_more_than_100_megabytes_are_refused_with_both_numbers(tmp_path):
    path = write(tmp_path / "x.ipynb", "")
    os.truncate(path, MOST_BYTES + (5 << 20))
    with pytest.raises(Unreadable, match="105 MiB; at most 100 MiB"):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
def test_links_and_pipes_are_not_opened(tmp_path):
    os.symlink(write(tmp_path / "real.ipynb", first()), tmp_path / "link.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name in ("link", "pipe", "missing"):
        with pytest.raises(Unreadable):
            read(tmp_path / f"{name}.ipynb")


# --- finding --------------------------------------------------------------------------------------------


def _found(folder: Path) -> dict[str, list[str]]:
    return {s.student: [f.shown for f in s.files] for s in find(folder, NAMES)}


def test_one_folder_for_each_student(tmp_path):
    for name in ("alice/01_tiny.ipynb", "alice/deeper/one/02_kernel.ipynb", "bob/x.ipynb"):
        write(tmp_path / name, first())
    write(tmp_path / "alice/.ipynb_checkpoints/01_tiny-checkpoint.ipynb", first())
    write(tmp_path / ".hidden/01_tiny.ipynb", first())
    write(tmp_path / "names.txt", "alice, bob")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "carl/answer.zip", "PK")
    assert _found(tmp_path) == {
        "alice": ["alice/01_tiny.ipynb", "alice/deeper/one/02_kernel.ipynb"],
        "bob": ["bob/x.ipynb"],
        "carl": [],
        "empty": [],
    }
    notes = {s.student: s.notes for s in find(tmp_path, NAMES)}
    assert notes["empty"] == ["the folder is empty"] and "answer.zip" in notes["carl"][0]


def test_files_side_by_side_are_students_by_their_names(tmp_path):
    for name in ("alice_01_tiny", "alice_02_kernel", "01_tiny-bob", "carl"):
        write(tmp_path / f"{name}.ipynb", first())
    write(tmp_path / "dora.zip", "PK")
    found = {s.student: s for s in find(tmp_path, NAMES)}
    assert sorted(found) == ["alice", "bob", "carl", "dora"]
    assert len(found["alice"].files) == 2
    assert "no notebook" in found["dora"].files[0].reason


def test_names_as_learning_platforms_make_them(tmp_path):
    for name in (
        "Ada Lovelace_123456_assignsubmission_file_/01_tiny.ipynb",
        "Al Gore_1_assignsubmission_file_/x.ipynb",
        "Al Gore_2_assignsubmission_file_/x.ipynb",
        "__MACOSX/Ada/._01_tiny.ipynb",
        "hopper_4711_90001_01_tiny.ipynb",
        "hopper_LATE_4711_90002_02_kernel.ipynb",
        "Lea Wolf 01.ipynb",
        "Lea Wolf 02.ipynb",
    ):
        write(tmp_path / name, first())
    found = {s.student: len(s.files) for s in find(tmp_path, NAMES)}
    assert found == {
        "Ada Lovelace": 1,
        "Al Gore_1_assignsubmission_file_": 1,
        "Al Gore_2_assignsubmission_file_": 1,
        "hopper": 2,
        "Lea Wolf": 2,
    }


def test_students_of_one_name_are_kept_apart(tmp_path):
    for name in (
        "eve_01_tiny.ipynb",
        "01_tiny_eve.ipynb",
        "eve/01_tiny.ipynb",
        "max.ipynb",
        "max_01_tiny.ipynb",
    ):
        write(tmp_path / name, first())
    found = find(tmp_path, NAMES)
    assert len(found) == 5
    assert len({s.student for s in found}) == len({s.key for s in found}) == 5


def test_one_students_own_folder(tmp_path):
    for name in NAMES:
        write(tmp_path / "zoe" / f"{name}.ipynb", first())
    assert list(_found(tmp_path / "zoe")) == ["zoe"]


def test_links_and_odd_names_get_a_row(tmp_path):
    write(tmp_path / "in" / "alice" / "01_tiny.ipynb", first())
    write(tmp_path / "secret.ipynb", first())
    os.symlink(tmp_path / "secret.ipynb", tmp_path / "in" / "mallory.ipynb")
    os.symlink(tmp_path, tmp_path / "in" / "trudy")
    os.symlink(tmp_path / "secret.ipynb", tmp_path / "in" / "alice" / "x.ipynb")
    os.mkfifo(tmp_path / "in" / "pipe.ipynb")
    (tmp_path / "in" / os.fsdecode(b"w\xffalter\n")).mkdir()
    found = {s.student: s for s in find(tmp_path / "in", NAMES)}
    assert sorted(found) == ["alice", "mallory", "pipe", "trudy", "w\ufffdalter\ufffd"]
    for name in ("mallory", "trudy"):
        assert "link" in found[name].files[0].reason
    assert [bool(f.reason) for f in found["alice"].files] == [False, True]
    assert "ordinary" in found["pipe"].files[0].reason
    json.dumps(list(found)).encode()


def test_nothing_to_grade_is_said(tmp_path):
    with pytest.raises(CnnkitError, match="no submission"):
        find(tmp_path, NAMES)
    with pytest.raises(CnnkitError, match="There is no folder"):
        find(tmp_path / "missing", NAMES)


def test_a_digest_changes_with_the_content_and_the_name(tmp_path):
    path = write(tmp_path / "alice" / "01_tiny.ipynb", first())
    digest = find(tmp_path, NAMES)[0].digest()
    assert find(tmp_path, NAMES)[0].digest() == digest
    write(path, first(SLIDE, "guess = 43"))
    changed = find(tmp_path, NAMES)[0].digest()
    path.rename(path.with_name("x.ipynb"))
    assert len({digest, changed, find(tmp_path, NAMES)[0].digest()}) == 3


# --- recognizing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content, file, name",
    [
        (first(), "02_kernel.ipynb", "01_tiny"),  # by what is in it, not by its name
        (second(), "homework final (3).ipynb", "02_kernel"),
        (notebook([SLIDE]), "x.ipynb", "01_tiny"),
        (notebook([GUESS]), "x.ipynb", "01_tiny"),
        (notebook([cell("something else entirely", ("02.1",))]), "x.ipynb", "02_kernel"),
        (notebook([]), "02_kernel.ipynb", "02_kernel"),
        (notebook(["print(1)"]), "alice-02.ipynb", "02_kernel"),
        (notebook(["print(1)"]), "poem.ipynb", None),
        (notebook([]), "2026.ipynb", None),
    ],
)
def test_a_notebook_is_recognized(tmp_path, monkeypatch, content, file, name):
    monkeypatch.setenv("CNNKIT_COURSE", str(make_course(tmp_path / "course")))
    known = courses.course_notebooks()
    found = courses.recognized(_read(tmp_path, content), file, known)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    "source, names",
    [
        ("def slide(x):\n    y = 1\n    return y", {"slide"}),
        ("%%kernel scale\n__kernel void scale() {\n    int i = 0;\n}", {"scale"}),
        ("a = b == c\nif a == 1:\n    d = 2", {"a"}),
        ("a, b = 1, 2\nc: int = 3", {"a", "b", "c"}),
        ("a" + " " * 3_000_000 + "= 1\n" + "(" * 1_000_000, set()),
        ("async def f(): pass\nclass G: pass", {"f", "G"}),
    ],
)
def test_names_are_found_in_lines(source, names):
    assert courses.bound_names(source) == names


def test_what_a_function_calls_its_arguments_is_no_name_of_another_cell():
    source = "import numpy as np\n\ndef step(w, lr=rate):\n    return np.add(w, [lr * g for g in slopes])\n"
    assert courses._names_of(source) == ({"np", "step"}, {"rate", "slopes"})
    assert courses._names_of("total = sum(\n    losses)") == ({"total"}, {"sum", "losses"})
