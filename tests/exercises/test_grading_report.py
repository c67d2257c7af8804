"""The teacher's report: right sums, a page in which nothing runs, a table in which nothing calculates."""

from __future__ import annotations

import base64
import copy
import csv
import hashlib
import io
import itertools
import json
import random
import re
from html.parser import HTMLParser

import pytest

from cnnkit.errors import DataError
from cnnkit.exercises.grading import report as written
from cnnkit.exercises.grading import report_summary, report_text
from cnnkit.exercises.grading.report_csv import defused

EXERCISES = (
    ("01.1", "By hand", "01_one_filter", {"prediction": 1}),
    ("01.2", "Slide it yourself", "01_one_filter", {"shape": 1, "values": 2, "edge cases": 1}),
    ("01.4", "How large is the result?", "01_one_filter", {"one step": 1, "stride": 1, "padding": 1}),
    ("01.7", "One work-item for each place", "01_one_filter", {"values": 2, "edge cases": 2}),
    ("05.1", "Pool it", "05_whole_network", {"values": 2, "odd sizes": 1}),
    ("05.2", "Count the weights", "05_whole_network", {"prediction": 1}),
    ("05.3", "Softmax that never overflows", "05_whole_network", {"values": 2, "large logits": 1}),
    ("08.1", "Train to 98 %", "08_train_a_classifier", {"accuracy": 3}),
)
MISTAKES = {
    "01.1": ["you turned the filter by 180 degrees", "you added up the pixels without multiplying"],
    "01.2": [
        "you turned the filter by 180 degrees: that is convolution in the mathematicians' sense",
        "you mirrored the filter left to right",
        "the last place is missing: the window fits once more",
    ],
    "01.4": ["the + 1 is missing: the window stands before its first step", "the stride is ignored"],
    "01.7": ["the bounds check is missing: there are more work-items than places"],
    "05.3": ["exp overflows: subtract the largest logit first"],
}
CODE = '''def corr2d(x, w):
    """Slide w over x."""
    rows = x.shape[0] - w.shape[0] + 1
    result = np.zeros((rows, x.shape[1] - w.shape[1] + 1))
    for i in range(rows):  # every place
        for j in range(result.shape[1]):
            result[i, j] = (x[i:i + w.shape[0], j:j + w.shape[1]] * w[::-1, ::-1]).sum()
    return result
'''
KERNEL = """%%kernel filter2d
__kernel void filter2d(__global const float* x, __global float* y) {
    int i = get_global_id(0);  // no bounds check
    y[i] = 2.0f * x[i];
}
"""
NAMES = (
    *(
        "Ada Lovelace",
        "Émilie du Châtelet",
        "Grace Hopper",
        "Katherine Johnson",
        "Li Ming",
        "Mary Somerville",
    ),
    *("Noor Inayat", "Ole Bjørnsen", "Sofia Kovalevskaya", "Zoë Quinn", "Ben Okafor", "Çağla Demir"),
)
IN_ORDER = [
    *("Ada Lovelace", "Ben Okafor", "Çağla Demir", "Émilie du Châtelet", "Grace Hopper", "Katherine Johnson"),
    *("Li Ming", "Mary Somerville", "Noor Inayat", "Ole Bjørnsen", "Sofia Kovalevskaya", "Zoë Quinn"),
]
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> ' onmouseover='alert(1)",
    '=HYPERLINK("http://example.com","x")\n,\t+1',
    "\u202egro.live\u202c \x1b[31mred\x1b[0m \x00 \ud800 \x9b \ufeff",
    "{{ 7 * 7 }} {% raw %} </style></pre><a href=javascript:alert(1)>x</a> <!-- ]]>",
    "x" * 10_000,
)


def an_answer(exercise, status="passed", lost=(), mistake="", reason="", code=CODE):
    id, title, _, groups = exercise
    case = "the example of the text: x of shape (6, 8)" if reason else ""
    whole = f"{case}: {reason}" if reason else ""
    told = [
        {"name": name, "points": 0, "of": of, "reason": whole}
        if name in lost
        else {"name": name, "points": of, "of": of, "reason": ""}
        for name, of in groups.items()
    ]
    points = sum(group["points"] for group in told)
    return {
        "id": id, "title": title, "status": status, "points": points, "of": sum(groups.values()),
        "mistake": mistake, "case": case, "reason": reason, "groups": told,
        "code": code, "file": f"{exercise[2]}.ipynb", "notes": [],
    }  # fmt: skip


def a_submission(student, answers, exercises=EXERCISES):
    notebooks = sorted({exercise[2] for exercise in exercises})
    graded = {"status": "graded", "reason": "", "seconds": 3.25}
    return {
        "student": student, "digest": hashlib.sha256(repr(student).encode()).hexdigest(), "notes": [],
        "notebooks": [{"file": f"{n}.ipynb", "notebook": n, "events": [], **graded} for n in notebooks],
        "exercises": {answer["id"]: answer for answer in answers}, "seconds": 9.5,
        "points": sum(answer["points"] for answer in answers), "of": sum(answer["of"] for answer in answers),
    }  # fmt: skip


def a_report(submissions, exercises=EXERCISES):
    return {
        "format": 1, "seed": 20260504, "cnnkit": "0.1.0", "started": "2026-05-04T12:30:07+00:00",
        "finished": "2026-05-04T12:34:51+00:00",
        "protection": {"name": "bubblewrap", "words": "bubblewrap: read-only system, no network"},
        "limits": {
            "cell_seconds": 60, "submission_seconds": 600, "memory_bytes": 4 * 2**30, "processes": 64,
            "file_bytes": 50 * 2**20,
        },
        "exercises": [
            {"id": id, "title": title, "points": sum(groups.values()), "notebook": notebook, "groups": groups}
            for id, title, notebook, groups in exercises
        ],
        "submissions": submissions,
    }  # fmt: skip


def a_class(names=NAMES, exercises=EXERCISES, seed=5):
    """A report on students of every strength, with every kind of result."""
    rng = random.Random(seed)
    submissions = []
    for place, name in enumerate(names):
        strength = rng.betavariate(2.5, 1.2)
        handed_in = {exercise[2] for exercise in exercises if exercise[2] < "08" or strength > 0.5}
        answers = []
        for exercise in exercises:
            code = f"# {name} {exercise[0]}\n" + (KERNEL if exercise[0] == "01.7" else CODE)
            none = [*exercise[3]]
            if exercise[2] not in handed_in:
                answers.append(an_answer(exercise, "not handed in", none, code=""))
            elif rng.random() > strength + 0.35:
                answers.append(an_answer(exercise, "not attempted", none, code="def corr2d(x, w): ...\n"))
            elif rng.random() > strength * (0.9 if exercise[0] != "01.2" else 0.6) + 0.15:
                told = MISTAKES.get(exercise[0], [])
                mistake = (
                    rng.choices(told, range(len(told), 0, -1))[0] if told and rng.random() < 0.85 else ""
                )
                reason = f"at row 0, column 3, 19 is expected and yours is {rng.choice([5, 11, 23])}"
                lost = none if rng.random() < 0.5 else none[-1:]
                answers.append(an_answer(exercise, "not yet", lost, mistake, reason, code))
            else:
                answers.append(an_answer(exercise, code=code))
        submission = a_submission(name, answers, exercises)
        submission["notebooks"] = [b for b in submission["notebooks"] if b["notebook"] in handed_in]
        if place == 3:
            submission["notebooks"][0]["events"] = ["cell 14 ran longer than 60 s and was stopped"]
        submissions.append(submission)
    if names:
        refused = [an_answer(exercise, "not handed in", [*exercise[3]], code="") for exercise in exercises]
        submissions[-1] = a_submission(names[-1], refused, exercises)
        submissions[-1]["notebooks"] = [
            {"file": "final (2).ipynb", "notebook": None, "status": "refused", "seconds": 0.0, "events": [],
             "reason": "it is not a notebook: its JSON ends in line 812"}
        ]  # fmt: skip
    return a_report(submissions, exercises)


def hostile_class():
    """Everything that a student can write, hostile."""
    report = a_class(HOSTILE)
    for text, submission in zip(HOSTILE, report["submissions"], strict=True):
        submission["notes"] = [text]
        for book in submission["notebooks"]:
            book.update(file=text, notebook=text, reason=text, events=[text] * 30)
        for answer in submission["exercises"].values():
            answer.update(code=text, file=text, notes=[text], reason=text, case=text, mistake=text)
            for group in answer["groups"]:
                group.update(name=text, reason=text)
    return report


class Page(HTMLParser):
    """Everything in a page that could act, point or carry text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.text, self.attributes = set(), [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        for name, value in attrs:
            self.ids += [value] if name == "id" else []
            self.links += [value] if name == "href" else []

    def handle_data(self, data):
        self.text.append(data)


def put(report, folder):
    written.write(report, folder)
    page = (folder / "index.html").read_bytes().decode("utf-8")
    sheet = (folder / "grades.csv").read_bytes()
    assert sheet.startswith(b"\xef\xbb\xbf")  # Excel reads accents only so
    return page, list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("report", [a_class(), hostile_class(), a_class(()), a_class(["Ada"])])
def test_nothing_in_the_page_runs_or_is_fetched(report, tmp_path):
    text, _ = put(report, tmp_path)
    page = Page(text)
    assert page.tags <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "main",
            "nav",
            "section",
            "div",
            "p",
            "span",
        ),
        *(
            "a",
            "bdi",
            "h1",
            "h2",
            "h3",
            "h4",
            "ul",
            "ol",
            "li",
            "dl",
            "dt",
            "dd",
            "small",
            "strong",
            "b",
            "br",
        ),
        *("code", "pre", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
        *("svg", "rect", "text", "line"),
    }
    names = {name for name, _ in page.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert not names & {"style", "src", "srcset", "action", "xlink:href", "data", "ping"}
    assert all(link.startswith("#") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert not re.search(r"url\(|@import", text.split("</style>")[0])
    _, policy = page.attributes[page.attributes.index(("http-equiv", "Content-Security-Policy")) + 1]
    style = text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"style-src 'sha256-{digest}';" in policy


def test_what_a_student_writes_is_seen_and_does_nothing(tmp_path):
    text, _ = put(hostile_class(), tmp_path)
    assert "<script" not in text and "<img" not in text and text.count("</style>") == 1
    assert not set(text) & set("\x00\x1b\x9b\u202e\u202c\ufeff\ud800")
    seen = "".join(Page(text).text)
    assert "<script>alert(1)</script>" in seen and "{{ 7 * 7 }}" in seen
    assert "⟨U+202E⟩gro.live" in seen and "⟨ESC⟩[31mred" in seen and "⟨NUL⟩ ⟨U+D800⟩ ⟨U+009B⟩" in seen
    names = [line for line in text.splitlines() if "<h3><bdi>" in line]
    assert len(names) == len(HOSTILE) and max(map(len, names)) < 1_000


def test_text_is_made_visible_and_clipped_before_it_is_escaped():
    assert report_text.visible("a\r\n\tb\u2066<c\x7f") == "a\n\tb⟨U+2066⟩<c⟨U+007F⟩"
    assert report_text.visible("Zoë 李 नेपा\u200dल 👩\u200d🔬") == "Zoë 李 नेपा\u200dल 👩\u200d🔬"
    assert report_text.clipped("x" * 12, 10) == "x" * 10 + " … (2 more letters)"
    assert report_text.code("<b>\x00") == "&lt;b&gt;⟨NUL⟩"
    assert len(report_text.code("<" * 30_000)) < 4 * report_text.LONGEST_CODE + 100


@pytest.mark.parametrize("code", [CODE, KERNEL, "<b>'\"&amp;\x1b", "def (((\n'''", "\n\n  x", ""])
def test_coloring_changes_no_letter(code):
    page = Page(report_text.colored([code])[code])
    assert "".join(page.text) == report_text.visible(code) and page.tags <= {"span"}


def test_coloring_goes_as_far_as_its_budget_and_the_first_come_first():
    codes = [f"x = {i}  # " + "y" * 5_000 for i in range(100)]
    colored = report_text.colored(codes)
    assert list(colored) == codes[: report_text.COLORED_IN_ALL // len(codes[0])]
    assert not report_text.colored(["x" * (report_text.LONGEST_COLORED + 1)])


def test_the_table_holds_every_point_and_its_sums_agree(tmp_path):
    report = a_class()
    _, rows = put(report, tmp_path)
    assert [row["Student"] for row in rows] == IN_ORDER
    by_name = {submission["student"]: submission for submission in report["submissions"]}
    for row in rows:
        submission = by_name[row["Student"]]
        each = {id: row[f"{id} {title} ({sum(groups.values())})"] for id, title, _, groups in EXERCISES}
        for id, cell in each.items():
            answer = submission["exercises"][id]
            assert cell == ("" if answer["status"] == "not handed in" else str(answer["points"]))
        sums = [row["01_one_filter (12)"], row["05_whole_network (7)"], row["08_train_a_classifier (3)"]]
        total = sum(int(cell or 0) for cell in each.values())
        assert total == sum(int(cell or 0) for cell in sums) == int(row["Total"]) == submission["points"]
        assert float(row["Percent"]) == round(100 * total / 22, 1) and row["Out of"] == "22"
    empty = next(row for row in rows if row["Student"] == NAMES[-1])
    assert empty["01_one_filter (12)"] == "" and empty["Total"] == "0"
    assert empty["Remarks"] == "final (2).ipynb refused: it is not a notebook: its JSON ends in line 812"


def test_the_table_has_the_columns_without_which_canvas_refuses_it(tmp_path):
    _, rows = put(a_class(), tmp_path)
    assert [*rows[0]][:4] == ["Student", "ID", "SIS Login ID", "Section"]
    assert all(row["SIS Login ID"] == row["Student"] and row["ID"] == row["Section"] == "" for row in rows)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("＝1", "'＝1"),
        ("\t=1", "'=1"), ("\r=1", "'=1"), ("\ufeff=1", "⟨U+FEFF⟩=1"), ("a;=1", "a;'=1"), ("a; -1", "a; '-1"),
        ("a\nb\r\nc", "a b c"), ("x-1 = 2", "x-1 = 2"), ('Ada, "Countess"', 'Ada, "Countess"'), ("", ""),
    ],
)  # fmt: skip
def test_no_cell_of_the_table_calculates(text, cell):
    assert defused(text) == cell


def test_hostile_names_stay_in_their_cells(tmp_path):
    _, rows = put(hostile_class(), tmp_path)
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert None not in row and None not in row.values()
        assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") or "\n" in cell for cell in row.values())
        assert max(map(len, row.values())) < 600
    assert any(row["Student"].startswith("'=HYPERLINK") for row in rows)


@pytest.mark.parametrize("report", [a_class(), hostile_class(), a_class(())])
def test_the_file_for_programs_is_the_report_itself(report, tmp_path):
    before = copy.deepcopy(report)
    put(report, tmp_path)
    content = (tmp_path / "grades.json").read_bytes()
    assert content.isascii() and json.loads(content) == report == before
    assert list(json.loads(content)) == sorted(report)


@pytest.mark.parametrize("broken", [{"format": 2}, {"format": None}, {"seed": float("nan")}, {"seed": {1}}])
def test_a_report_of_another_format_is_refused_and_nothing_is_written(broken, tmp_path):
    with pytest.raises(DataError, match=r"of format .* writes format 1|what JSON cannot say"):
        written.write(a_class() | broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(DataError, match="could not be written"):
        written.write(a_class(), tmp_path / "file")


def test_the_most_frequent_mistakes_come_first_with_those_who_made_them():
    exercise = EXERCISES[1]
    turned, mirrored = MISTAKES["01.2"][:2]
    made = [turned, mirrored, turned, "", "", "", turned]
    reasons = ["a", "b", "c", "same", "same", "alone", "d"]
    answers = [
        an_answer(exercise, "not yet", ["values"], *pair) for pair in zip(made, reasons, strict=True)
    ] + [an_answer(exercise), an_answer(exercise, "not attempted", [*exercise[3]], code="")]
    submissions = [a_submission(f"s{i}", [answer], [exercise]) for i, answer in enumerate(answers)]
    (summary,) = report_summary.exercises(a_report(submissions, [exercise]), submissions)
    assert [(m.count, m.named, m.students) for m in summary.mistakes] == [
        (3, True, (0, 2, 6)), (2, False, (3, 4)), (1, True, (1,)),
    ]  # fmt: skip
    assert summary.mistakes[0].sentence == turned and summary.mistakes[1].sentence.endswith("(6, 8): same")
    assert summary.others == 1 and summary.passed == 1
    assert summary.counts == {"full": 1, "partial": 7, "none": 0, "blank": 1, "missing": 0}
    assert [m.count for m in report_summary.next_lesson([summary])] == [3, 2]


@pytest.mark.parametrize("of", [0, 1, 7, 10, 11, 22, 100, 135])
def test_the_histogram_counts_everyone_once(of):
    points = [*range(of + 1), of, of + 3, -1]
    bins = report_summary.histogram(points, of)
    assert sum(b.count for b in bins) == len(points) and len(bins) <= 8
    assert bins[0].low == 0 and bins[-1].high == of
    assert all(a.high + 1 == b.low for a, b in itertools.pairwise(bins))


def test_the_bins_of_the_histogram_are_round():
    assert [b.label for b in report_summary.histogram([], 135)][-2:] == ["100–119", "120–135"]
    assert [b.label for b in report_summary.histogram([], 100)][-2:] == ["75–89", "90–100"]
    assert [b.label for b in report_summary.histogram([], 40)] == ["0–9", "10–19", "20–29", "30–40"]


def test_a_sentence_keeps_the_names_of_things():
    assert report_text.sentence("you ignored the stride") == "You ignored the stride."
    assert report_text.sentence("final.ipynb is empty.") == "final.ipynb is empty."
    assert report_text.stopped("x of shape (3, 3)") == "x of shape (3, 3)" and report_text.stopped(" ") == ""


def test_the_page_says_how_the_class_did(tmp_path):
    wrong = ("not yet", ["values", "prediction", "accuracy"], "you took the mean", "19 is expected")
    submissions = [
        a_submission("Ada", [an_answer(exercise) for exercise in EXERCISES]),
        a_submission("Ben", [an_answer(exercise, *wrong) for exercise in EXERCISES]),
    ]
    text, _ = put(a_report(submissions), tmp_path)
    seen = " ".join("".join(Page(text).text).split())
    ben = submissions[1]["points"]
    assert f"median{report_summary.median([22, ben]):g} of 22" in seen.replace("median ", "median")
    assert "You took the mean. " in seen and "1 of 2 passed" in seen
    assert "values0 of 2the example of the text: x of shape (6, 8): 19 is expected." in seen
    assert "--seed 20260504" in seen and "read-only system, no network." in seen and "4 GiB" in seen


def test_weaker_protection_stands_at_the_top(tmp_path):
    words = "time and memory were limited, but the network was open"
    text, _ = put(a_class() | {"protection": {"name": "limits", "words": words}}, tmp_path)
    assert text.index(words[1:]) < text.index("<main>")
    assert "warning" not in put(a_class(), tmp_path)[0].split("</style>")[1]


def test_what_needs_the_teachers_eyes_stands_at_the_top(tmp_path):
    report = a_class()
    for submission in report["submissions"][:10]:
        submission["notes"] = [f"{submission['student']} renamed a cell"]
    text, _ = put(report, tmp_path)
    seen = "".join(Page(text.split('id="look"')[1].split("</section>")[0]).text)
    assert "final (2).ipynb was refused: it is not a notebook" in seen and "and 5 more students" in seen
    assert "01_one_filter.ipynb: cell 14 ran longer than 60 s and was stopped." in seen
    assert 'id="look"' not in put(a_report([]), tmp_path)[0]


def test_a_large_class(tmp_path):
    exercises = [(f"{n:02}.{i}", f"Exercise {i}", f"{n:02}_notebook", {"values": 2, "edges": 1})
                 for n in range(1, 10) for i in range(1, 6)]  # fmt: skip
    text, rows = put(a_class([f"Student {i:03}" for i in range(200)], exercises), tmp_path)
    page = Page(text)
    assert len(rows) == 200 and sum(id.startswith("s") and "-e" in id for id in page.ids) == 200 * 45
    assert {link[1:] for link in page.links} <= set(page.ids)
