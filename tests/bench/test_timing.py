"""Taking turns and counting runs, with a clock that only the fake calls move."""

from __future__ import annotations

import pytest

from cnnkit.bench.timing import LEAST_ROUNDS, Timing, interleave, speedup


class FakeMachine:
    """A clock, and calls that take as long as they say; the machine slows down as it is used."""

    def __init__(self, drift: float = 0.0) -> None:
        self.now, self.drift, self.log = 0.0, drift, []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.log.append("pause")
        self.now += seconds

    def call(self, name: str, seconds: float):
        def run() -> None:
            self.log.append(name)
            self.now += seconds * (1 + self.drift * self.now)

        return run


def _interleave(machine: FakeMachine, candidates: dict, seconds: float, **options) -> dict[str, Timing]:
    return interleave(candidates, seconds, clock=machine.clock, pause=machine.pause, **options)


def test_times_are_those_of_the_calls() -> None:
    machine = FakeMachine()
    calls = {"fast": machine.call("fast", 0.01), "slow": machine.call("slow", 0.03)}
    times = _interleave(machine, calls, 5.0)
    assert times["fast"].median == pytest.approx(0.01) and times["slow"].upper == pytest.approx(0.03)
    assert speedup(times["fast"], times["slow"]) == pytest.approx(3.0)
    assert len(times["fast"].rounds) == len(times["slow"].rounds) > LEAST_ROUNDS
    assert machine.now < 6.0


def test_every_round_has_every_candidate_once_in_changing_order() -> None:
    machine = FakeMachine()
    names = ["a", "b", "c"]
    _interleave(machine, {name: machine.call(name, 0.1) for name in names}, 10.0, settle=0)
    turns = machine.log[-3 * 20 :]  # a long call is called once per turn
    rounds = [tuple(turns[i : i + 3]) for i in range(0, len(turns), 3)]
    assert all(sorted(each) == names for each in rounds)
    assert len(set(rounds)) > 1


def test_the_same_seed_gives_the_same_order() -> None:
    def order(seed: int) -> list[str]:
        machine = FakeMachine()
        _interleave(machine, {name: machine.call(name, 0.1) for name in "abc"}, 5.0, seed=seed)
        return machine.log

    assert order(1) == order(1) != order(2)


def test_a_slow_program_still_has_its_least_rounds() -> None:
    machine = FakeMachine()
    times = _interleave(machine, {"slow": machine.call("slow", 100.0)}, 1.0)
    assert len(times["slow"].rounds) == LEAST_ROUNDS


def test_short_calls_fill_a_block() -> None:
    machine = FakeMachine()
    times = _interleave(machine, {"short": machine.call("short", 1e-4)}, 0.1)
    assert times["short"].runs == 80 * len(times["short"].rounds)
    assert times["short"].median == pytest.approx(1e-4)


def test_there_is_a_pause_before_every_turn_unless_it_is_not_wanted() -> None:
    machine = FakeMachine()
    _interleave(machine, {"a": machine.call("a", 0.1), "b": machine.call("b", 0.1)}, 1.0)
    assert machine.log.count("pause") == 2 * LEAST_ROUNDS
    machine = FakeMachine()
    _interleave(machine, {"a": machine.call("a", 0.1), "b": machine.call("b", 0.1)}, 1.0, settle=0)
    assert "pause" not in machine.log


def test_the_ratio_survives_a_machine_that_becomes_slower() -> None:
    machine = FakeMachine(drift=0.1)
    calls = {"one": machine.call("one", 0.02), "two": machine.call("two", 0.04)}
    times = _interleave(machine, calls, 20.0)
    assert times["one"].upper > 1.5 * times["one"].lower, "the drift must show in the times"
    assert speedup(times["one"], times["two"]) == pytest.approx(2.0, rel=0.05)


def test_median_and_quartiles() -> None:
    timing = Timing.of([5.0, 1.0, 2.0, 4.0, 3.0], calls=2)
    assert (timing.lower, timing.median, timing.upper, timing.runs) == (2.0, 3.0, 4.0, 10)
    assert timing.best == 1.0
    assert Timing.of([7.0]) == Timing(7.0, 7.0, 7.0, 1)


def test_a_part_of_a_call() -> None:
    step = Timing.of([10.0, 20.0, 30.0]).per(10)
    assert (step.median, step.runs, step.rounds) == (2.0, 30, (1.0, 2.0, 3.0))
