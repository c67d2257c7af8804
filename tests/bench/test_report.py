"""A report as text, Markdown, JSON and picture; its targets, met and missed."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from PIL import Image

from cnnkit.bench import machine
from cnnkit.bench.ceilings import Ceilings, better
from cnnkit.bench.convolutions import ConvolutionResult
from cnnkit.bench.growth import GrowthRow
from cnnkit.bench.machine import Machine, OtherPrograms, busy_cores, describe_machine
from cnnkit.bench.memory import MemoryResult
from cnnkit.bench.pipeline import PipelineResult
from cnnkit.bench.report import Report, from_json, to_json
from cnnkit.bench.roofline import describe, draw_roofline, save_roofline
from cnnkit.bench.shapes import ConvCase, Direction
from cnnkit.bench.startup import StartupResult
from cnnkit.bench.steps import StepResult
from cnnkit.bench.tables import as_markdown, as_text, tables
from cnnkit.bench.targets import geometric_mean, verdicts
from cnnkit.bench.time_to import Learned, TimeToResult
from cnnkit.bench.timing import Timing
from cnnkit.errors import CnnkitError, DataError

MACHINE = Machine(
    cpu="Some Processor",
    cores=4,
    system="Linux 6 x86_64",
    python="3.12.1",
    device="Some Device",
    kind="CPU",
    platform="Some | Platform",
    driver="1.2",
    cnnkit="0.1.0",
    numpy="2.1",
    torch="2.9",
    torch_threads=4,
)


def _time(seconds: float) -> Timing:
    return Timing.of([seconds])


def _convolution(direction: Direction, ours: float, torch: float | None) -> ConvolutionResult:
    case = ConvCase(2, 3, 4, 5, 3)
    peer = None if torch is None else _time(torch)
    ratio = None if torch is None else torch / ours
    return ConvolutionResult(
        case,
        direction,
        case.flops,
        case.bytes,
        _time(ours),
        peer,
        to_torch=ratio,
        variants={"plain": _time(1.0)},
    )


def _report() -> Report:
    """Every part, with numbers that are easy to check: 8640 FLOPs in 8640 ns are 1 GFLOP/s."""
    second = _time(1.0)
    case = ConvCase(2, 3, 4, 5, 3)
    return Report(
        MACHINE,
        "2026-01-02",
        False,
        Ceilings(2.0, 10.0, second, second),
        [
            _convolution("forward", 8640e-9, 2 * 8640e-9),
            _convolution("backward_data", 8640e-9, 0.5 * 8640e-9),
        ],
        [StepResult("a network", 64, _time(0.001), _time(0.003), 3.0)],
        PipelineResult(_time(0.0005)),
        [
            GrowthRow("batch", "forward", case, case.flops, second),
            GrowthRow("batch", "forward", case, case.flops, second, 1.3),
        ],
        StartupResult(0.2, 12.0, 0.3),
        [MemoryResult("a network", 64, 100, 4_000, 4_000, 1_000, 1_000, 11_000, 11_000)],
        TimeToResult(0.99, Learned(30.0, 1000, 0.991), Learned(40.0, 1200, 0.99)),
        {"one part": "there was no time"},
        {"another": "it broke"},
    )


def test_json_and_back() -> None:
    report = _report()
    text = to_json(report)
    assert from_json(text) == report
    content = json.loads(text)
    assert content["schema"] == 1 and content["convolutions"][0]["ours"]["median"] == 8640e-9
    assert "rounds" not in content["convolutions"][0]["ours"]
    assert {
        "part": "pipeline",
        "asked": "a photograph in under 1 ms",
        "measured": "0.50 ms",
        "met": True,
    } in (content["targets"])


def test_an_empty_report_and_back() -> None:
    report = Report(dataclasses.replace(MACHINE, torch=None, torch_threads=None), "2026-01-02", True)
    assert from_json(to_json(report)) == report
    assert [table.title for table in tables(report)] == ["Machine"]


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"schema": 1}', "[]"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="no report of 'cnnkit bench'"):
        from_json(text)


def test_another_schema_is_refused() -> None:
    with pytest.raises(DataError, match="has schema 99, and cnnkit reads 1"):
        from_json('{"schema": 99}')


def test_targets_are_met_and_missed() -> None:
    met = {verdict.asked: (verdict.measured, verdict.met) for verdict in verdicts(_report())}
    assert met == {
        "geometric mean at least 1.0 x PyTorch": ("1.00 x", True),
        "no shape under 0.7 x PyTorch": ("lowest 0.50 x", False),
        "best shape at least 75 % of the arithmetic ceiling": ("50%", False),
        "training steps at least 2 x PyTorch's images per second": ("lowest 3.00 x", True),
        "99% on MNIST sooner than PyTorch": ("30.0 s against 40.0 s", True),
        "a photograph in under 1 ms": ("0.50 ms", True),
        "import in under 0.5 s": ("0.20 s", True),
        "a new machine compiles in under 10 s": ("12.00 s", False),
        "with warm caches in under 0.5 s": ("0.30 s", True),
        "flat over 100 steps": ("0 bytes more", True),
        "at most 1.3 x activations, gradients, parameters": ("highest 1.10 x", True),
        "time per FLOP does not rise with the work (by 10% at most)": ("highest 1.30 x", False),
    }


def test_the_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert geometric_mean([1.0, 2.0, 4.0]) == pytest.approx(2.0)


def test_the_text_is_aligned() -> None:
    text = as_text(tables(_report()))
    assert all(line == line.rstrip() for line in text.splitlines())
    lines = text.split("Convolution\n")[1].splitlines()[1:4]
    assert lines[0].split()[:4] == ["N,C,H,K,R", "stride", "direction", "ms"]
    ends = [line.index(word) + len(word) for line, word in zip(lines, ("GFLOP/s", "1.0", "1.0"), strict=True)]
    assert len(set(ends)) == 1, "numbers end below each other"
    assert "2,3,4,5,3" in lines[1] and " 50 " in lines[1] and " 2.00 " in lines[1]
    assert "Geometric mean, forward: 2.00 x PyTorch (lowest 2.00)." in text
    assert "there was no time" in text and "FAILED: it broke" in text


def test_rounds_that_disagree_are_said() -> None:
    report = _report()
    assert "fastest rounds" not in as_text(tables(report))
    steady = dataclasses.replace(report.convolutions[0], best_to_torch=1.9)
    held_up = dataclasses.replace(report.convolutions[1], best_to_torch=0.2)
    report.convolutions = [steady, held_up]
    text = as_text(tables(report))
    assert "In 1 of 2 rows the ratio of the fastest rounds differs" in text
    assert "the geometric mean is 0.62 x PyTorch" in text


def test_markdown_rows_have_as_many_cells_as_their_header() -> None:
    text = as_markdown(tables(_report()))
    for block in text.split("## ")[1:]:
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({row.replace("\\|", "").count("|") for row in rows}) == 1, block
    assert "Some \\| Platform" in text


def test_a_busy_machine_is_said() -> None:
    report = _report()
    assert "busy" not in as_text(tables(report))
    report.busy = 1.4
    assert "Other programs kept 1.4 of 4 cores busy" in as_text(tables(report))


def test_the_picture_carries_its_sentence(tmp_path) -> None:
    report = _report()
    save_roofline(report, tmp_path / "roof.png")
    with Image.open(tmp_path / "roof.png") as image:
        assert image.info["Description"] == describe(report)
    assert "reaches 1 GFLOP/s, 50% of the flat roof. In 1 of 2" in describe(report)


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(CnnkitError, match="needs the parts"):
        draw_roofline(Report(MACHINE, "2026-01-02", True))


def test_the_machine_is_described_without_names_of_people_or_places() -> None:
    import getpass
    import os
    import socket

    here = describe_machine()
    text = " ".join(map(str, dataclasses.astuple(here)))
    assert here.device and here.cnnkit and here.cores >= 1
    private = {os.path.expanduser("~"), os.getcwd(), socket.gethostname()} - {"", "/"}
    # As words: a machine may be called "vm", and a device "llvmpipe".
    assert not [word for word in private if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    assert f" {getpass.getuser()} " not in text


def test_busy_cores_are_a_number_or_unknown() -> None:
    busy = busy_cores(0.02)
    assert busy is None or busy >= 0


def test_ones_own_work_is_not_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    # In 10 s of the clock all cores worked 16 s, of which 12 s were this process's own.
    readings = iter([(100.0, 50.0, 1.0), (110.0, 66.0, 13.0)])
    monkeypatch.setattr(machine, "_readings", lambda: next(readings))
    assert OtherPrograms().cores() == pytest.approx(0.4)


def test_the_better_of_two_ceilings() -> None:
    one, two = _time(1.0), _time(2.0)
    assert better(None, Ceilings(1, 2, one, one)) == Ceilings(1, 2, one, one)
    assert better(Ceilings(5, 1, one, one), Ceilings(4, 3, two, two)) == Ceilings(5, 3, one, two)
