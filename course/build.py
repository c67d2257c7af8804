"""Make the notebooks from their one source: course/source/*.py (jupytext, py:percent).

    python course/build.py            make and run all notebooks that changed
    python course/build.py 01 05      only those whose names begin so
    python course/build.py --all      all of them, changed or not

From each source come two notebooks of the same name. `course/solutions/` has the solutions, is run here
and keeps its outputs: nbval compares them strictly. `course/` has stubs where the source has a block
between `### BEGIN SOLUTION` and `### END SOLUTION` (lines in it that begin with `### STUB ` say what the
stub is, where it is not the usual one); it is run too, to show that an unsolved notebook
runs from top to bottom, and keeps the outputs of the demonstrations alone: cells tagged `exercise`, and
those that depend on the learner's answer (tagged `answer`) or give one away (tagged `reveal`), are left
empty. Cells tagged `drawing` are
folded away: the learner can open them, and need not. A cell that begins with `%%kernel` is OpenCL C: in
the source, every line of it is a comment.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

COURSE = Path(__file__).resolve().parent
BEGIN, END, OWN_STUB = "### BEGIN SOLUTION", "### END SOLUTION", "### STUB "
STUB, KERNEL_STUB = "...  # your code here", "// your code here"
KERNEL_CELL = "%%kernel"
LEFT_EMPTY = frozenset(("exercise", "answer", "reveal"))  # in the learner's version
CELL_SECONDS = 120
# A cell with one of these prints code of ours, and is out of date when that code has changed.
PRINTS_CODE = ("inspect.getsource(", "kernel.source(")
CODE = [*(COURSE.parent / "cnnkit").rglob("*.py"), *(COURSE.parent / "kernels").glob("*.cl")]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def solved(source: str) -> str:
    """The cell with its solution; the markers are gone."""
    return "\n".join(line for line in source.split("\n") if not _is_marker(line))


def stubbed(source: str) -> str:
    """The cell with a stub in place of each solution."""
    lines: list[str] = []
    block: list[str] | None = None
    for line in source.split("\n"):
        if line.strip() == BEGIN:
            if block is not None:
                raise ValueError(f"{BEGIN} within a solution")
            block = []
        elif line.strip() == END:
            if block is None:
                raise ValueError(f"{END} without {BEGIN}")
            own = [
                text.replace(OWN_STUB, "", 1)
                for text in block
                if text.lstrip().startswith(OWN_STUB)
            ]
            indent = line[: len(line) - len(line.lstrip())]
            lines += own or [indent + (KERNEL_STUB if source.startswith(KERNEL_CELL) else STUB)]
            block = None
        else:
            (lines if block is None else block).append(line)
    if block is not None:
        raise ValueError(f"{BEGIN} without {END}")
    return "\n".join(lines)


def uncommented(source: str) -> str:
    """A kernel's cell as it is to be: jupytext takes the comment sign off the first line alone."""
    if not source.startswith(KERNEL_CELL):
        return source
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in source.split("\n"))


def linked(prose: str) -> str:
    """Text with its links to other notebooks, except to those that are still to come: these are words."""

    def link_or_words(found: re.Match[str]) -> str:
        return found[0] if (COURSE / "source" / f"{found[2]}.py").exists() else found[1]

    return re.sub(r"\[([^\]]+)\]\((\d\d_\w+)\.ipynb\)", link_or_words, prose)


def _is_marker(line: str) -> bool:
    return line.strip() in (BEGIN, END) or line.lstrip().startswith(OWN_STUB)


def notebook(path: Path, solution: bool) -> nbformat.NotebookNode:
    """The notebook of a source file, not yet run."""
    made = jupytext.read(path, fmt="py:percent")
    made.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    seen: set[str] = set()
    for cell in made.cells:
        # The id comes from the source's text: making a notebook again changes no id.
        digest = hashlib.sha256(cell.source.encode()).hexdigest()
        cell.id = next(digest[:n] for n in range(8, 64) if digest[:n] not in seen)
        seen.add(cell.id)
        if cell.cell_type == "code":
            cell.source = uncommented(cell.source)
            cell.source = solved(cell.source) if solution else stubbed(cell.source)
        else:
            cell.source = linked(cell.source)
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if "drawing" in tags:
            # JupyterLab folds it away: it is not what the learner came to read.
            cell.metadata["jupyter"] = {"source_hidden": True}
    made.nbformat, made.nbformat_minor = 4, 5
    return made


def run(made: nbformat.NotebookNode) -> None:
    """Run all cells; outputs stay, without what changes from run to run."""
    NotebookClient(
        made,
        timeout=CELL_SECONDS,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(COURSE)}},
    ).execute()
    made.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_progress(output)]
            # A saved widget points at a kernel that is gone; its still picture stays.
            for output in cell.outputs:
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
                describe(output)


def describe(output: nbformat.NotebookNode) -> None:
    """A picture's sentence is its alternative text, where a page is made of the notebook."""
    data = output.get("data", {})
    if "image/png" in data:
        output.metadata.setdefault("image/png", {})["alt"] = data["text/plain"]


def is_progress(output: nbformat.NotebookNode) -> bool:
    """Progress bars are news while they run and noise afterwards."""
    if output.output_type == "stream":
        return any(sign in output.text for sign in ("it/s", "step/s", "Compiling cnnkit"))
    plain = output.get("data", {}).get("text/plain", "")
    return "step/s" in plain or "| 0/" in plain


def learners(made: nbformat.NotebookNode) -> None:
    """Empty the outputs that are the learner's to produce."""
    for cell in made.cells:
        if LEFT_EMPTY & set(cell.metadata.get("tags", [])):
            cell.outputs, cell.execution_count = [], None


def text_of(made: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    """What must be the same for a notebook to be up to date: types, sources, tags."""
    return [(c.cell_type, c.source, list(c.metadata.get("tags", []))) for c in made.cells]


def shows_code_as_it_is(ran: nbformat.NotebookNode) -> bool:
    """Does every line of our code that this notebook printed still stand in the code?"""
    lines = {line.strip() for path in CODE for line in path.read_text(encoding="utf-8").splitlines()}
    return all(
        line.strip() in lines
        for cell in ran.cells
        if any(sign in cell.source for sign in PRINTS_CODE)
        for output in cell.get("outputs", [])
        for line in output.get("text", "").splitlines()
    )


def up_to_date(made: nbformat.NotebookNode, path: Path) -> bool:
    """Is the notebook at `path` the one that would be made?"""
    if not path.exists():
        return False
    before = nbformat.read(path, as_version=4)
    return text_of(before) == text_of(made) and shows_code_as_it_is(before)


def outputs_kept(made: nbformat.NotebookNode, path: Path) -> bool:
    """Take the outputs of the notebook at `path` where nothing but prose has changed since it was run."""
    if not path.exists():
        return False
    before = nbformat.read(path, as_version=4)
    if not shows_code_as_it_is(before):
        return False
    pairs = [[c for c in book.cells if c.cell_type == "code"] for book in (made, before)]
    texts = [[(c.source, list(c.metadata.get("tags", []))) for c in cells] for cells in pairs]
    if texts[0] != texts[1]:
        return False
    for cell, ran in zip(*pairs, strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the course's notebooks from course/source.")
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 01")
    parser.add_argument("--all", action="store_true", help="also those that are up to date")
    options = parser.parse_args()
    os.environ |= {"CNNKIT_PROGRESS": "", "CNNKIT_UNATTENDED": "1"}  # these are not a learner's checks
    for source in sorted((COURSE / "source").glob("*.py")):
        if options.names and not source.name.startswith(tuple(options.names)):
            continue
        for solution in (True, False):
            path = COURSE / ("solutions" if solution else ".") / f"{source.stem}.ipynb"
            made = notebook(source, solution)
            if not options.all and up_to_date(made, path):
                continue
            name = path.relative_to(COURSE.parent)
            if not options.all and outputs_kept(made, path):
                print(f"{name}: prose alone has changed, the outputs stay", flush=True)
            else:
                print(f"running {name}", flush=True)
                run(made)
            if not solution:
                learners(made)
            path.parent.mkdir(exist_ok=True)
            nbformat.validate(made)
            nbformat.write(made, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
