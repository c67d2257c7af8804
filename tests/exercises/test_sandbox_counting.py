"""A kernel's reads counted in the sandbox, its local memory filled; and what neither can be talked out of."""

import numpy as np
import pytest
from kernels_for_sandbox import FILTER, REVERSE, X, but, filter_launch, reverse_launch

import cnnkit
from cnnkit.errors import CnnkitError
from cnnkit.exercises import Case, KernelExercise, LearnerKernel, Wrong, api
from cnnkit.exercises.grading.outcomes import as_plain, from_plain
from cnnkit.exercises.judge import judge
from cnnkit.exercises.launch import In, Launch, Local, Out, Reads
from cnnkit.exercises.run import run_kernel
from cnnkit.exercises.sandbox import Sandbox
from cnnkit.exercises.sandbox.instrumented import MOST_LETTERS, NotCounted, counted, filled

FETCH = "tile[n - 1 - l] = x[i];"


@pytest.fixture(scope="module")
def box():
    made = Sandbox()
    yield made
    made.close()


def counting(most: int, local: int = 16) -> Launch:
    launch = reverse_launch((local,))
    return Launch(launch.arguments, launch.size, launch.local_sizes, Reads(0, (most,)))


def run(box, source, launch):
    (outcome,) = box.run(source, "reverse", [launch])
    return outcome


def test_reads_are_counted_and_the_result_stays(box):
    outcome = run(box, REVERSE, counting(64))
    assert (outcome.problem, outcome.reads, outcome.excess) == ("", 64, "")
    assert outcome.value.tolist() == run(box, REVERSE, reverse_launch()).value.tolist()
    assert run(box, REVERSE, reverse_launch()).reads is None, "only where the launch asks for it"


def test_more_reads_than_enough_are_told_with_both_numbers(box):
    outcome = run(box, but(REVERSE, FETCH, f"{FETCH} tile[n - 1 - l] += 0 * x[0] + 0 * x[i];"), counting(64))
    assert outcome.problem == "" and outcome.reads == 192
    assert "`x` 192 times, with work-groups of 16, where 64 are enough" in outcome.excess
    assert "local memory: 128 writes, 192 reads" in outcome.excess
    no_tile = "y[i] = x[i];"
    source = but(but(REVERSE, FETCH, ""), "y[i] = tile[n - 1 - l] + 0 * tile[l];", no_tile)
    assert "never reads local memory" in run(box, source, counting(63)).excess


def test_every_local_size_has_its_own_limit(box):
    def launch(*most):
        base = reverse_launch((16,), (8,))
        return Launch(base.arguments, base.size, base.local_sizes, Reads(0, most))

    assert run(box, REVERSE, launch(64, 64)).excess == ""
    assert "work-groups of 8, where 63" in run(box, REVERSE, launch(64, 63)).excess
    with pytest.raises(CnnkitError, match="for each local size"):
        run(box, REVERSE, launch(64))


def test_a_fault_is_told_as_without_counting(box):
    wrong = but(REVERSE, "y[i] =", "y[i + 1] =")
    plain, watched = run(box, wrong, reverse_launch()), run(box, wrong, counting(64))
    assert plain.symptom == watched.symptom == "overrun"
    assert plain.problem == watched.problem and plain.line == watched.line
    broken = but(REVERSE, "x[i];", "x[i]")
    assert run(box, broken, counting(64)) == run(box, broken, reverse_launch())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tile[n - 1 - l] = *(x + i);", "line 5 of your cell, `tile[n - 1 - l] = *(x + i);`, uses `x`"),
        ("tile[n - 1 - l] = vload2(i / 2, x)[i % 2];", "name[index]"),
        ("#define READ(p) p[i]\n tile[n - 1 - l] = READ(x);", "name[index]"),
        ("tile[n - 1 - l] = x[i]; /* cnnkit */", "`cnnkit` may not stand in it"),
        ("#define A(b) cnn ## b\n tile[n - 1 - l] = x[i];", "`##` may not stand in it"),
        ("#define A(b) cnn %:%: b\n tile[n - 1 - l] = x[i];", "`%:%:` may not"),
        ("tile[n - 1 - l] = x[i]; int cnn\\\nkit = 0;", "`cnnkit` may not stand in it"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(box, text, said):
    source = but(REVERSE, FETCH, text)
    outcome = run(box, source, counting(64))
    assert outcome.symptom == "refused" and said in outcome.problem, outcome.problem
    assert run(box, source, reverse_launch()).problem == "", "without counting it is a kernel like any other"


def test_a_source_that_is_too_long_is_not_read_through():
    with pytest.raises(NotCounted, match="at most 8,000"):
        counted(REVERSE + " " * MOST_LETTERS, "reverse", "x")
    assert filled(REVERSE + " " * 2 * MOST_LETTERS, "reverse", [("tile", 1, 0)]) is None


def test_changing_a_source_moves_no_line():
    for text in (
        counted(REVERSE, "reverse", "x").split("#line 1\n")[1],
        filled(REVERSE, "reverse", [("tile", 1, 0)]),
    ):
        lines, before = text.split("\n"), REVERSE.split("\n")
        assert len(lines) == len(before)
        assert all(
            "barrier(CLK" in line for line, old in zip(lines, before, strict=True) if "barrier(" in old
        )


# Local memory ------------------------------------------------------------------------------------


def test_nothing_to_fill_and_nothing_understood():
    assert filled(FILTER, "filter2d", []) is None
    assert filled("__kernel void f(", "f", [("tile", 1, 0)]) is None
    assert filled(REVERSE, "other", [("tile", 1, 0)]) is None


@pytest.mark.parametrize("local", [1, 4, 16, 64])
@pytest.mark.parametrize("number", [0, -1])
def test_what_nobody_wrote_is_always_noticed(box, local, number):
    """The first number and the last; whichever thread of the device runs which work-group."""
    place = "0" if number == 0 else "n + 2"
    source = but(REVERSE, "y[i] = ", f"y[i] = tile[{place}] + ")
    source = but(but(source, "tile[n - 1 - l] =", "tile[n - l] ="), "tile[n - 1 - l] + 0", "tile[n - l] + 0")
    source = but(source, "0 * tile[l]", "0")
    values = np.arange(64, dtype=np.float32)
    launch = Launch((In(values), Out((64,)), Local(1, more=3)), (64,), ((local,),))
    outcome = run(box, source, launch)
    assert outcome.symptom == "unstable"
    assert "read __local memory before any work-item had written it" in outcome.problem


def test_fmax_passes_over_no_forgotten_number(box):
    source = but(REVERSE, "y[i] = tile[n - 1 - l]", "y[i] = fmax(tile[n - 1 - l], tile[n])")
    values = np.arange(64, dtype=np.float32)
    launch = Launch((In(values), Out((64,)), Local(1, more=1)), (64,), ((16,),))
    assert run(box, source, launch).symptom == "unstable"


# In an exercise ----------------------------------------------------------------------------------


def an_exercise(**more):
    def cases(rng):
        yield Case({"x": X}, "values")
        yield Case({"x": X}, "reads")

    return KernelExercise(
        id="99.1",
        title="Twice",
        answer="twice",
        groups={"values": 2, "reads": 1},
        counted=("reads",),
        reference=lambda x: 2 * x,
        cases=cases,
        launch=lambda x: Launch((In(x), Out(x.shape)), (x.size,), ((16,),), Reads(0, (48,))),
        hints=("a", "b", "c"),
        explanation="d",
        wrong=(
            Wrong("both", "add it to itself without reading it twice", KERNEL, symptom="reads"),
            *more.get("wrong", ()),
        ),
    )


KERNEL = """__kernel void twice(__global const float *x, __global float *y)
{
    if (get_global_id(0) < 48)
        y[get_global_id(0)] = x[get_global_id(0)] + x[get_global_id(0)];
}"""
ONCE = but(KERNEL, "x[get_global_id(0)] + x[get_global_id(0)]", "2 * x[get_global_id(0)]")


def test_right_but_too_many_reads_is_worth_a_part():
    exercise = an_exercise()
    cases = exercise.draw(0)
    outcomes = run_kernel(exercise, KERNEL, cases)
    assert [outcome.reads for outcome in outcomes] == [None, 96]
    for found in (outcomes, [from_plain(as_plain(outcome)) for outcome in outcomes]):
        result = judge(exercise, cases, found)
        assert (result.points, result.of, result.mistake) == (2, 3, exercise.wrong[0].sentence)
        assert "the result is right, but it reads `x` 96 times" in result.reason
    assert judge(exercise, cases, run_kernel(exercise, ONCE, cases)).passed


def test_a_wrong_result_is_told_before_the_reads():
    tripled = but(KERNEL, "+ x[", "+ 2 * x[")
    exercise = an_exercise(wrong=(Wrong("tripled", "that is three times", tripled, lambda x: 3 * x),))
    cases = exercise.draw(0)
    result = judge(exercise, cases, run_kernel(exercise, tripled, cases))
    assert result.mistake == "that is three times" and result.points == 0
    assert all("the result is right" not in group.reason for group in result.groups)


def test_a_kernel_tells_its_reads_in_a_notebook():
    exercise = an_exercise()
    kernel = LearnerKernel("twice", KERNEL).bind(exercise.launch)
    assert kernel.reads(X) == 96 and kernel(X).tolist() == (2 * X).tolist()
    assert api._StandIn(kernel).reads(X) == 96
    other = LearnerKernel("filter2d", FILTER).bind(lambda: filter_launch())
    with pytest.raises(CnnkitError, match="counts no reads"):
        other.reads()


def test_oclgrind_is_not_asked_about_a_kernel_that_is_right():
    exercise = an_exercise()
    cases = exercise.draw(0)
    told = api._explanation(exercise, KERNEL, cases, run_kernel(exercise, KERNEL, cases))
    assert "here is none" in told and "more often than it must" in told


def test_the_course_kernels_count_the_same_in_the_sandbox_and_outside():
    """Two ways to the same number: `cnnkit.explore` counts in this process, the sandbox in its own."""
    from cnnkit.explore import ReadsModel
    from cnnkit.kernel import source

    model = ReadsModel(size=20, filter_size=3, padding=1, tile=4)
    image = np.zeros((1, 1, 20, 20), np.float32)
    numbers = (1, 1, 20, 20, 1, 3, 3, 20, 20, 1, 1, 1, 1, 1, 1)
    arguments = (
        In(image),
        In(np.ones(9, np.float32)),
        In(np.zeros(1, np.float32)),
        0,
        Out(image.shape),
        *numbers,
    )
    launch = Launch(arguments, (20, 20, 1), ((4, 4, 1),), Reads(0, (10**6,)))
    text = source("conv2d").split("/* Global size (W, H, N*C)")[0]
    text = text.replace("cnnkit/ops", "ops")  # even in a comment
    # The reader of a learner's source looks through no macros.
    shape = text.split("#define CONV2D_SHAPE")[1].split("/*")[0].replace("\\\n", " ")
    text = text.replace("CONV2D_SHAPE)", f"{shape.strip()})")
    (outcome,) = cnnkit.exercises.sandbox.sandbox().run(text, "conv2d_forward_plain", [launch])
    assert outcome.reads == model.logs["plain"].total
