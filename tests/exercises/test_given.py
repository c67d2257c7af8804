"""What a case hands to an answer beside numbers: it must reach the answer, in whatever process that runs."""

import io

import numpy as np
import pytest

from cnnkit.exercises import wire
from cnnkit.exercises.definition import Case
from cnnkit.exercises.given import Classifier
from cnnkit.exercises.grading.packed import pack, unpack
from cnnkit.exercises.run import run_function


def drawn(classes=3, height=4, width=5):
    rng = np.random.default_rng(1)
    return Classifier(rng.standard_normal((classes, height, width)), rng.standard_normal(classes))


def test_it_gives_the_probabilities_of_one_picture():
    predict, x = drawn(), np.random.default_rng(2).random((4, 5))
    scores = [sum(w * v for w, v in zip(one.ravel(), x.ravel(), strict=True)) for one in predict.w]
    powers = [np.exp(score + b) for score, b in zip(scores, predict.b, strict=True)]
    assert predict(x) == pytest.approx(np.array(powers) / sum(powers))
    assert predict(1000 * x).sum() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(5, 4), (1, 4, 5), (20,)])
def test_it_names_a_shape_that_it_cannot_take(shape):
    with pytest.raises(ValueError, match=r"one picture of 4 x 5, and was given the shape \("):
        drawn()(np.zeros(shape))


def test_it_travels_to_another_process_and_is_called_there():
    predict, x = drawn(), np.ones((4, 5))
    sent = io.BytesIO()
    wire.send(sent, {"arguments": pack({"predict": predict, "x": x, "pairs": [(3, 1)]})})
    sent.seek(0)
    given = unpack(wire.receive(sent)["arguments"])
    assert isinstance(given["predict"], Classifier) and given["pairs"] == [(3, 1)]
    outcome = run_function(lambda predict, x, pairs: predict(x), Case(given))
    assert outcome.value == pytest.approx(predict(x))


def test_a_failing_case_says_what_it_is():
    words = Case({"predict": drawn(), "size": 2}).described()
    assert words == "with predict = a classifier of pictures of 4 x 5 in 3 classes, size = 2"


def test_any_other_function_is_refused_before_it_is_sent():
    with pytest.raises(TypeError):
        wire.send(io.BytesIO(), {"arguments": pack({"predict": lambda x: x})})
