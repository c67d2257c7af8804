"""A compile cache that is broken, foreign, read-only, full, gone, or another's; and builds that end Python.

Each case is a Python of its own, for a cache is looked at once in a process and PoCL ends it at some faults.
tests/test_kernel.py has the files cut in two and the logic of the second build, tests/test_device.py a named
folder that cannot be written, tests/exercises/test_sandbox*.py what learners' kernels do to their process.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnnkit
from cnnkit.compile_cache import _is_whole_bitcode, forget_broken_builds

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or cnnkit.current_device().platform != "Portable Computing Language",
    reason="these are PoCL's files, and Linux's limits",
)
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NOBODY = 65534

RUN = """
import os, resource, signal, sys, time
sys.dont_write_bytecode = True
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def fill_the_disk(size=0):
    "No file can grow beyond `size`: writing fails with EFBIG as it would with ENOSPC or EDQUOT."
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def make_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
{before}
try:
    import cnnkit
    from cnnkit import device, kernel
    def right():
        assert cnnkit.relu([-1, 2]).get().tolist() == [0, 2]
        print("right", os.environ["POCL_CACHE_DIR"])
    {code}
except cnnkit.CnnkitError as error:
    print(type(error).__name__, error)
"""


def python(cache, code="right()", before="", user=None):
    """What a fresh Python prints whose caches are all in the folder `cache`; it must not be ended."""
    environment = {k: v for k, v in os.environ.items() if k not in ("POCL_CACHE_DIR", "PYOPENCL_NO_CACHE")}
    environment |= {"XDG_CACHE_HOME": str(cache), "TMPDIR": str(cache.parent)}
    command = [sys.executable, "-c", RUN.format(code=code, before=before)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, user=user)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A cache as a session leaves it."""
    cache = tmp_path_factory.mktemp("used") / "cache"
    assert python(cache).startswith("right")
    return cache


@pytest.fixture
def cache(used, tmp_path):
    return Path(shutil.copytree(used, tmp_path / "cache"))


def files(cache, pattern="*"):
    found = [path for path in (cache / "cnnkit" / "pocl").rglob(pattern) if path.is_file()]
    assert found
    return found


DAMAGE = {
    "random": lambda rng, content: rng.randbytes(len(content) + 7),
    "empty": lambda rng, content: b"",
    "cut": lambda rng, content: content[: rng.randrange(len(content)) if content else 0],
    "cut by a byte": lambda rng, content: content[:-1],
    "a page": lambda rng, content: b"<!DOCTYPE html><title>404</title>" * 100,
    "zeros at the end": lambda rng, content: content[: len(content) // 2],
}


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        pytest.param(
            pattern, damage, marks=[pytest.mark.slow] if (pattern, damage) != ("*.so", "random") else []
        )
        for pattern in ("*", "*.so", "*.bc")
        for damage in ("random", "empty", "cut")
    ],
)
def test_a_damaged_cache_is_made_anew(cache, pattern, damage):
    """Programs alone are the hard case: PoCL loads them unseen and ended Python, in every session again."""
    rng = random.Random(f"{pattern} {damage}")
    for path in files(cache, pattern):
        path.write_bytes(DAMAGE[damage](rng, path.read_bytes()))
    assert python(cache).startswith("right")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(15))
def test_a_cache_damaged_at_random_is_made_anew(cache, seed):
    rng = random.Random(seed)
    for path in files(cache):
        if rng.random() < 0.5:
            path.write_bytes(DAMAGE[rng.choice(list(DAMAGE))](rng, path.read_bytes()))
    assert python(cache).startswith("right")


def test_every_cut_of_a_program_is_noticed(cache):
    path = files(cache, "*.so")[0]
    whole, folder = path.read_bytes(), cache / "cnnkit" / "pocl"
    forget_broken_builds(folder)
    assert path.exists()
    for length in (0, 3, 40, 63, 64, 65, len(whole) // 2, len(whole) - 1):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(whole[:length])
        forget_broken_builds(folder)
        assert not path.parent.exists() and path.parents[2].exists(), length


@pytest.mark.slow
def test_a_foreign_cache_is_left_alone_or_replaced(cache):
    """Another PoCL's folders and files: directories where we have files, links to nowhere, other names."""
    pocl = cache / "cnnkit" / "pocl"
    for path in files(cache, "*.so"):
        path.unlink()
        path.mkdir()
    for number, path in enumerate(files(cache, "*.bc")):
        path.unlink()
        path.mkdir() if number % 2 else path.symlink_to(cache / "nowhere")
    (pocl / "tempfile_old.bc").write_bytes(b"BC")
    (pocl / "VERSION").write_text("7.1\n")
    (pocl / "AB" / "C").mkdir(parents=True)
    (pocl / "AB" / "C" / "program.bc").write_bytes(b"another PoCL's")
    assert python(cache).startswith("right")


def others_may_run():
    """May another user run this Python, and import from where it does?"""
    try:
        done = subprocess.run([sys.executable, "-c", "import cnnkit"], user=NOBODY, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("what", ["a file", "a file within", "read-only"])
def test_a_cache_that_cannot_be_written_is_replaced(tmp_path, what):
    cache, user = tmp_path / "cache", None
    if what == "a file":
        cache.write_text("in the way")
    elif what == "a file within":
        cache.mkdir()
        (cache / "cnnkit").write_text("in the way")
    else:
        cache.mkdir()
        cache.chmod(0o555)
        tmp_path.chmod(0o777)
        user = NOBODY if ROOT else None
        if ROOT and not others_may_run():
            pytest.skip("root may write anywhere, and another user cannot run this Python")
    out = python(cache, user=user)
    assert out.startswith("right") and "cnnkit-pocl-" in out


def test_a_full_disk_is_one_sentence_and_the_same_python_goes_on_with_room(cache):
    """PoCL's compiler ends Python on a full disk: so it is not called there."""
    code = """
    right()
    fill_the_disk(4096)
    device.current_device().room_until = 0
    for call in (lambda: cnnkit.softmax([[1, 2]]), lambda: cnnkit.relu([-1, 2])):
        try:
            print("computed", call().get().tolist())
        except cnnkit.DeviceError as error:
            print(error)
    make_room()
    print(cnnkit.softmax([[1, 1]]).get().tolist())
    right()
"""
    lines = python(cache, code).splitlines()
    assert lines[1].startswith("There is no room for compiled kernels in ")
    assert "PoCL needs 8 MiB there" in lines[1] and "POCL_CACHE_DIR" in lines[1]
    assert lines[2] == "computed [0.0, 2.0]"  # what is compiled already computes on
    assert lines[3] == "[[0.5, 0.5]]" and lines[4].startswith("right")


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 4096, 1 << 20])
def test_a_disk_that_is_full_from_the_start_is_one_sentence(tmp_path, size):
    out = python(tmp_path / "cache", before=f"fill_the_disk({size})")
    assert out.startswith("DeviceError") and len(out.splitlines()) == 1
    assert "can be written" in out or "no room for compiled kernels" in out
    assert python(tmp_path / "cache").startswith("right")


@pytest.mark.slow
def test_a_cache_that_is_removed_while_it_is_used_is_made_again(cache):
    code = """
    import shutil
    right()
    for name in ("softmax", "relu"):
        shutil.rmtree(os.environ["POCL_CACHE_DIR"])
        device.current_device().room_until = 0
        print(getattr(cnnkit, name)([[3, 3]]).get().tolist())
    right()
"""
    lines = python(cache, code).splitlines()
    assert lines[1:3] == ["[[0.5, 0.5]]", "[[3.0, 3.0]]"] and lines[3].startswith("right")


def others(cache):
    """What is in it that is not cnnkit's."""
    return sorted(path for path in cache.rglob("*") if path.relative_to(cache).parts[0] != "cnnkit")


@pytest.mark.parametrize(
    "earlier", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["", "pyopencl imported earlier"]
)
def test_pyopencls_own_caches_are_neither_read_nor_written(tmp_path, earlier):
    """They are pickles, and a damaged or locked one made the self-test fail or every build wait a minute."""
    cache = tmp_path / "cache"
    for name in ("pytools", "pyopencl"):
        folder = cache / name
        folder.mkdir(parents=True)
        folder.chmod(0o555)
        (folder / "lock").write_text("")
    version = ".".join(map(str, sys.version_info))
    for identifier in ("pyopencl-invoker-cache-v42-nano", "pyopencl-invoker-cache-v43-nano"):
        path = cache / "pytools" / f"pdict-v5-{identifier}-{version}.sqlite"
        path.write_bytes(random.Random(0).randbytes(5000))
    before = others(cache)
    assert python(cache, before="import pyopencl" if earlier else "").startswith("right")
    assert others(cache) == before


@pytest.mark.slow
def test_nothing_is_pickled_for_a_device_without_a_cache_of_its_own(tmp_path):
    """As rusticl's or AMD's: pyopencl would keep their programs in its own, and read them with pickle."""
    before = """
import pickle, pyopencl.characterize
pyopencl.characterize.has_src_build_cache = lambda device: False
def refuse(*arguments, **options):
    raise SystemExit("unpickled")
pickle.load = pickle.loads = refuse
"""
    cache = tmp_path / "cache"
    assert python(cache, before=before).startswith("right")
    assert [path.name for path in cache.iterdir()] == ["cnnkit"]


BUILD_ABORTS = """
import os, resource, runpy, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from cnnkit import kernel
def aborts(*arguments):
    print("LLVM ERROR: Cannot select: intrinsic", file=sys.stderr, flush=True)
    os.abort()
kernel._build = aborts
sys.argv = ["cnnkit.checkup", *sys.argv[1:]]
runpy.run_module("cnnkit.checkup", run_name="__main__")
"""


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(["devices"], marks=pytest.mark.slow), ["lab", "--no-browser", "copy"]],
    ids=["devices", "lab"],
)
def test_a_compiler_that_aborts_is_one_sentence_before_a_notebook_is_open(tmp_path, arguments):
    """The self-test of `cnnkit devices` and `cnnkit lab` compiles in a child."""
    code = f"""
import sys
from cnnkit import checkup, cli, lab
checkup._command = lambda question: [sys.executable, "-c", {BUILD_ABORTS!r}, *question.split()]
lab._run = lambda command: print("JUPYTER")
sys.exit(cli.main({arguments!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1 and "JUPYTER" not in done.stdout
    said = " ".join((done.stdout + done.stderr).split())
    assert "cnnkit: A driver crashes: the self-test of the chosen device ended Python with the signal" in said
    assert "SIGABRT; choose another device with CNNKIT_DEVICE, or update or remove that driver." in said
    assert "Traceback" not in said


def test_bitcode_that_is_cut_anywhere_is_known(tmp_path):
    """PoCL 3.1 ends Python when it reads such a file; PoCL 3.0 compiles again."""
    blocks = [(13, b"name"), (8, bytes(range(40))), (23, b"")]
    whole = b"BC\xc0\xde" + b"".join(
        kind.to_bytes(4, "little") + (len(words) // 4).to_bytes(4, "little") + words for kind, words in blocks
    )
    ends = {4 + 8 + 4, 4 + 8 + 4 + 8 + 40, len(whole)}  # after a block, it is whole as far as it goes
    file = tmp_path / "program.bc"
    for length in range(len(whole) + 1):
        file.write_bytes(whole[:length])
        assert _is_whole_bitcode(file) == (length in ends), length
    file.write_bytes(whole + b"!")
    assert not _is_whole_bitcode(file) and not _is_whole_bitcode(tmp_path / "none")
