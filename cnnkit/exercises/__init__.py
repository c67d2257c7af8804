"""Exercises: check an answer, get a hint, see the solution, keep the progress; and grade a class.

For learners: `check("01.2", corr2d)`, `hint("01.2")`, `solution("01.2")`, `explain("01.6")`, `progress()`,
`leaders("08.5")`, and `use("01.2", corr2d)` for later cells. Kernels are written in a `%%kernel NAME` cell.
For authors: the classes of `definition` and `launch`. For teachers: `cnnkit grade`.
"""

import sys

from .api import check, evaluate, explain, hint, solution, use
from .definition import Case, FunctionExercise, KernelExercise, Prediction, StateExercise, Wrong
from .launch import In, InOut, Launch, Local, Out, Reads
from .leaders import leaders
from .magic import LearnerKernel, register
from .progress_view import progress

if "IPython" in sys.modules:  # a notebook; a program need not wait for it
    register()

__all__ = [
    "Case",
    "FunctionExercise",
    "In",
    "InOut",
    "KernelExercise",
    "Launch",
    "LearnerKernel",
    "Local",
    "Out",
    "Prediction",
    "Reads",
    "StateExercise",
    "Wrong",
    "check",
    "evaluate",
    "explain",
    "hint",
    "leaders",
    "progress",
    "solution",
    "use",
]
