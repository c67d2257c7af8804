"""What a learner sees: check, hint, solution, use, explain; in words, in HTML, and in a notebook."""

import base64
import html.parser
import io
import json
import time

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from cnnkit.exercises import LearnerKernel, api, check, explain, hint, notebooks, show, solution, use
from cnnkit.exercises.api import evaluate
from cnnkit.exercises.registry import UnknownExercise, find
from cnnkit.explore import FilterExplorer


def corr2d(x, w):
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.einsum("ijrs,rs->ij", windows, w)


def flipped(x, w):
    return corr2d(x, w[::-1, ::-1])


def test_success_is_one_quiet_line(capsys, own_progress):
    check("01.2", corr2d)
    assert capsys.readouterr().out == "01.2 passed: 4 of 4 points.\n"
    assert "01.2" in json.loads(own_progress.read_text())["exercises"]


def test_not_attempted_says_no_more_and_is_not_recorded(capsys, own_progress):
    def stub(x, w):
        """As it is handed out."""
        ...

    check("01.2", stub)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "01.2 is not attempted yet: 0 of 4 points." and "hint(" in second
    assert not own_progress.exists()


def test_a_mistake_is_named_placed_and_partly_paid(capsys):
    check("01.2", flipped)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "01.2 not yet: 1 of 4 points."
    assert "You turned the filter by 180 degrees" in lines[1]
    assert "at row 0, column 0, 19 is expected and yours is 5" in lines[2]
    assert lines[3].strip() == "shape: 1 of 1 point" and lines[-1].strip().startswith('`hint("01.2")`')


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_the_picture_shows_the_difference_and_has_its_words():
    result = evaluate("01.2", flipped, 1)
    tags = Tags(show.as_html(result)).tags
    (image,) = [attributes for tag, attributes in tags if tag == "img"]
    assert "the difference, white where both agree" in image["alt"]
    kind, data = image["src"].split(",", 1)
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.width > 2 * picture.height and len(picture.convert("RGB").getcolors(100_000)) > 20
    assert not [tag for tag, _ in tags if tag == "script"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_any_numbers_can_be_drawn(value):
    result = evaluate("01.2", lambda x, w: corr2d(x, w) * 0 + value, 1)
    assert result.status == "not yet" and show.as_html(result)


def test_what_a_learner_wrote_is_shown_and_not_obeyed():
    def raises(x, w):
        raise ValueError("<script>alert(1)</script>`<img src=x onerror=alert(1)>`")

    tags = Tags(show.as_html(evaluate("01.2", raises))).tags
    assert {tag for tag, _ in tags} <= {"div", "strong", "span", "p", "ul", "li", "code"}


def test_hints_come_one_after_the_other(capsys):
    for number in (1, 2, 3, 3):
        hint("01.4")
        out = capsys.readouterr().out
        assert out.startswith(f"Hint {number} of 3: {find('01.4').hints[number - 1]}")
        assert ("That was the last one" in out) == (number == 3)
    check("01.4", lambda *sizes: 0)
    assert '`solution("01.4")` shows the solution' in capsys.readouterr().out


def test_the_solution_is_the_solved_cell_explained(capsys, monkeypatch):
    solution("01.2")
    out = capsys.readouterr().out
    assert "def corr2d(x, w):" in out and "for i in range" in out and find("01.2").explanation in out
    monkeypatch.setattr(notebooks, "notebook_path", lambda number, solution=False: None)
    solution("01.2")
    assert "without solutions" in capsys.readouterr().out


def test_later_cells_use_the_answer_or_say_that_ours_stands_in(capsys):
    assert use("01.2", corr2d) is corr2d
    assert capsys.readouterr().out == ""
    x, w = np.arange(9.0).reshape(3, 3), np.arange(4.0).reshape(2, 2)
    for wrong in (flipped, None, ..., lambda x, w: None):
        own = use("01.2", wrong)
        assert own(x, w).tolist() == [[19, 25], [37, 43]]
        assert "cnnkit's own stands in for `corr2d`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: check("77.7", 1), "There is no exercise '77.7'"),
        (lambda: check("01.99", 1), "there are 01.1, 01.2"),
        (lambda: check("1.2", 1), "did you mean '01.2'?"),
        (lambda: check(), 'Say for which exercise: check("01.2", corr2d).'),
        (lambda: hint(), 'Say for which exercise: hint("01.2").'),
        (lambda: check(1.2, 1), "named as text"),
        (lambda: check("01.2"), 'check("01.2", corr2d)'),
        (lambda: hint("x"), "There is no exercise 'x'"),
        (lambda: explain("01.2"), "01.2 is no kernel"),
        (lambda: explain("01.7"), "There is no kernel to explain"),
    ],
)
def test_a_slip_in_the_call_is_a_sentence_and_no_traceback(call, words, capsys):
    call()
    assert words in capsys.readouterr().out


def test_explain_looks_at_the_kernel_of_now(capsys):
    right = notebooks.solved_cell(find("01.7")).split("\n", 1)[1]
    stub = "__kernel void filter2d()\n{\n    // your code here\n}"
    wrong = right.replace("i >= OH", "i > OH")
    for source, words in ((right, "nothing to explain"), (stub, "not attempted yet"), (wrong, "Oclgrind")):
        explain("01.7", LearnerKernel("filter2d", source))
        assert words in capsys.readouterr().out


def test_a_program_gets_an_exception():
    with pytest.raises(UnknownExercise, match=r"There is no exercise '77\.7'"):
        evaluate("77.7", 1)


def test_an_interrupt_ends_the_check():
    def interrupted(x, w):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        check("01.2", interrupted)
    (told,) = stopped.value._render_traceback_()
    assert told.startswith("`corr2d` was stopped before it ended, in line") and "Traceback" not in told


def test_what_takes_long_says_so(capsys, monkeypatch):
    monkeypatch.setattr(api, "PATIENCE", 0.05)

    def slow(x, w):
        time.sleep(0.1)
        return corr2d(x, w)

    check("01.2", slow)
    assert capsys.readouterr().out.startswith("Still running `corr2d` ... (■ stops it)")


def test_what_an_answer_prints_is_shown_once(capsys):
    def prints(x, w):
        print("the shape is", x.shape)
        return corr2d(x, w)

    check("01.2", prints)
    assert capsys.readouterr().out == "the shape is (3, 3)\n01.2 passed: 4 of 4 points.\n"
    check("01.2", lambda x, w: print(corr2d(x, w)))
    assert "It printed something and gave nothing back: end with `return`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("01.3", ["turned by 180"], "must be one of these, with its quotes: 'as it is'"),
        ("01.5", FilterExplorer, "must be the explorer in which you reached it"),
        ("01.7", "filter2d", "without quotes: `filter2d`"),
        (
            "01.2",
            LearnerKernel("corr2d", "__kernel void corr2d() {}"),
            "must be a function, and it is a kernel",
        ),
        ("01.1", FilterExplorer, "the function or class FilterExplorer itself"),
        ("01.1", [[19, ...], [37, 43]], "something else than numbers"),
        ("05.3", (37, 748, 736), "must be a single number"),
    ],
)
def test_an_answer_of_another_kind_is_told_so(id, answer, words, capsys):
    check(id, answer)
    assert words in capsys.readouterr().out


def test_a_mistake_is_not_named_after_one_that_was_not_made(capsys):
    def changes(x, w):
        x[0, 0] = 0
        return corr2d(x, w)

    check("01.2", changes)
    out = capsys.readouterr().out
    assert "it changed its input x" in out and "turned" not in out


def test_nothing_is_said_while_a_submission_is_graded(capsys, monkeypatch, own_progress):
    monkeypatch.setenv("CNNKIT_GRADING", "1")
    check("01.2", flipped)
    hint("01.2")
    assert use("01.2", flipped) is flipped
    assert capsys.readouterr().out == "" and not own_progress.exists()


def test_in_a_notebook(tmp_path, monkeypatch):
    """The line of the cell, the picture, the explorer's state, and no traceback."""
    cells = [
        "from cnnkit.exercises import check, hint\n"
        "from cnnkit.explore import FilterExplorer\n"
        "import numpy as np",
        "def corr2d(x, w):\n    y = x\n    return y[100, 100]",
        'check("01.2", corr2d)',
        "explorer = FilterExplorer(np.zeros((1, 1, 7, 7)))\nexplorer.model.stride = 2",
        'check("01.5", explorer)',
        'hint("01.2")',
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    failed, reached, hinted = (book.cells[i].outputs[0].data for i in (2, 4, 5))
    assert "it raised IndexError in line 3 of its cell" in failed["text/plain"]
    assert failed["text/html"].startswith("<div")
    assert reached["text/plain"] == "01.5 passed: 1 of 1 point."
    saved = reached[show.STATE]
    assert saved["exercise"] == "01.5" and saved["state"]["stride"] == 2
    assert hinted["text/markdown"].startswith("Hint 1 of 3")
