"""Every exercise of the course: right answers pass, however they are written; each known mistake is named."""

from dataclasses import replace

import pytest
from driver import ENDS_LOOPS, POCL_BEFORE_7

from cnnkit.exercises import notebooks
from cnnkit.exercises.definition import (
    Exercise,
    FunctionExercise,
    KernelExercise,
    Prediction,
    StateExercise,
    Wrong,
)
from cnnkit.exercises.judge import judge
from cnnkit.exercises.registry import exercises
from cnnkit.exercises.run import run_here

ALL = list(exercises().values())
SEEDS = range(3)
PREDICTIONS = (Prediction, StateExercise)  # one value is right, and that is that


def verdict(exercise: Exercise, answer, seed: int):
    cases = exercise.draw(seed)
    return judge(exercise, cases, run_here(exercise, answer, cases))


def solved_answer(exercise: Exercise):
    """What the solved cell of the notebook leaves under the answer's name."""
    code = notebooks.solved_cell(exercise)
    if isinstance(exercise, KernelExercise):
        first, source = code.split("\n", 1)
        assert first == f"%%kernel {exercise.answer}"
        return source
    path = notebooks.notebook_path(exercise.notebook, solution=True)
    names: dict = {}
    exec(notebooks.source(notebooks.cells(path)[0]), names)  # the imports
    exec(code, names)
    return names[exercise.answer]


def right_answers(exercise: Exercise) -> list:
    if isinstance(exercise, StateExercise):  # its solved cell moves an explorer: test_grading_course runs it
        return [exercise.reached, *exercise.also_right]
    return [solved_answer(exercise), *exercise.also_right]


def seeds_for(exercise: Exercise) -> range:
    """A kernel takes a while, and so does an answer that is trained; one value is the same for every seed."""
    slow = isinstance(exercise, (KernelExercise, *PREDICTIONS)) or getattr(exercise, "judge", None)
    return range(1) if slow else SEEDS


def marks(exercise: Exercise, wrong: Wrong) -> list:
    """A kernel without end takes its five seconds: one in every run, the others in the slow tests."""
    return [pytest.mark.slow] if wrong.symptom == "timeout" and exercise.id != "01.7" else []


def depends_on_the_device(exercise: Exercise, wrong: Wrong) -> bool:
    """May this device make something else of the mistake? It is rejected all the same."""
    if wrong.symptom == "timeout":
        return ENDS_LOOPS
    return (exercise.id, wrong.name) == ("11.4", "left before the barrier") and not POCL_BEFORE_7


WRONG = [
    pytest.param(e, wrong, id=f"{e.id}-{wrong.name}", marks=marks(e, wrong)) for e in ALL for wrong in e.wrong
]
ALSO_WRONG = [
    pytest.param(e, replace(wrong, answer=answer), id=f"{e.id}-{wrong.name}-{i}")
    for e in ALL
    for wrong in e.wrong
    for i, answer in enumerate(wrong.also)
]


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.id)
def test_right_answers_pass(exercise):
    answers = right_answers(exercise)
    assert len(answers) >= (1 if isinstance(exercise, Prediction) else 2)
    for seed in seeds_for(exercise):
        for answer in answers:
            result = verdict(exercise, answer, seed)
            assert result.passed, (seed, result.as_dict())
            assert result.points == exercise.points


@pytest.mark.parametrize(("exercise", "wrong"), [*WRONG, *ALSO_WRONG])
def test_a_wrong_answer_is_rejected_with_its_own_sentence(exercise, wrong):
    for seed in seeds_for(exercise):
        result = verdict(exercise, wrong.answer, seed)
        assert result.status == "not yet" and result.points < exercise.points, (seed, result.as_dict())
        if not depends_on_the_device(exercise, wrong):
            assert result.mistake == wrong.sentence, (seed, result.as_dict())


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.id)
def test_a_definition_is_whole(exercise):
    assert len(exercise.wrong) >= 5
    sentences = [wrong.sentence for wrong in exercise.wrong]
    assert len(set(sentences)) == len(sentences)
    texts = [*sentences, *exercise.hints, exercise.explanation, exercise.title]
    assert all(isinstance(text, str) and text.strip() == text and text for text in texts)
    assert len(set(exercise.hints)) == 3
    assert exercise.points >= 1


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.id)
def test_the_stub_of_the_learners_notebook_is_not_attempted(exercise):
    stub = notebooks.tagged(notebooks.notebook_path(exercise.notebook), exercise.id)
    if isinstance(exercise, StateExercise):
        return  # what counts is the explorer, not the cell
    if isinstance(exercise, KernelExercise):
        answer = stub.split("\n", 1)[1]
    else:
        names: dict = {}
        exec(notebooks.source(notebooks.cells(notebooks.notebook_path(exercise.notebook))[0]), names)
        exec(stub, names)
        answer = names[exercise.answer]
    assert verdict(exercise, answer, 0).status == "not attempted"


@pytest.mark.parametrize(
    "exercise", [e for e in ALL if isinstance(e, (FunctionExercise, KernelExercise))], ids=lambda e: e.id
)
def test_cases_are_fresh_and_a_seed_repeats_them(exercise):
    words = [[case.described() for case in exercise.draw(seed)] for seed in (1, 1)]
    assert words[0] == words[1]
    drawn = [[str(dict(case.arguments)) for case in exercise.draw(seed)] for seed in (1, 1, 2, None)]
    assert drawn[0] == drawn[1]
    assert len({tuple(cases) for cases in drawn[1:]}) == 3


def test_every_exercise_has_its_cell_and_every_such_cell_its_exercise():
    for solution in (True, False):
        tagged = []
        for number in sorted({exercise.notebook for exercise in ALL}):
            for cell in notebooks.cells(notebooks.notebook_path(number, solution)):
                tags = cell["metadata"].get("tags", [])
                tagged += [tag for tag in tags if tag[:1].isdigit()]
                assert "exercise" in tags or not [tag for tag in tags if tag[:1].isdigit()]
        assert tagged == [exercise.id for exercise in ALL], "each once, in the order of the notebooks"
