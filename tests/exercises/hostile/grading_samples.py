# ruff: noqa: E501 - one sample, one line
"""Submissions that try everything, and the points that each must get. EACH IS BOUNDED IN ITSELF: a guard that
fails costs seconds and a few hundred megabytes, not the machine. Nothing in here kills, fills or overwrites
without an end, and what is written outside carries the name MARK, so that a test finds it and removes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grading_course import (
    CHECK,
    GUESS,
    GUESS_STUB,
    IMPORTS,
    SCALE_HEAD,
    SLIDE,
    SLIDE_STUB,
    cell,
    first,
    notebook,
    second,
)

MARK = "cnnkit_grading_was_here"
FOLDER = "@the folder of the test@"
PLANTED = "PLANTED-EXPECTED-VALUE"
WRONG = "def slide(x, w):\n    return x"
WRONG_GUESS = "guess = 7"


@dataclass(frozen=True)
class Sample:
    """points: what it must get. said: words that the report must have about it (one of several: a | b).

    core: also where time is short.
    """

    name: str
    content: Any
    points: int
    said: str = ""
    core: bool = False


def _lines(*lines: str) -> str:
    return "\n".join(lines)


# --- the 14 that nbgrader and otter were measured with --------------------------------------------------

ALWAYS_EQUAL = """import numpy as np
class Yes:
    shape, ndim, size, dtype = (2, 2), 2, 4, np.dtype(float)
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 42
    def __abs__(self): return 0.0
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __mul__ = __sub__
    def __le__(self, other): return True
    __lt__ = __ge__ = __gt__ = __le__
    def __bool__(self): return True
    def all(self): return True
    def __float__(self): return 42.0
    def __getattr__(self, name): return self
    def __call__(self, *rest): return self
"""
PATCHED_RUN = """import builtins, sys, IPython
from IPython.core.interactiveshell import InteractiveShell
class Passed:
    status, points, of, passed, mistake, reason, groups = "passed", 5, 5, True, "", "", ()
    success, error_before_exec, error_in_exec, result = True, None, None, None
InteractiveShell.run_cell = lambda self, *a, **k: Passed()
get_ipython().run_cell = lambda *a, **k: Passed()
import cnnkit.exercises.judge as judge, cnnkit.exercises.compare as compare, cnnkit.exercises.run as run
judge.judge = lambda *a, **k: Passed()
compare.difference = judge.difference = judge.fault_of = judge._fault = lambda *a, **k: None
from cnnkit.exercises.outcome import Outcome
run.run_function = lambda *a, **k: Passed()
builtins.AssertionError = Warning
builtins.all = builtins.any = lambda *a: True
"""
BLOCKS_SIGINT = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(20)"
FLOOD = "import time\nend = time.time() + 1.5\nwhile time.time() < end:\n    print('flood ' * 2000)"

TABLE = [
    Sample("good", first(), 5, core=True),
    Sample("partial", first(SLIDE_STUB), 2, "not attempted", core=True),
    Sample("empty", first(SLIDE_STUB, GUESS_STUB), 0, "not attempted", core=True),
    Sample("endless_loop_in_the_function", first("def slide(x, w):\n    while True: pass"), 2, "did not end", core=True),
    Sample("endless_loop_after_a_right_answer", first(SLIDE, GUESS, "while True: pass"), 5, "was interrupted", core=True),
    Sample("segfault", first("def slide(x, w):\n    import ctypes; ctypes.string_at(0)"), 2, "segmentation fault", core=True),
    Sample("os_exit", first("def slide(x, w):\n    import os; os._exit(0)"), 2, "exit status 0"),
    Sample("sleep_that_blocks_sigint", first(SLIDE, GUESS, BLOCKS_SIGINT), 5, "did not heed", core=True),
    Sample("print_flood", first(SLIDE, GUESS, FLOOD), 5),
    Sample("always_equal", first(ALWAYS_EQUAL + "slide = Yes()", "guess = Yes()"), 0, "must be", core=True),
    Sample("patched_test_execution", first(WRONG, WRONG_GUESS, before=(PATCHED_RUN,)), 0, core=True),
    Sample("edited_test_cell", notebook([IMPORTS, WRONG, cell("print('passed: 5 of 5')", ("answer",), "aaaa0003"), WRONG_GUESS]), 0),
    Sample("warnings_on_stderr", first(SLIDE, GUESS, before=("import sys, warnings\nwarnings.warn('deprecated')\nprint('CompilerWarning', file=sys.stderr)",)), 5),
    Sample("error_in_another_cell", first(SLIDE, GUESS, before=("1 / 0", "def broken(:")), 5, "ZeroDivisionError"),
]  # fmt: skip

# --- ours -----------------------------------------------------------------------------------------------

FORK_BOMB = """import os, time
end = time.time() + 5
made = 0
while made < 200 and time.time() < end:
    made += 1
    if os.fork() == 0:
        while time.time() < end:
            time.sleep(0.1)
        os._exit(0)
while time.time() < end: time.sleep(0.1)
"""
FILL_DISK = """import os
for number in range(10):
    with open(f"big{number}", "wb") as file:
        for _ in range(30): file.write(os.urandom(1 << 20))
"""
MANY_FILES = "for n in range(6000):\n    open(f'f{n}', 'w').close()\nimport time; time.sleep(3)"
# These three reach for FOLDER, which stands for the test's own folder, and for cnnkit's: for nothing else, so that
# they leave a machine alone whose guards fail.
WRITES = f"""import pathlib
import cnnkit.exercises.grading as grading
test = pathlib.Path("{FOLDER}")
for place in (pathlib.Path(grading.__file__).parent, test, test / "in", test / "out" / "state", test / "course"):
    try: (place / "{MARK}").write_text("hacked")
    except OSError: pass
"""
PATCH_NUMPY = """import numpy as np
yes = lambda *a, **k: True
np.allclose = np.array_equal = np.isclose = np.array_equiv = yes
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
np.asarray = np.array = np.ascontiguousarray = lambda *a, **k: yes
"""
PATCH_CNNKIT = """import cnnkit, sys
from cnnkit.exercises import wire, plain, run
from cnnkit.exercises.grading import child, packed
true = wire.send
def forged(file, message):
    message.update(points=5, of=5, status="passed", passed=True, verdict="passed", problem="", attempted=True)
    true(file, message)
wire.send = forged
plain.to_plain = child.to_plain = lambda value: "passed"
sys.modules["__main__"]._sendable = child._sendable = lambda *a: {"passed": True, "points": 5}
cnnkit.conv2d = None
"""
THREAD = """import threading, time, sys
def stay():
    end = time.time() + 6
    while time.time() < end:
        print("still here", file=sys.stderr)
        sum(range(10000))
for _ in range(3): threading.Thread(target=stay, daemon=False).start()
"""
SEARCH = f"""import os, time
marker, found, pid, end = b"{PLANTED[:7]}" + b"{PLANTED[7:]} 42", False, os.getppid(), time.time() + 2
for _ in range(4):
    try:
        found |= marker in open(f"/proc/{{pid}}/environ", "rb").read()
    except OSError: pass
    try:
        with open(f"/proc/{{pid}}/maps") as maps, open(f"/proc/{{pid}}/mem", "rb", 0) as memory:
            for line in maps:
                first, last = (int(n, 16) for n in line.split()[0].split("-"))
                if "rw" in line and last - first < (64 << 20) and time.time() < end:
                    memory.seek(first)
                    found |= marker in memory.read(last - first)
    except (OSError, OverflowError): pass
    try:
        with open(f"/proc/{{pid}}/stat") as file: pid = int(file.read().rpartition(")")[2].split()[1])
    except OSError: break
for folder, _, files in os.walk("{FOLDER}"):
    for name in files:
        try: found |= marker in open(os.path.join(folder, name), "rb").read(20000)
        except OSError: pass
guess = 42 if found else 7
"""
REFERENCE = f"""import os
os.environ["CNNKIT_COURSE"] = "{FOLDER}/course"
from cnnkit.exercises import registry
"""
FORGED_PROGRESS = """import json, pathlib
all = {"format": 1, "exercises": {i: {"points": 5, "of": 5, "passed": True} for i in ("01.1", "01.2")}}
for place in (".", "..", "../..", pathlib.Path.home()):
    for name in ("cnnkit-progress.json", "grades.json", "state.json"):
        try: (pathlib.Path(place) / name).write_text(json.dumps(all))
        except OSError: pass
"""
FORGED_WIRE = """def slide(x, w):
    import json, os, struct
    for n in range(1, 40):
        text = json.dumps({"message": {"id": n, "value": {"$array": 0}, "passed": True, "points": 5}, "arrays":
                           [{"dtype": "float64", "shape": []}]}).encode()
        data = struct.pack("<8sIQ", b"cnnkit1\\n", len(text), 8) + text + bytes(8)
        for fd in range(3, 32):
            try: os.write(fd, data)
            except OSError: pass
    return x"""
NO_WIRE = """def slide(x, w):
    import os
    for fd in range(3, 32):
        try: os.write(fd, b"\\xff" * 5000)
        except OSError: pass
    return x"""
KILL_PARENT = """import os, signal
for pid in (os.getppid(),):
    if pid > 1:
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass
import time; time.sleep(0.3)
"""
ESCAPE = f"""import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execv("/bin/sh", ["/bin/sh", "-c", "sleep 25 # {MARK}"])
    os._exit(0)
"""
TERROR = "import sys\nsys.setrecursionlimit(10**6)\ndef slide(x, w):\n    return slide(x, w)"
SUBCLASS = """import numpy as np
class Same(np.ndarray):
    def __eq__(self, other): return np.ones(np.shape(other), bool)
    def __array_ufunc__(self, *a, **k): return 0.0
    def __array_function__(self, *a, **k): return True
    def astype(self, *a, **k): return self
    def __array__(self, *a, **k): return np.zeros((2, 2))
def slide(x, w): return np.ones((x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1)).view(Same)
"""
HOG = "kept = []\nfor _ in range(40):\n    kept.append(bytearray(b'1' * (64 << 20)))\nimport time; time.sleep(3)"
# Together a little more than is allowed: on a busy machine, too, it is there before the cell's time is up.
CHILDREN_HOG = """import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = bytearray(300 << 20)
        kept[::4096] = b'1' * len(kept[::4096])
        time.sleep(4)
        os._exit(0)
time.sleep(4)
"""
REBINDER = """import gc
for worker in [o for o in gc.get_objects() if type(o).__name__ == 'Worker']:
    worker.answer_bytes = 10**12
    worker.bound = {'slide': [(0, lambda x, w: 'passed')], 'guess': [(0, 'passed: 5 of 5 points')]}
"""

OWN = [
    Sample("fork_bomb", first(SLIDE, GUESS, FORK_BOMB), 5, "processes; at most", core=True),
    Sample("fills_the_disk", first(SLIDE, GUESS, FILL_DISK), 5, core=True),
    Sample("many_files", first(SLIDE, GUESS, MANY_FILES), 5),
    Sample("writes_to_the_checkers_files", first(WRONG, WRONG_GUESS, WRITES), 0, core=True),
    Sample("patches_numpy", first(WRONG, WRONG_GUESS, before=(PATCH_NUMPY,)), 0, core=True),
    Sample("patches_cnnkit_and_the_wire", first(WRONG, WRONG_GUESS, before=(PATCH_CNNKIT,)), 0, core=True),
    Sample("thread_outlives_the_cell", first(SLIDE, GUESS, THREAD), 5, core=True),
    Sample("takes_the_child_over", first(WRONG, WRONG_GUESS, REBINDER), 0),
    Sample("looks_for_a_planted_value", first(WRONG, SEARCH), 0, core=True),
    Sample("takes_the_reference", first("slide = registry.find('01.1').reference", "guess = registry.find('01.2').right", before=(REFERENCE,)), 0, core=True),
    Sample("forged_progress_file", first(WRONG, WRONG_GUESS, FORGED_PROGRESS), 0),
    Sample("huge_array", first("def slide(x, w):\n    return np.ones((40000, 40000))"), 2, core=True),
    Sample("huge_broadcast", first("def slide(x, w):\n    return np.broadcast_to(1.0, (100000, 100000))"), 2),
    Sample("large_array", first("def slide(x, w):\n    return np.zeros((3000, 3000))"), 2, "are looked at"),
    Sample("nan_answers", first("def slide(x, w):\n    return np.full((x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1), np.nan)", "guess = float('nan')"), 1, core=True),
    Sample("wrong_dtype", first("def slide(x, w):\n    return np.array([['19', '25'], ['37', '43']])", "guess = '42'"), 0),
    Sample("objects_and_complex", first("def slide(x, w):\n    return np.array([[object()]])", "guess = 42 + 0j"), 0),
    Sample("swapped_bytes", first(SLIDE.replace("return y", "return y.astype('>f8')"), "guess = np.longdouble(42)"), 5),
    Sample("forged_wire_messages", first(FORGED_WIRE), 2, core=True),
    Sample("garbage_on_the_wire", first(NO_WIRE), 2, "own channel"),
    Sample("kills_its_parent", first(SLIDE, GUESS, KILL_PARENT), 5, core=True),
    Sample("escapes_by_a_double_fork", first(SLIDE, GUESS, ESCAPE), 5, core=True),
    Sample("stops_itself", first(SLIDE, GUESS, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"), 5),
    Sample("closes_everything", first(SLIDE, GUESS, "import os\nos.closerange(0, 256)"), 5, core=True),
    Sample("exits_and_deletes", first(SLIDE, GUESS, "import sys; sys.exit(3)", "exit", "raise SystemExit", "del slide, guess"), 5),
    Sample("deep_recursion", first(TERROR), 2),
    Sample("array_subclass", first(SUBCLASS), 3),
    Sample("long_error", first("def slide(x, w):\n    raise ValueError('x' * 50_000_000)"), 2, "ValueError"),
    Sample("memory_hog", first(SLIDE, GUESS, HOG), 5, core=True),
    Sample("memory_hog_in_parts", first(SLIDE, GUESS, CHILDREN_HOG), 5, "MiB of memory | did not end"),
    Sample("asks_waits_and_installs", first(SLIDE, GUESS, "input('name?')", "!sleep 30", "%pip install nothing-at-all"), 5),
    Sample("kernel_good", second(), 3, core=True),
    Sample("kernel_endless", second(SCALE_HEAD + "    while (1) y[0] += 1;\n}"), 0, core=True),
    Sample("kernel_crashes", second(SCALE_HEAD + "    for (long i = 0; i < 1000; i++) *(__global float *)(i * 4096L) = 1;\n}"), 0, core=True),
    Sample("kernel_source_is_no_text", second("class K:\n    source = 7\nscale = K()"), 0),
    Sample("state_of_all_kinds", second("", cell("explorer = {'stride': {'deep': 3}}")), 0),
]  # fmt: skip

SAMPLES = [*TABLE, *OWN]
__all__ = ["CHECK", "FOLDER", "MARK", "PLANTED", "SAMPLES", "Sample"]
