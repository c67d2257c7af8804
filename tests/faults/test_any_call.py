"""Ten thousand drawn calls of the public operations: each gives a right answer or a clear error.

The calls are made in a child process (`any_call_child`), so that one that ends the interpreter is seen, with
the call that did it.
"""

from collections import Counter
from pathlib import Path

import pytest
from any_call_draws import MAKERS, calls
from hypothesis import HealthCheck, given, settings
from other_process import OtherProcess

import cnnkit
from cnnkit.ops import __all__ as OPERATIONS

CHILD = Path(__file__).with_name("any_call_child.py")


class Worker:
    """The child process and what its calls came to."""

    def __init__(self):
        # Memory that nobody wrote holds 3e38 here and not zeros (glibc), so that reading it shows.
        self.process = OtherProcess(CHILD, MALLOC_PERTURB_="128")
        self.outcomes = Counter()
        self.latest = []

    def call(self, operation, args, valid):
        outcome, words = self.process.ask(operation, args, valid)
        if "interpreter ended" in words:
            words += f"; the calls before: {self.latest}"
        self.latest = [*self.latest[-4:], (operation, args)]
        self.outcomes[operation, outcome] += 1
        return outcome, words

    def table(self):
        rows = [f"{'operation':24}{'calls':>7}{'right':>7}{'clear error':>13}{'wrong':>7}"]
        for operation in [*sorted(MAKERS), "all"]:
            counts = [
                sum(
                    n
                    for (name, kind), n in self.outcomes.items()
                    if kind == wanted and operation in (name, "all")
                )
                for wanted in ("right", "refused", "wrong")
            ]
            rows.append(f"{operation:24}{sum(counts):7}{counts[0]:7}{counts[1]:13}{counts[2]:7}")
        return "\n".join(rows)


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.process.stop()
    print(f"\n{worker.table()}")


def draw_and_judge(worker, examples):
    """About so many calls in all, the same number of each operation."""
    for operation in sorted(MAKERS):

        @settings(
            max_examples=-(-examples // len(MAKERS)), suppress_health_check=list(HealthCheck), database=None
        )
        @given(call=calls(operation))
        def judge(call):
            outcome, words = worker.call(*call)
            assert outcome != "wrong", f"any_call_child.verdict(*{call!r}): {words}"

        judge()


def test_any_call_is_answered_or_refused(worker):
    draw_and_judge(worker, 300)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_calls_are_answered_or_refused(worker):
    draw_and_judge(worker, 10_000)


def test_every_operation_is_drawn():
    others = {name for name in cnnkit.__all__ if name[0].isupper() and not name.endswith("Error")}
    others -= {"Callback", "LinearDecay"}  # they compute nothing by themselves
    assert {*OPERATIONS, *others, "fit", "evaluate", "to_device", "use"} <= set(MAKERS)
