"""The notebooks: made from their source, run from top to bottom, and fit to be read by anyone."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

COURSE = Path(__file__).resolve().parents[1] / "course"
SOURCES = sorted((COURSE / "source").glob("*.py"))
NAMES = [path.stem for path in SOURCES]
CHAPTERS = [name for name in NAMES if name[0].isdigit()]  # the glossary is none
CASES = [(name, solution) for name in NAMES for solution in (True, False)]

spec = importlib.util.spec_from_file_location("course_build", COURSE / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def path_of(name, solution):
    return COURSE / ("solutions" if solution else ".") / f"{name}.ipynb"


def read(name, solution):
    return nbformat.read(path_of(name, solution), as_version=4)


def code_cells(made):
    return [cell for cell in made.cells if cell.cell_type == "code"]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def test_every_notebook_has_a_source_and_the_other_way_round():
    assert "00_start_here" in NAMES
    for folder in (COURSE, COURSE / "solutions"):
        assert sorted(p.stem for p in folder.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize(("name", "solution"), CASES)
def test_it_is_what_its_source_makes(name, solution):
    made = build.notebook(COURSE / "source" / f"{name}.py", solution)
    assert build.up_to_date(made, path_of(name, solution)), "run 'make course' and commit what it makes"
    assert [c.id for c in made.cells] == [c.id for c in read(name, solution).cells]


@pytest.mark.parametrize(("name", "solution"), CASES)
def test_it_was_run_from_top_to_bottom_without_an_error(name, solution):
    """nbval passes over cells that were never run: here they would show."""
    cells = code_cells(read(name, solution))
    left_empty = set() if solution else build.LEFT_EMPTY
    expected = [None if left_empty & tags(cell) else i for i, cell in enumerate(cells, 1)]
    assert [cell.execution_count for cell in cells] == expected
    for cell in cells:
        assert not any(output.output_type == "error" for output in cell.outputs)
        if left_empty & tags(cell):
            assert cell.outputs == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_learners_version_gives_no_solution_away(name):
    cells = zip(code_cells(read(name, True)), code_cells(read(name, False)), strict=True)
    exercises = [(solved, stub) for solved, stub in cells if "exercise" in tags(stub)]
    assert exercises, "every notebook asks the learner to do something"
    for solved, stub in exercises:
        assert solved.source != stub.source
        assert build.BEGIN not in stub.source + solved.source
        assert any(sign in stub.source for sign in ("...", " = None", "change this line", build.KERNEL_STUB))


@pytest.mark.parametrize(("name", "solution"), CASES)
def test_outputs_hold_nothing_of_the_machine_and_no_warning(name, solution):
    for cell in code_cells(read(name, solution)):
        for output in cell.outputs:
            text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
            assert not re.search(r"(?:/home/|/root/|/tmp/|/Users/|C:\\)", text), text
            assert "Still running" not in text, "how long it took"
            assert "Warning" not in text and output.get("name") != "stderr", text
            if "nbval-ignore-output" not in tags(cell):
                assert not re.search(r"pthread|llvmpipe|GeForce|images/s", text), "a device or a speed"


@pytest.mark.parametrize(("name", "solution"), CASES)
def test_every_picture_has_a_description(name, solution):
    for cell in code_cells(read(name, solution)):
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                words = data["text/plain"]
                assert len(words) > 30 and not words.startswith("<"), words
                assert output.metadata["image/png"]["alt"] == words
            assert "application/vnd.jupyter.widget-view+json" not in data


def prose(name):
    return "\n".join(cell.source for cell in read(name, False).cells if cell.cell_type == "markdown")


def anchors(name):
    """What a link can point at in a notebook: its headings, as JupyterLab names them."""
    return {found.replace(" ", "-") for found in re.findall(r"^#+ (.+?) *$", prose(name), re.MULTILINE)}


@pytest.mark.parametrize("name", CHAPTERS)
def test_it_has_the_parts_of_a_chapter(name):
    text = prose(name)
    parts = (
        "the question of this notebook",
        "you are here",
        "predict first",
        "your turn",
        "what you can do now",
    )
    for part in parts:
        assert part in text.lower(), part


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_somewhere(name):
    for target, anchor in re.findall(r"\]\((\w+)\.ipynb(?:#([^)\s]+))?\)", prose(name)):
        assert target in NAMES, f"a link to {target}.ipynb, which is not there"
        assert not anchor or anchor in anchors(target), f"{target}.ipynb has no heading for #{anchor}"


def test_the_glossary_is_in_order_and_names_where_a_word_is_first_used():
    entries = re.findall(r"^## (.+)\n\n((?:.+\n)+)", prose("glossary") + "\n", re.MULTILINE)
    words = [word for word, _ in entries]
    assert len(words) > 50 and words == sorted(words, key=str.lower)
    for word, meaning in entries:
        assert re.search(r"\(\d\d\)$", meaning.strip()), f"{word}: in which notebook is it first used?"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_enough_to_keep(name):
    assert path_of(name, True).stat().st_size < 1_500_000


def test_a_notebook_that_prints_code_of_ours_is_out_of_date_when_the_code_has_changed(tmp_path):
    name = "06_loss_and_backprop"
    ran, path = read(name, True), tmp_path / "06.ipynb"
    made = build.notebook(COURSE / "source" / f"{name}.py", True)
    shown = next(cell for cell in code_cells(ran) if "getsource(Linear.backward)" in cell.source)
    shown.outputs[0].text = shown.outputs[0].text.replace("dy", "gradient")
    nbformat.write(ran, path)
    assert not build.up_to_date(made, path) and not build.outputs_kept(made, path)


def test_stubs():
    cell = "def f(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n\nprint(f)"
    assert build.stubbed(cell) == "def f(x):\n    ...  # your code here\n\nprint(f)"
    assert build.solved(cell) == "def f(x):\n    return 2 * x\n\nprint(f)"
    own = "### BEGIN SOLUTION\n### STUB x = None\nx = 3\n### END SOLUTION"
    assert build.stubbed(own) == "x = None"
    assert build.solved(own) == "x = 3"


def test_a_kernels_cell_is_a_comment_in_the_source_and_code_in_the_notebook():
    source = "%%kernel f\n# __kernel void f(__global float *y) {\n#     ### BEGIN SOLUTION\n"
    source += "#     y[0] = 1;\n#     ### END SOLUTION\n#\n# }"
    made = build.uncommented(source)
    lines = build.solved(made).splitlines()
    assert lines[1:] == [
        "__kernel void f(__global float *y) {",
        "    y[0] = 1;",
        "",
        "}",
    ]
    assert "    // your code here" in build.stubbed(made).splitlines()
    assert build.uncommented("# a comment\nx = 1") == "# a comment\nx = 1"


def test_a_link_to_a_notebook_that_is_still_to_come_is_words():
    text = "see [01 One filter](01_one_filter.ipynb) → [99 Later](99_later.ipynb), [a](glossary.ipynb#a)"
    made = "see [01 One filter](01_one_filter.ipynb) → 99 Later, [a](glossary.ipynb#a)"
    assert build.linked(text) == made


def test_prose_alone_changes_without_a_run(tmp_path):
    source = tmp_path / "a.py"
    source.write_text("# %% [markdown]\n# one\n\n# %%\n1 + 1\n")
    ran = build.notebook(source, False)
    ran.cells[1].execution_count = 7
    build.nbformat.write(ran, tmp_path / "a.ipynb")
    source.write_text("# %% [markdown]\n# two\n\n# %%\n1 + 1\n")
    made = build.notebook(source, False)
    assert build.outputs_kept(made, tmp_path / "a.ipynb") and made.cells[1].execution_count == 7
    source.write_text("# %% [markdown]\n# two\n\n# %%\n1 + 2\n")
    assert not build.outputs_kept(build.notebook(source, False), tmp_path / "a.ipynb")


@pytest.mark.parametrize("broken", [build.BEGIN, build.END, f"{build.BEGIN}\n{build.BEGIN}\n{build.END}"])
def test_a_solution_that_is_not_closed_is_refused(broken):
    with pytest.raises(ValueError, match="SOLUTION"):
        build.stubbed(broken)


def test_a_changed_source_is_noticed(tmp_path):
    source = tmp_path / "00_start_here.py"
    source.write_text((COURSE / "source" / "00_start_here.py").read_text() + "\n# One more sentence.\n")
    assert not build.up_to_date(build.notebook(source, True), path_of("00_start_here", True))
