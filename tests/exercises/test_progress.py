"""The progress file keeps what was reached, come what may; the picture says where one stands."""

import errno
import json
import os
import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest

from cnnkit.errors import DataError
from cnnkit.exercises import progress_file, registry
from cnnkit.exercises import progress_view as view
from cnnkit.exercises.definition import FunctionExercise, Prediction
from cnnkit.exercises.progress_file import NAME, Entry, ProgressFile, progress_path

# In the package, the name is the function's.

DATE = "2026-01-02T03:04:05+00:00"
SHARED = {"answer": "a", "hints": ("a", "b", "c"), "explanation": "", "wrong": ()}


def function(id, title, points):
    return FunctionExercise(id=id, title=title, groups={"values": points}, cases=lambda rng: [], **SHARED)


EXERCISES = [
    Prediction(id="01.1", title="What <b>will</b> it show?", right=1, **SHARED),
    function("01.2", "Slide a window", 3),
    function("02.1", "Add a bias & more", 2),
    function("02.2", "Many filters", 4),
]


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """A folder of the test's own, and a session that has said nothing yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNKIT_PROGRESS", raising=False)
    monkeypatch.setattr(progress_file, "_said", set())


@pytest.fixture
def file(tmp_path):
    return ProgressFile(tmp_path / NAME)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of four exercises in two notebooks, the second of which the learner has not."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "01_one_filter.ipynb").write_text("{}")
    for name in ("01_one_filter.ipynb", "02_whole_layer.ipynb"):
        (folder / name).write_text("{}")
    monkeypatch.setattr(registry, "course_folder", lambda: folder)
    monkeypatch.setattr(registry, "exercises", lambda: {exercise.id: exercise for exercise in EXERCISES})
    return folder


@contextmanager
def quietly():
    """Fail at any warning."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    assert not said


def test_the_path_is_beside_the_notebook_unless_the_environment_names_another(monkeypatch, tmp_path):
    assert progress_path().absolute() == tmp_path / NAME
    monkeypatch.setenv("CNNKIT_PROGRESS", str(tmp_path / "mine.json"))
    assert progress_path() == tmp_path / "mine.json"
    monkeypatch.setenv("CNNKIT_PROGRESS", "")
    assert progress_path() is None


def test_no_path_keeps_nothing(tmp_path):
    nowhere = ProgressFile(None)
    nowhere.record("01.1", 1, 1, True)
    nowhere.record_hint("01.1", 1)
    nowhere.record_solution("01.1")
    assert nowhere.read() == {} and not list(tmp_path.iterdir())


def test_the_best_result_and_the_first_pass_stay(file, monkeypatch):
    file.record("01.2", 2, 3, False)
    file.record("01.2", 1, 3, False)
    assert file.read() == {"01.2": Entry(points=2, of=3, attempts=2)}
    monkeypatch.setattr(progress_file, "_now", lambda: DATE)
    file.record("01.2", 3, 3, True)
    monkeypatch.setattr(progress_file, "_now", lambda: "2030-01-01T00:00:00+00:00")
    file.record("01.2", 3, 3, True)
    file.record("01.2", 0, 3, False)
    assert file.read() == {"01.2": Entry(points=3, of=3, passed=DATE, attempts=5)}


def test_the_date_of_a_pass_is_utc(file):
    file.record("01.2", 3, 3, True)
    assert file.read()["01.2"].passed.endswith("+00:00")


def test_right_at_the_first_attempt_is_only_the_first(file):
    file.record("01.1", 1, 1, True)
    file.record("01.1", 0, 1, False)
    file.record("02.1", 0, 2, False)
    file.record("02.1", 2, 2, True)
    assert file.read()["01.1"].first_time and not file.read()["02.1"].first_time


def test_hints_and_the_solution_count_only_before_the_pass(file):
    file.record_hint("01.1", 2)
    file.record_hint("01.1", 1)
    file.record_solution("01.1")
    file.record("02.1", 2, 2, True)
    file.record_solution("02.1")
    assert file.read()["01.1"] == Entry(hints=2, solution_seen=True)
    assert not file.read()["02.1"].solution_seen


@pytest.mark.parametrize(
    ("before", "check", "after"),
    [
        ((3, 3), (2, 5), (3, 3)),  # the better share stays, in its own scale
        ((2, 3), (4, 5), (4, 5)),
        ((1, 2), (2, 4), (2, 4)),  # alike: the scale of today
    ],
)
def test_an_upgrade_that_changes_the_points_takes_nothing_away(file, before, check, after):
    file.record("01.2", *before, False)
    file.record("01.2", *check, False)
    entry = file.read()["01.2"]
    assert (entry.points, entry.of) == after


@pytest.mark.parametrize(
    ("entry", "of", "counted"),
    [
        (Entry(3, 3, DATE), 5, 5),
        (Entry(2, 3), 5, 3),
        (Entry(2, 3), 3, 2),
        (Entry(5, 5), 2, 2),
        (Entry(), 5, 0),
        (Entry(0, 0, DATE), 4, 4),
    ],
)
def test_points_count_in_proportion_where_the_exercise_has_changed(entry, of, counted):
    assert entry.counted(of) == counted


def test_it_is_small_json_with_a_format_number(file):
    for number in range(13 * 4):
        file.record(f"{number // 4:02}.{number % 4 + 1}", 3, 3, True)
    content = json.loads(file.path.read_bytes())
    assert content["format"] == 1 and len(content["exercises"]) == 52
    assert file.path.stat().st_size < 20_000


def test_nothing_is_left_beside_it_but_the_lock(file, tmp_path):
    file.record("01.1", 1, 1, True)
    assert {path.name for path in tmp_path.iterdir()} <= {NAME, f".{NAME}.lock"}


def test_what_a_killed_kernel_left_behind_is_tidied_away_later(file, tmp_path):
    old, young = (tmp_path / f".{NAME}.{name}.partial" for name in ("old", "young"))
    old.write_text("{")
    os.utime(old, (0, 0))
    young.write_text("{")
    file.record("01.1", 1, 1, True)
    assert young.exists() and not old.exists()


def test_a_link_stays_a_link(file, tmp_path):
    (tmp_path / "real").mkdir()
    try:
        file.path.symlink_to(tmp_path / "real" / "kept.json")
    except OSError:
        pytest.skip("this system makes no links")
    file.record("01.1", 1, 1, True)
    assert file.path.is_symlink() and file.read()["01.1"].points == 1


WRITER = """
import sys
from cnnkit.exercises.progress_file import ProgressFile
from pathlib import Path
file, name, times = ProgressFile(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(times):
    file.record(f"{name}.{number}", 1, 2, False)
    file.record("both", 1, 2, False) if times < 1000 else None
"""


def writer(path, name, times):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(times)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_notebooks_at_once_lose_nothing(file):
    both = [writer(file.path, name, 100) for name in ("01", "02")]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        assert process.communicate(timeout=120) and process.returncode == 0
    entries = file.read()
    assert len(entries) == 201 and entries["both"].attempts == 200


def test_threads_of_one_kernel_lose_nothing(file):
    threads = [
        threading.Thread(target=lambda n=n: [file.record(f"{n}.{i}", 1, 1, True) for i in range(20)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.read()) == 80


KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from cnnkit.exercises.progress_file import ProgressFile
file, end, rounds = ProgressFile(Path(sys.argv[1])), time.monotonic() + 2, 0
while time.monotonic() < end:
    begun, begin = os.pipe()
    child = os.fork()
    if child == 0:
        for number in range(10**9):
            file.record(f"{rounds}.{number % 50}", 1, 2, False)
            if number == 0:
                os.write(begin, b"!")
    os.read(begun, 1)
    time.sleep(random.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(begun), os.close(begin)
    assert {"kept", f"{rounds}.0"} <= file.read().keys(), rounds
    rounds += 1
print(rounds)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no kill -9")
def test_a_kernel_that_is_killed_while_it_writes_leaves_a_readable_file(file, tmp_path):
    file.record("kept", 1, 1, True)
    command = [sys.executable, "-c", KILLER, str(file.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (rounds := int(done.stdout)) > 0
    with quietly():
        before = len(file.read())
        file.record("after", 1, 1, True)  # the lock is free again
        assert before > rounds and len(file.read()) == before + 1
    assert not list(tmp_path.glob("*damaged*"))


def test_another_session_that_holds_the_lock_costs_one_sentence(file, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(progress_file, "LOCK_SECONDS", 0.1)
    with FileLock(file.path.with_name(f".{NAME}.lock")):
        with pytest.warns(UserWarning, match=r"for 0.1 s another session"):
            file.record("01.1", 1, 1, True)
        with quietly():
            file.record("01.1", 1, 1, True)
    assert file.read() == {}
    file.record("01.1", 1, 1, True)
    assert file.read()["01.1"].points == 1


def test_a_folder_without_locks_is_written_to_all_the_same(file, monkeypatch):
    import filelock

    def no_locks(*arguments, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", no_locks)
    file.record("01.1", 1, 1, True)
    assert file.read()["01.1"].points == 1


@pytest.mark.parametrize(
    ("function", "number"), [("fsync", errno.ENOSPC), ("replace", errno.ENOSPC), ("fsync", errno.EROFS)]
)
def test_a_full_or_read_only_disk_costs_one_sentence_a_session(file, monkeypatch, function, number):
    file.record("01.1", 1, 1, True)
    before = file.path.read_bytes()

    def full(*arguments):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, full)
        with pytest.warns(UserWarning, match=r"Your progress is not kept: .*\.$") as said:
            file.record("01.2", 3, 3, True)
        assert os.strerror(number) in str(said[0].message)
        with quietly():
            file.record("01.2", 3, 3, True)
            file.record_hint("01.2", 1)
    assert file.path.read_bytes() == before
    file.record("01.2", 3, 3, True)  # there is room again
    assert len(file.read()) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_costs_one_sentence(file, tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.warns(UserWarning, match="not kept"):
            file.record("01.1", 1, 1, True)
    finally:
        tmp_path.chmod(0o755)


def test_a_named_folder_that_is_missing_is_made_where_it_can_be(tmp_path):
    there = ProgressFile(tmp_path / "new" / "deeper" / NAME)
    there.record("01.1", 1, 1, True)
    assert there.read()["01.1"].points == 1
    (tmp_path / "file").write_text("")
    nowhere = ProgressFile(tmp_path / "file" / NAME)
    with pytest.warns(UserWarning, match="not kept"):
        nowhere.record("01.1", 1, 1, True)


def test_what_stands_in_the_place_of_the_file_costs_one_sentence_each(file):
    file.path.mkdir()
    with pytest.warns(UserWarning, match="could not be read"):
        assert file.read() == {}
    with pytest.warns(UserWarning, match="not kept"):
        file.record("01.1", 1, 1, True)
    assert file.path.is_dir()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_in_its_place_is_not_waited_for(file):
    os.mkfifo(file.path)
    with pytest.warns(UserWarning, match="could not be read"):
        assert file.read() == {}


def test_warnings_as_errors_do_not_reach_a_check(file, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (tmp_path / "file").write_text("")
        ProgressFile(tmp_path / "file" / NAME).record("01.1", 1, 1, True)
        file.path.write_text("{")
        assert file.read() == {}
        file.record("01.1", 1, 1, True)
    assert file.read()["01.1"].points == 1


DAMAGED = {
    "empty": b"",
    "cut off": b'{"format": 1, "exercises": {"01.1": {"poi',
    "bytes": bytes(range(256)),
    "zeros": bytes(500),
    "utf-16": '{"format": 1}'.encode("utf-16"),
    "list": b"[1, 2]",
    "text": b'"exercises"',
    "null": b"null",
    "exercises are a list": b'{"format": 1, "exercises": []}',
    "exercises are nothing": b'{"exercises": null}',
    "deep": b'{"exercises": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "long number": b'{"format": ' + b"9" * 10_000 + b"}",
    "huge": b"{}" + b" " * (4 << 20),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(file, tmp_path, content):
    for number in (1, 2):
        file.path.write_bytes(content)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert file.read() == {}
            file.record("01.1", 1, 1, True)
            file.record("01.2", 1, 3, False)
        told = [str(one.message) for one in said if "it is now" in str(one.message)]
        assert len(told) == 1 and f"cnnkit-progress.damaged-{number}.json" in told[0]
        assert (tmp_path / f"cnnkit-progress.damaged-{number}.json").read_bytes() == content
        assert set(file.read()) == {"01.1", "01.2"}


def test_reading_a_damaged_file_changes_nothing(file, tmp_path):
    file.path.write_bytes(b"{")
    with pytest.warns(UserWarning, match="is damaged and counts as empty"):
        assert file.read() == {}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


NONSENSE = [
    None,
    True,
    "three",
    -1,
    10**30,
    2.5,
    float("inf"),
    float("nan"),
    [1],
    {"a": {"b": []}},
    "<script>alert(1)</script>",
    "\ud800",
]


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: repr(value)[:20])
def test_nonsense_in_an_entry_counts_as_nothing_and_never_crashes(file, value, course):
    keys = ("points", "of", "passed", "attempts", "hints", "solution_seen", "first_time")
    for key in keys:
        entry = {"points": 1, "of": 3, "attempts": 1, key: value}
        file.path.write_text(json.dumps({"format": value, "exercises": {"01.2": entry, "02.1": value}}))
        read = file.read()["01.2"]
        assert 0 <= read.points <= max(read.of, 0) and read.passed is None
        shown = view.progress()
        assert "01 One filter" in repr(shown)
        assert "<script" not in shown._repr_html_()
        file.record("01.2", 3, 3, True)
        file.record("02.1", 2, 2, True)
        assert file.read()["01.2"].counted(3) == 3 and file.read()["02.1"].counted(2) == 2


def test_an_old_file_without_the_newer_fields_goes_on(file):
    file.path.write_bytes(b'\xef\xbb\xbf{"exercises": {"01.2": {"points": 2, "of": 3}}}')
    assert file.read() == {"01.2": Entry(2, 3)}
    file.record("01.2", 3, 3, True)
    assert json.loads(file.path.read_bytes())["format"] == 1
    assert file.read()["01.2"].attempts == 1


def test_a_newer_file_keeps_what_this_version_does_not_know(file):
    newer = {
        "format": 7,
        "theme": {"color": "blue"},
        "exercises": {
            "01.2": {"points": 2.5, "of": 3, "badges": ["first"], "hints": 1},
            "99.1": {"stars": 5},
            "99.2": "three",
        },
    }
    file.path.write_text(json.dumps(newer))
    file.record_hint("01.2", 2)
    newer["exercises"]["01.2"]["hints"] = 2
    content = json.loads(file.path.read_bytes())
    added = {"passed": None, "attempts": 0, "solution_seen": False, "first_time": False}
    newer["exercises"]["01.2"] |= added
    assert content == newer
    file.record("01.2", 3, 3, True)
    file.record("02.1", 1, 2, False)
    content = json.loads(file.path.read_bytes())
    assert content["format"] == 7 and content["theme"] == {"color": "blue"}
    assert content["exercises"]["01.2"]["badges"] == ["first"]
    assert content["exercises"]["99.1"] == {"stars": 5} and content["exercises"]["99.2"] == "three"
    assert content["exercises"]["02.1"]["points"] == 1


@pytest.mark.parametrize("exercises", [[], {"01.2": "p3"}], ids=["list", "entry"])
def test_a_newer_file_of_another_form_is_left_alone(file, exercises):
    content = json.dumps({"format": 2, "exercises": exercises})
    file.path.write_text(content)
    with pytest.warns(UserWarning, match="later cnnkit"):
        file.record("01.2", 3, 3, True)
    assert file.path.read_text() == content


# What the learner sees.


def entries(**given):
    return {id.replace("_", "."): entry for id, entry in ((id[1:], entry) for id, entry in given.items())}


def states(progress):
    return {step.id: step.words for book in progress.notebooks for step in book.steps}


def test_each_state_in_words():
    def words(exercise, entry):
        return states(view.overview([exercise], {exercise.id: entry}))[exercise.id]

    prediction, window = EXERCISES[:2]
    assert words(prediction, Entry(1, 1, DATE, 1, first_time=True)) == "predicted right the first time"
    assert words(prediction, Entry(1, 1, DATE, 2)) == "passed"
    shown = Entry(1, 1, DATE, 1, solution_seen=True, first_time=True)
    assert words(prediction, shown) == "passed, after seeing the solution"
    assert words(window, Entry(3, 3, DATE, 1, first_time=True)) == "passed"
    assert words(window, Entry(1, 3, None, 1)) == "partly"
    assert words(window, Entry(0, 3, None, 1)) == "not yet"
    assert words(window, Entry()) == "not attempted"
    assert words(window, Entry(solution_seen=True)) == "not attempted (solution seen)"
    assert words(window, Entry(2, 2, DATE, 1)) == "passed (2 of 2 before the exercise changed)"


def test_points_passes_and_what_is_next():
    some = entries(_01_1=Entry(1, 1, DATE, 1), _01_2=Entry(1, 3, None, 2), _02_2=Entry(4, 4, DATE, 1))
    shown = view.overview(EXERCISES, some)
    assert shown.counts == "6 of 10 points, 2 of 4 exercises passed"
    assert [book.counts for book in shown.notebooks] == [
        "2 of 4 points, 1 of 2 passed",
        "4 of 6 points, 1 of 2 passed",
    ]
    assert shown.next[1].id == "01.2"
    assert shown.next_words == "Next: 01.2 Slide a window (3 points), in Notebook 01."


def test_the_plain_text_is_a_table():
    some = entries(_01_1=Entry(1, 1, DATE, 1), _77_1=Entry())
    assert repr(view.overview(EXERCISES, some)).splitlines() == [
        "Progress: 1 of 10 points, 1 of 4 exercises passed.",
        "Next: 01.2 Slide a window (3 points), in Notebook 01.",
        "",
        "Notebook 01: 1 of 4 points, 1 of 2 passed",
        "   01.1  What <b>will</b> it show?   1 of 1   passed",
        "-> 01.2  Slide a window              0 of 3   not attempted",
        "",
        "Notebook 02: 6 points, not begun",
        "",
        "Kept results of exercises that this version of the course does not have: 1.",
    ]


def test_everything_passed_and_nothing_there():
    done = {exercise.id: Entry(9, 9, DATE, 1) for exercise in EXERCISES}
    shown = view.overview(EXERCISES, done)
    assert shown.next is None and "well done" in repr(shown) and "well done" in shown._repr_html_()
    assert shown.counts == "10 of 10 points, 4 of 4 exercises passed"
    empty = view.overview([], {})
    assert repr(empty) == "There are no exercises yet." and repr(empty) in empty._repr_html_()


def test_the_names_are_the_course_s_whatever_else_the_learner_keeps(tmp_path, course):
    for name in ("01_notes.ipynb", "01_one_filter-Copy1.ipynb", "02_whole_layer copy.ipynb", "03_mine.ipynb"):
        (tmp_path / name).write_text("{}")
    shown = view.progress()
    assert [book.file for book in shown.notebooks] == ["01_one_filter.ipynb", "02_whole_layer.ipynb"]
    assert [book.link for book in shown.notebooks] == ["01_one_filter.ipynb", ""]
    alone = view.overview(EXERCISES, {}, tmp_path)
    assert alone.notebooks[0].file == "01_notes.ipynb"  # nothing better is known
    assert alone.notebooks[1].link == "02_whole_layer%20copy.ipynb"


class Page(HTMLParser):
    """All tags with their attributes, and the text; every tag must be closed in its turn."""

    VOID = ("meta", "br", "hr", "img")

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_notebook_links_to_what_the_learner_has(course):
    ProgressFile(progress_path()).record("01.1", 1, 1, True)
    page = Page(view.progress()._repr_html_())
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links and set(links) == {"01_one_filter.ipynb"}  # not 02, which is elsewhere
    assert "02 Whole layer" in page.text


@pytest.mark.parametrize("whole", [False, True])
def test_the_html_is_safe_and_has_its_words(course, tmp_path, whole):
    file = ProgressFile(progress_path())
    file.record("01.1", 1, 1, True)
    content = json.loads(file.path.read_bytes())
    content["exercises"]['"><script>alert(1)</script>'] = {"points": "<img src=x>", "of": 3}
    content["exercises"]["01.2"] = {"passed": '"><script>', "points": "<b>", "of": "<i>"}
    file.path.write_text(json.dumps(content))
    view.write_page(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8") if whole else view.progress()._repr_html_()
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form", "b>", "base"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset")]
    for sign in ("http:", "https:", "//", "url(", "@import"):
        assert sign not in html
    assert "What <b>will</b> it show?" in page.text and "Add a bias & more" in page.text
    picture = next(attributes for _, attributes in page.tags if attributes.get("role") == "img")
    assert picture["aria-label"].startswith("1 of 10 points, 1 of 4 exercises passed. 01 One filter: 1 of 4")
    assert "Next: 01.2 Slide a window" in picture["aria-label"]
    if whole:
        policy = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy and "default-src 'none'" in policy[0]
        assert html.startswith("<!DOCTYPE html>") and 'charset="utf-8"' in html and "<a " not in html
    else:
        assert "<html" not in html and "<meta" not in html


def test_the_marker_is_at_the_next_exercise_alone():
    page = Page(view.overview(EXERCISES, entries(_01_1=Entry(1, 1, DATE, 1)))._repr_html_())
    cells = [a for _, a in page.tags if a.get("class", "").startswith("step ") and "title" in a]
    assert len(cells) == 4
    here = [a for a in cells if a["class"].endswith(" here")]
    assert [a["title"] for a in here] == ["01.2 Slide a window: not attempted"]


# The command.


def test_the_command_prints_the_progress_and_writes_the_page(course, tmp_path, capsys):
    ProgressFile(progress_path()).record("01.1", 1, 1, True)
    assert view.command(None, str(tmp_path / "page.html")) == 0
    said = capsys.readouterr().out
    assert "1 of 10 points" in said and str(tmp_path / "page.html") in said
    assert "01_one_filter.ipynb" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_command_finds_the_file_in_the_folder_or_in_course(course, tmp_path, capsys):
    (tmp_path / "course").mkdir()
    ProgressFile(tmp_path / "course" / NAME).record("01.2", 2, 3, False)
    assert view.command(None, None) == 0
    assert "2 of 10 points" in capsys.readouterr().out
    ProgressFile(tmp_path / NAME).record("01.1", 1, 1, True)
    assert view.command(None, None) == 0
    assert "1 of 10 points" in capsys.readouterr().out
    assert view.command("course", None) == 0
    assert "2 of 10 points" in capsys.readouterr().out
    with pytest.raises(DataError, match="There is no folder"):
        view.command("nowhere", None)


def test_the_command_without_progress_says_what_to_do(course, tmp_path, capsys, monkeypatch):
    before = set(tmp_path.iterdir())
    assert view.command(None, None) == 0
    assert "No progress yet" in capsys.readouterr().out
    assert set(tmp_path.iterdir()) == before
    monkeypatch.setenv("CNNKIT_PROGRESS", "")
    assert view.command(None, None) == 0
    assert "no progress is kept" in capsys.readouterr().out


def test_a_page_that_cannot_be_written_is_one_sentence(course, tmp_path):
    with pytest.raises(DataError, match="could not be written"):
        view.command(None, str(tmp_path / "gone" / "page.html"))


def test_the_command_prints_on_a_terminal_with_few_letters(monkeypatch, course):
    import io

    monkeypatch.setattr(registry, "exercises", lambda: {"01.1": function("01.1", "3×3 → ★", 1)})
    ProgressFile(progress_path()).record("01.1", 0, 1, False)
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert view.command(None, None) == 0
