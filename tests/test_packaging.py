"""What is shipped is whole: wheel and sdist carry the kernels, and an installed cnnkit works anywhere.

Nothing is downloaded: the build uses the setuptools that is installed, and new environments borrow this
one's libraries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]
_LEFT_OUT = (
    ".venv",
    ".git",
    ".*_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    "node_modules",
)

# Run in a process of its own; prints where cnnkit came from.
CONVOLVE = """
import numpy as np
import cnnkit
x = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
w = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
y = cnnkit.conv2d(x, w).get()
assert y.ravel().tolist() == [19, 25, 37, 43], y
assert "__kernel" in cnnkit.kernel.source("conv2d")
print(cnnkit.__file__)
"""


def _copy_of_the_project(folder: Path) -> Path:
    """A copy to build in: nothing appears in the working tree, or is taken from an old build there."""
    copy = folder / "project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return copy


def _build(project: Path) -> tuple[Path, Path]:
    """(wheel, sdist): the wheel is made from the sdist, as an installer would."""
    pytest.importorskip("build", reason="the tool 'build' is not installed")
    out = project.parent / f"{project.name}-dist"
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(project)], project)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def _run(command: list[str], folder: Path) -> str:
    """What `command` prints, run in `folder` without this process's own import path."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip()


def _names_in(archive: Path) -> set[str]:
    """The names of the files in a wheel or in an sdist (there without the folder that holds everything)."""
    if archive.suffix == ".whl":
        return set(zipfile.ZipFile(archive).namelist())
    with tarfile.open(archive) as tar:
        return {PurePosixPath(*PurePosixPath(m.name).parts[1:]).as_posix() for m in tar if m.isfile()}


def _sources(*patterns: str) -> set[str]:
    found = (path.relative_to(ROOT) for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())
    return {path.as_posix() for path in found if ".ipynb_checkpoints" not in path.parts}


def _missing_from_wheel(names: set[str]) -> set[str]:
    """The library's files that a wheel with these files lacks; the kernels travel as a subpackage."""
    library = _sources("cnnkit/**/*.py", "cnnkit/**/*.js", "cnnkit/**/*.css", "cnnkit/jupyter/**/*.json")
    kernels = {f"cnnkit/{name}" for name in _sources("kernels/*.cl", "kernels/*.h", "kernels/*.py")}
    return (library | kernels) - names


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return _build(_copy_of_the_project(tmp_path_factory.mktemp("build")))


def test_there_are_kernels_to_ship() -> None:
    assert "kernels/conv2d.cl" in _sources("kernels/*.cl")


def test_the_wheel_holds_the_library_and_the_kernels(built: tuple[Path, Path]) -> None:
    assert _missing_from_wheel(_names_in(built[0])) == set()


def test_the_wheel_holds_nothing_else(built: tuple[Path, Path]) -> None:
    others = {name for name in _names_in(built[0]) if not name.startswith(("cnnkit/", "cnnkit-"))}
    assert others == set()


def test_the_sdist_holds_the_project(built: tuple[Path, Path]) -> None:
    wanted = _sources(
        *("cnnkit/**/*.py", "kernels/*.*", "tests/**/*.py", "course/**/*.ipynb", "course/**/*.py"),
        *("*.toml", "*.yml", "*.txt", "*.md", "LICENSE", "Makefile", "postBuild", ".ci/run"),
    )
    assert wanted - _names_in(built[1]) == set()


def test_a_wheel_without_kernels_would_be_noticed(tmp_path: Path) -> None:
    project = _copy_of_the_project(tmp_path)
    settings = project / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    assert '"cnnkit.kernels" = ["*.cl", "*.h"]' in text
    settings.write_text(
        text.replace('"cnnkit.kernels" = ["*.cl", "*.h"]', '"cnnkit.kernels" = []'), encoding="utf-8"
    )
    (project / "MANIFEST.in").unlink()
    wheel, _ = _build(project)
    assert "cnnkit/kernels/conv2d.cl" in _missing_from_wheel(_names_in(wheel))


def _new_environment(folder: Path) -> Path:
    """The Python of a new environment that sees this one's libraries, but not its editable cnnkit."""
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    own = Path(_run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder))
    # A line of a .pth file extends the path and does not run the .pth files there, of which one is cnnkit's.
    borrowed = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (own / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    return python


def _is_installed(python: Path, folder: Path) -> bool:
    words = _run(
        [str(python), "-c", "import importlib.util as u; print(u.find_spec('cnnkit') is not None)"], folder
    )
    return words == "True"


def test_the_installed_wheel_convolves_from_another_folder(built: tuple[Path, Path], tmp_path: Path) -> None:
    python, elsewhere = _new_environment(tmp_path / "environment"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert not _is_installed(python, elsewhere), "the new environment must not see this one's cnnkit"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    _run([*pip, str(built[0])], elsewhere)
    origin = Path(_run([str(python), "-c", CONVOLVE], elsewhere))
    assert origin.is_relative_to(tmp_path / "environment")
    assert "OpenCL" in _run([str(python), "-m", "cnnkit", "--help"], elsewhere)


def test_the_repository_works_with_nothing_installed(tmp_path: Path) -> None:
    python = _new_environment(tmp_path / "environment")
    assert not _is_installed(python, tmp_path)
    # "-c" puts the current folder first on the path: ./cnnkit is found, and there is no cnnkit.kernels.
    origin = Path(_run([str(python), "-c", CONVOLVE], ROOT))
    assert origin == ROOT / "cnnkit" / "__init__.py"


def test_without_its_kernels_the_library_fails_there(tmp_path: Path) -> None:
    """The fallback to ../kernels is what makes the test above pass."""
    python = _new_environment(tmp_path / "environment")
    shutil.copytree(
        ROOT / "cnnkit", tmp_path / "alone" / "cnnkit", ignore=shutil.ignore_patterns("__pycache__")
    )
    with pytest.raises(AssertionError, match="conv2d"):
        _run([str(python), "-c", CONVOLVE], tmp_path / "alone")


def test_python_started_in_the_folder_that_holds_the_clone_finds_the_package(tmp_path: Path) -> None:
    """A folder called cnnkit there hides an editable install, unless the clone is on the path itself."""
    if not Path(sysconfig.get_path("purelib"), "cnnkit_clone.pth").exists():
        pytest.skip("an environment that make did not set up")
    (tmp_path / "cnnkit").mkdir()
    assert Path(_run([sys.executable, "-c", CONVOLVE], tmp_path)) == ROOT / "cnnkit" / "__init__.py"
