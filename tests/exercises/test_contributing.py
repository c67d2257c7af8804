"""The exercise that CONTRIBUTING shows is a whole one, in under 30 lines."""

import re
from pathlib import Path

from cnnkit.exercises.definition import FunctionExercise
from cnnkit.exercises.judge import judge
from cnnkit.exercises.run import run_here

TEXT = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_exercise_that_is_shown_works():
    section = TEXT[TEXT.index("## Add an exercise") :]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line.strip()]) < 30
    names: dict = {}
    exec(code, names)
    exercise: FunctionExercise = names["relu"]
    cases = exercise.draw(1)
    for right in (exercise.reference, *exercise.also_right):
        assert judge(exercise, cases, run_here(exercise, right, cases)).passed
    for wrong in exercise.wrong:
        result = judge(exercise, cases, run_here(exercise, wrong.answer, cases))
        assert not result.passed and result.mistake == wrong.sentence
