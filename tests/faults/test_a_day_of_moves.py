"""A full day of slider moves in fast motion: every explorer turned, typed into, pointed at and drawn on.

100 000 events are more than three a second through a day of eight hours. `day_of_moves.py` makes them, in
child processes of its own, and this says what its memory may do.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# How many events each explorer gets: one that computes and draws much takes a hundred times as long as one
# that does not, so the quick ones get more. Two processes, as there are at least two cores.
DAYS = (
    {
        "FilterExplorer": 15_000,
        "PipelineExplorer": 10_000,
        "PoolingExplorer": 15_000,
        "GeometryExplorer": 4_000,
        "DrawExplorer": 3_500,
        "ReadsExplorer": 2_000,
        "DescentExplorer": 500,
    },
    {
        "TrainingDashboard": 20_000,
        "DeviceExplorer": 10_000,
        "InvarianceExplorer": 8_000,
        "BackpropExplorer": 6_000,
        "ActivationExplorer": 4_000,
        "ChannelsExplorer": 2_000,
    },
)
ROUNDS, WARM = 10, 4  # by then every cache holds what comes again and again
# What may come after that, in MiB. Measured over the 30 000 events that follow in a process: resident 17,
# and of it the pool's 11 (a CPU device's memory is the computer's, and the pool keeps the most that was ever
# in use of each size, so it rises ever more slowly). A leak of 1 KiB in every event would be 30 MiB, one of
# an object in every event 30 000 of them, and one of an array shows in the counts at once.
RESIDENT, POOL, OBJECTS = 28, 20, 25_000
CHILD = Path(__file__).with_name("day_of_moves.py")
TABLES = 1024  # the device keeps no more lists of whole numbers, an array each


def start(day):
    environment = os.environ | {"MPLBACKEND": "Agg"}
    command = [sys.executable, CHILD, str(ROUNDS), *(f"{name}={events}" for name, events in day.items())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def told(child):
    said, _ = child.communicate(timeout=3000)
    assert child.returncode == 0
    report = json.loads(said.splitlines()[-1])
    for key in report["figures"][0]:
        print(f"{key:18s}", *(round(figures[key], 1) for figures in report["figures"]))
    print(report["seconds"])
    return report


def check(report):
    assert report["errors"] == {}
    warm, end = report["figures"][WARM], report["figures"][-1]
    assert end["widgets"] <= warm["widgets"], "a move makes no new widget"
    assert end["objects"] - warm["objects"] < OBJECTS
    # Buffers and arrays beside the tables, which are bounded by themselves, are those in view.
    for key in ("buffers", "arrays"):
        beside = [figures[key] - figures["tables"] for figures in (warm, end)]
        assert abs(beside[1] - beside[0]) <= 8, (key, beside)
    assert end["tables"] <= TABLES
    assert end["programs"] <= warm["programs"] + 2 and end["kernels"] <= warm["kernels"] + 8
    assert end["pool managed MiB"] - warm["pool managed MiB"] < POOL
    assert end["resident MiB"] - warm["resident MiB"] < RESIDENT


def test_some_hundred_moves_leave_no_buffer_behind():
    day = {"FilterExplorer": 300, "PoolingExplorer": 300, "BackpropExplorer": 100, "DeviceExplorer": 300}
    check(told(start(day)))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_day_of_moves_leaves_memory_flat():
    assert sum(sum(day.values()) for day in DAYS) >= 100_000
    children = [start(day) for day in DAYS]
    try:
        for report in [told(child) for child in children]:
            check(report)
    finally:
        for child in children:
            child.kill()
