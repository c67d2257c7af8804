"""From plain values to a verdict: what may come in, how it is compared, how mistakes are found."""

import json
import sys

import numpy as np
import pytest

from cnnkit import Linear, ReLU, Sequential, to_device
from cnnkit.exercises.compare import difference
from cnnkit.exercises.definition import (
    Case,
    DefinitionError,
    FunctionExercise,
    Prediction,
    StateExercise,
    Wrong,
)
from cnnkit.exercises.judge import judge
from cnnkit.exercises.plain import NotPlain, to_plain
from cnnkit.exercises.run import run_here
from cnnkit.exercises.words import as_text

HINTS = ("one", "two", "three")


def twice(x):
    return 2 * x


def cases(rng):
    x = rng.standard_normal((3, 4))
    yield Case({"x": x}, "shape", only_shape=True)
    yield Case({"x": x})
    yield Case({"x": np.zeros((1, 1))}, "edge cases", "one pixel")
    yield Case({"x": np.ones((2, 3))}, "edge cases")


def exercise(**more):
    return FunctionExercise(
        **{
            "id": "99.1",
            "title": "Twice",
            "answer": "f",
            "groups": {"shape": 1, "values": 2, "edge cases": 1},
            "hints": HINTS,
            "explanation": "Two times.",
            "reference": twice,
            "cases": cases,
            "wrong": (
                Wrong("once", "you forgot the 2", lambda x: x),
                Wrong("squared", "you squared it", lambda x: x**2),
                Wrong("first row", "only the first row", lambda x: 2 * x[0]),
                Wrong("crash", "there is no row 7", lambda x: x[7]),
            ),
            **more,
        }
    )


def verdict(answer, made=None, seed=3):
    made = made or exercise()
    drawn = made.draw(seed)
    return judge(made, drawn, run_here(made, answer, drawn))


# What may come in -----------------------------------------------------------------------------------------


class AlwaysEqual:
    def __eq__(self, other):
        return True

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("nobody asks")


class EqualArray(np.ndarray):
    def __eq__(self, other):
        return np.True_

    def __sub__(self, other):
        return np.zeros(self.shape)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (AlwaysEqual(), "yours is of the type AlwaysEqual"),
        ([[1, 2], [3]], "all rows equally long"),
        (np.array([object()]), "something else than numbers"),
        (["a", "b"], "holds words"),
        (1j, "complex"),
        ({"a": {1, 2}}, "numbers, words and lists"),
        (twice, "the function or class twice itself"),
        (np.broadcast_to(0.0, (10**5, 10**5)), "at most 50,000,000"),
        ("x" * 30_000, "at most 20,000"),
        ([None, 1], "something else than numbers"),
        (object, "the function or class object itself"),
        ([Linear(2, 3), ReLU()], r"must return a network, Sequential\(...\), and yours returned a list\.$"),
        ((Linear(2, 3), ReLU()), "yours returned a tuple"),
        (Linear(2, 3), r"the answer is one layer, Linear, and not a network: `return Sequential\(...\)`"),
    ],
)
def test_what_is_not_plain_is_refused_with_a_sentence(value, words):
    with pytest.raises(NotPlain, match=words):
        to_plain(value)


def test_what_is_plain():
    assert to_plain(3).shape == ()
    assert to_plain([[1, 2]]).tolist() == [[1, 2]]
    assert type(to_plain(np.zeros(2).view(EqualArray))) is np.ndarray
    assert to_plain(to_device([[1, 2]])).tolist() == [[1, 2]]
    assert to_plain(np.array([True])).dtype == bool
    for odd in (">f8", np.longdouble):
        assert to_plain(np.array([1.5, 2], odd)).dtype == np.float64
    assert json.loads(to_plain({"b": [1, np.float32(2)], "a": "x"})) == {"a": "x", "b": [1, 2]}
    assert json.loads(to_plain(Sequential(Linear(2, 3))))["layers"][0]["layer"] == "Linear"


# Comparing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ([1, 2], [1, 3], "at index 1, 2 is expected and yours is 3 (1 of 2 numbers differ)"),
        ([[1, 2]], [[1, 2], [3, 4]], "the answer must have the shape (1, 2), and yours has the shape (2, 2)"),
        ([1, 2], [[1, 2]], "shape"),
        (5, [5], "must be a single number, and yours has the shape (1,)"),
        ([5], 5, "no shape (it is a single number)"),
        ([1.0, np.inf], [1.0, 1e30], "index 1"),
        ([1.0], [np.nan], "yours is nan"),
        ("a", "b", "your answer is 'b'"),
        ("a", 1, "the answer must be a word, and yours is 1"),
        (1, "a", "the answer must be numbers"),
        ([1, 0], [1, 2e-4], "index 1"),
        (np.zeros((2, 2)), np.array([[0, 0], [1, 0]]), "row 1, column 0"),
    ],
)
def test_differences_are_found_and_told(expected, got, words):
    found = difference(expected, got, 1e-5)
    assert found is not None and words in found.sentence


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ([1, 2], [1 + 1e-6, 2]),
        ([100.0, 0], [100, 5e-4]),  # small beside the others
        ([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf]),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        ("Turned", " turned "),
        (2, True + 1),
        ([1.0], np.float32([1])),
    ],
)
def test_what_is_as_good_as_equal_is_equal(expected, got):
    assert difference(expected, got, 1e-5) is None


# Verdicts ---------------------------------------------------------------------------------------------------


def test_right():
    result = verdict(twice)
    assert (result.status, result.points, result.of, result.mistake) == ("passed", 4, 4, "")
    assert verdict(lambda x: x + x).passed and verdict(lambda x: (2 * x).tolist()).passed


def test_a_part_is_worth_its_points():
    result = verdict(lambda x: 3 * x)
    assert (result.status, result.points) == ("not yet", 1)
    reasons = {group.name: group.reason for group in result.groups}
    assert reasons["shape"] == "" and "is expected and yours is" in reasons["values"]
    assert "x of shape (3, 4)" in result.case
    only_ones = verdict(lambda x: 2 * x if x.shape == (3, 4) else 0 * x)
    assert [group.points for group in only_ones.groups] == [1, 2, 0]
    assert "x = [[1., 1., 1.], [1., 1., 1.]]" in only_ones.groups[2].reason


@pytest.mark.parametrize("index", range(4))
def test_known_mistakes_are_named(index):
    wrong = exercise().wrong[index]
    result = verdict(wrong.answer)
    assert result.mistake == wrong.sentence and not result.passed


def test_an_unknown_mistake_is_not_named_after_another():
    assert verdict(lambda x: 5 * x).mistake == ""
    # In one case as the known mistake, in the others otherwise: named only if the first failing case agrees.
    assert verdict(lambda x: x + 1).mistake == ""


def test_a_mistake_that_explains_the_first_case_alone_is_not_named():
    def by_chance(*right):
        """An answer that squares in the first case that counts, and adds 5 in all others but some."""
        return lambda x: x**2 if x.shape == (3, 4) else 2 * x if x.shape in right else x + 5

    assert verdict(by_chance()).mistake == ""
    assert (
        verdict(by_chance((2, 3))).mistake == verdict(by_chance((1, 1), (2, 3))).mistake == "you squared it"
    )


def test_a_mistake_that_goes_wrong_in_several_ways():
    made = exercise(wrong=(Wrong("five", "you added 5", lambda x: x + 5, also=(lambda x: 2 * x + 5,)),))
    for answer in (lambda x: x + 5, lambda x: 5 + x + x):
        assert verdict(answer, made).mistake == "you added 5"
    assert verdict(lambda x: x + 6, made).mistake == ""


def test_exceptions_are_an_outcome_with_the_line():
    def raises(x):
        y = x + 1
        return y[100, 100]

    result = verdict(raises)
    assert result.points == 0 and "it raised IndexError in line" in result.reason
    assert "out of bounds" in result.reason
    assert "it raised SystemExit" in verdict(lambda x: sys.exit(3)).reason
    assert "RecursionError" in verdict(lambda x: (lambda f: f(f))(lambda f: f(f))).reason


def test_what_goes_wrong_alike_everywhere_is_told_once():
    def raises(x):
        return missing_name  # noqa: F821 -- that is the mistake

    result = verdict(raises)
    assert "missing_name" in result.reason and result.case
    assert as_text(result).count("missing_name") == 1
    assert as_text(verdict("no function")).count("must be a function") == 1


def test_what_has_nothing_to_do_with_the_case_is_told_without_it():
    for answer in ("no function", lambda x: [ReLU()], lambda x: print(x, end="")):
        assert verdict(answer).case == ""
    untold = exercise(cases=lambda rng: [Case({"x": 1}, group, told=False) for group in exercise().groups])
    assert verdict(lambda x: 5, untold).case == "" and not verdict(lambda x: 5, untold).passed


def test_a_network_is_not_the_function_that_makes_one():
    made = exercise(makes_network=True)
    assert as_text(verdict(Sequential(ReLU()), made)).splitlines()[1] == (
        "  `f` is a network; it must be a function that makes one: "
        "`def f(seed): return Sequential(..., seed=seed)`"
    )
    assert verdict(lambda x: 0, made).case
    assert verdict(Sequential(ReLU())).case  # elsewhere it can be called as any function


def test_an_input_that_was_changed_is_noticed():
    def changes(x):
        x *= 2
        return x

    assert "changed its input x" in verdict(changes).reason


@pytest.mark.parametrize("answer", [None, ..., lambda x: None, lambda x: ...])
def test_not_attempted_is_not_wrong(answer):
    expected = "not yet" if callable(answer) and answer(0) is ... else "not attempted"
    assert verdict(answer).status == expected


def test_a_forgotten_return():
    def forgot(x):
        y = 2 * x  # noqa: F841

    assert "is the `return` missing" in verdict(forgot).reason
    assert "must be a function, and it is an int" in verdict(3).reason


def test_a_judge_in_place_of_a_reference():
    def positive(case, value):
        return "" if np.all(value >= 0) else "it must not be negative"

    made = exercise(
        reference=None,
        judge=positive,
        wrong=(
            Wrong("negative", "you let negative ones through", lambda x: -1 - 0 * x, lambda v: np.all(v < 0)),
        ),
    )
    assert verdict(np.abs, made).passed
    result = verdict(lambda x: -7 - x**2, made)
    assert result.mistake == "you let negative ones through" and "must not be negative" in result.reason


def test_a_predicted_grid_is_told_how_many_numbers_are_right():
    words = {"hints": HINTS, "explanation": "e", "right": [[19, 25], [37, 43]], "wrong": ()}
    made = Prediction(id="99.4", title="t", answer="a", **words)
    assert verdict([[19, 25], [37, 42]], made).reason == "3 of the 4 numbers are right"
    assert verdict([[1, 2], [3, 43]], made).reason == "1 of the 4 numbers is right"
    assert verdict([[1, 2], [3, 4]], made).reason == "none of the 4 numbers is right"


def test_predictions_do_not_tell_the_answer():
    made = Prediction(
        id="99.2",
        title="t",
        answer="a",
        hints=HINTS,
        explanation="e",
        right=42,
        wrong=(Wrong("half", "half", 21),),
    )
    assert verdict(42, made).passed and verdict(None, made).status == "not attempted"
    half, other = verdict(21, made), verdict(7, made)
    assert half.mistake == "half" and other.mistake == ""
    assert "42" not in json.dumps([half.as_dict(), other.as_dict()])
    choice = Prediction(
        id="99.3",
        title="t",
        answer="a",
        hints=HINTS,
        explanation="e",
        right="b",
        choices=("a", "b"),
        wrong=(),
    )
    assert verdict("B ", choice).passed
    assert "one of these words: 'a', 'b'" in verdict("c", choice).reason
    assert verdict("a", choice).status == verdict(3, choice).status == "not yet"


def test_states():
    made = StateExercise(
        id="99.4",
        title="t",
        answer="e",
        hints=HINTS,
        explanation="e",
        goal=lambda state: "" if state.get("stride") == 2 else "the stride must be 2",
        reached={"stride": 2},
        wrong=(),
    )

    class Explorer:
        def state(self):
            return {"stride": 2}

    assert verdict(Explorer(), made).passed and verdict({"stride": 2}, made).passed
    assert "stride must be 2" in verdict({"stride": 3}, made).reason
    assert "must be the explorer" in verdict(3, made).reason


def test_definitions_are_held_to_their_word():
    with pytest.raises(DefinitionError, match="2 hints"):
        exercise(hints=("a", "b"))
    with pytest.raises(DefinitionError, match="alike"):
        exercise(wrong=(Wrong("a", "b", 1), Wrong("a", "c", 2)))
    with pytest.raises(DefinitionError, match="unknown group 'x'"):
        exercise(cases=lambda rng: [Case({"x": 1}, "x")]).draw()
    with pytest.raises(DefinitionError, match="drew no case for edge cases, shape"):
        exercise(cases=lambda rng: [Case({"x": 1})]).draw()
