"""Nothing that is read from a file can run: no pickle, no eval, no archive unpacked, in any of our own code.

The sources are read as Python reads them. What is really tried on files that lie is elsewhere: archives in
tests/data/test_data_cifar10.py, names in tests/test_workbook.py and tests/exercises/test_grading_files.py,
JupyterLab's address and token in tests/test_cli.py, the caches that pyopencl pickles in
tests/faults/test_cache_and_build.py.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {
    "torch.load": "it unpickles",
    "pd.read_pickle": "it unpickles",
    "yaml.load": "it makes objects: yaml.safe_load",
    "yaml.full_load": "it makes objects: yaml.safe_load",
    "yaml.unsafe_load": "it makes objects: yaml.safe_load",
    "shutil.unpack_archive": "it writes where names in the archive say",
    "tempfile.mktemp": "another may take the name first",
    "os.system": "a shell reads it",
    "os.popen": "a shell reads it",
}
METHODS = {"extractall": "it writes where names in the archive say", "unpack_archive": "as extractall"}
BUILT_IN = {"eval", "exec"}


def complaints(text: str, name: str = "a file") -> Iterator[str]:
    """What must not be in the Python source `text`, line by line."""
    for node in ast.walk(ast.parse(text)):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            yield from (f"{where}: imports {a.name}" for a in node.names if a.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"{where}: imports {node.module}"
        elif isinstance(node, ast.Call):
            yield from (f"{where}: {said}" for said in _of_a_call(node, name))


def _of_a_call(node: ast.Call, name: str) -> Iterator[str]:
    called = ast.unparse(node.func)
    a_test = name.startswith("tests/")  # which may run the course's own code, and unpack what it has packed
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    if called in CALLS:
        yield f"{called}: {CALLS[called]}"
    if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS and not a_test:
        yield f"{called}: {METHODS[node.func.attr]}"
    if called in ("np.load", "numpy.load") and not _is(keywords.get("allow_pickle"), False):
        yield f"{called} without allow_pickle=False"
    if _is(keywords.get("allow_pickle"), True):
        yield f"{called} with allow_pickle=True"
    if _is(keywords.get("shell"), True):
        yield f"{called} with a shell"
    if called in BUILT_IN and not a_test:
        yield f"{called} runs what it is given"


def _is(node: ast.AST | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _sources() -> Iterator[tuple[str, str]]:
    for folder in ("cnnkit", "course", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "course").rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            yield path.relative_to(ROOT).as_posix(), _code_of(path)


def _code_of(notebook: Path) -> str:
    """A notebook's Python, without the cells that are OpenCL and the lines that are Jupyter's."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = [line for code in codes if not code.startswith("%%") for line in code.splitlines()]
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def test_nothing_of_ours_unpickles_or_runs_what_is_in_a_file() -> None:
    sources = list(_sources())
    assert len(sources) > 200
    assert [said for name, text in sources for said in complaints(text, name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.numpy_pickle",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "numpy.load(path, None)",
        "torch.load(path)",
        "yaml.load(text)",
        "archive.extractall(folder)",
        "shutil.unpack_archive(path)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
        "eval(text)",
        "def f():\n    exec(open(path).read())",
        "np.save(path, x, allow_pickle=True)",
    ],
)
def test_what_must_not_be_is_noticed(text: str) -> None:
    assert list(complaints(text))


@pytest.mark.parametrize(
    "text",
    ["np.load(path, allow_pickle=False)", "yaml.safe_load(text)", "ast.literal_eval(text)", "x.load()"],
)
def test_what_may_be_passes(text: str) -> None:
    assert list(complaints(text)) == []
