"""A report as tables, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .convolutions import ConvolutionResult
from .report import Report
from .steps import StepResult
from .targets import NOTICEABLE, geometric_mean, verdicts
from .timing import Timing

NONE = "-"
UNSTEADY = 4 / 3  # how far two ways of taking a ratio may be apart


@dataclass
class Table:
    """Texts in rows below a header, with a title above and sentences below."""

    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def as_text(tables: list[Table]) -> str:
    """Plain and aligned: the first column to the left, numbers to the right."""
    return "\n\n".join(_text(table) for table in tables)


def as_markdown(tables: list[Table]) -> str:
    """The same as Markdown, for docs/performance.md."""
    return "\n\n".join(_markdown(table) for table in tables) + "\n"


def tables(report: Report) -> list[Table]:
    """One table for each part that was measured, the machine first and the targets last."""
    makers: list[Callable[[Report], Table | None]] = [
        _machine, _convolutions, _steps, _pipeline, _growth, _startup, _memory, _time_to, _targets, _skipped
    ]  # fmt: skip
    return [table for make in makers if (table := make(report)) is not None]


def _text(table: Table) -> str:
    grid = [table.header, *table.rows] if any(table.header) else table.rows
    widths = [max(len(row[i]) for row in grid) for i in range(len(table.header))]
    right = [_numeric(table.rows, i) for i in range(len(table.header))]
    lines = [table.title, "-" * len(table.title)]
    for row in grid:
        cells = zip(row, widths, right, strict=True)
        lines.append("  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in cells).rstrip())
    return "\n".join([*lines, *table.notes])


def _markdown(table: Table) -> str:
    right = [_numeric(table.rows, i) for i in range(len(table.header))]
    lines = [f"## {table.title}", "", _markdown_row(table.header)]
    lines += [_markdown_row(["--:" if r else ":--" for r in right]), *map(_markdown_row, table.rows)]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)])


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _numeric(rows: list[list[str]], column: int) -> bool:
    """Does a column hold numbers (and gaps) alone?"""
    cells = [row[column] for row in rows if row[column] != NONE]
    return bool(cells) and all(cell[:1].isdigit() and not cell[-1:].isalpha() for cell in cells)


def _ms(timing: Timing | None) -> str:
    return NONE if timing is None else f"{timing.median * 1e3:.3f}"


def _times(ratio: float | None) -> str:
    return NONE if ratio is None else f"{ratio:.2f}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.2f}"


def _machine(report: Report) -> Table:
    machine, ceilings = report.machine, report.ceilings
    rows = [
        ["date", report.date + (" (quick)" if report.quick else "")],
        ["processor", f"{machine.cpu}, {machine.cores} cores"],
        ["device", f"{machine.device} ({machine.kind}, {machine.platform})"],
        ["driver", machine.driver],
        ["system", f"{machine.system}, Python {machine.python}"],
        ["versions", f"cnnkit {machine.cnnkit}, NumPy {machine.numpy}, PyTorch {_torch(report)}"],
    ]
    if ceilings is not None:
        rows.append(["arithmetic ceiling", f"{ceilings.gflops:.1f} GFLOP/s (multiply-adds in registers)"])
        rows.append(["memory ceiling", f"{ceilings.gbytes:.1f} GB/s (a[i] = b[i] + s*c[i])"])
    return Table("Machine", ["", ""], rows)


def _torch(report: Report) -> str:
    machine = report.machine
    return "not installed" if machine.torch is None else f"{machine.torch} ({machine.torch_threads} threads)"


def _busy(report: Report) -> list[str]:
    if report.busy is None or report.busy <= NOTICEABLE:
        return []
    return [
        f"Other programs kept {report.busy:.1f} of {report.machine.cores} cores busy meanwhile: these "
        "numbers are no verdict. PyTorch suffers most from that, so the ratios flatter cnnkit; measure again "
        "when the machine is idle."
    ]


def _convolutions(report: Report) -> Table | None:
    if not report.convolutions:
        return None
    names = list(dict.fromkeys(name for row in report.convolutions for name in row.variants))
    header = ["N,C,H,K,R", "stride", "direction", "ms", "GFLOP/s", "% of ceiling"]
    header += ["PyTorch ms", "x PyTorch", "NumPy ms", "x NumPy", *(f"{name} ms" for name in names)]
    rows = []
    for row in report.convolutions:
        case = row.case
        share = NONE if report.ceilings is None else f"{100 * row.gflops / report.ceilings.gflops:.0f}"
        rows.append(
            [
                f"{case.N},{case.C},{case.H},{case.K},{case.R}",
                str(case.stride),
                row.direction.replace("_", " "),
                _ms(row.ours),
                f"{row.gflops:.1f}",
                share,
                _ms(row.torch),
                _times(row.to_torch),
                _ms(row.numpy),
                _times(row.to_numpy),
                *(_ms(row.variants.get(name)) for name in names),
            ]
        )
    return Table("Convolution", header, rows, [*_means(report), *_unsteady(report.convolutions)])


def _means(report: Report) -> list[str]:
    """The geometric means of the speed-ups over PyTorch and NumPy."""
    notes = []
    for direction in dict.fromkeys(row.direction for row in report.convolutions):
        rows = [row for row in report.convolutions if row.direction == direction]
        for name, ratios in (("PyTorch", [r.to_torch for r in rows]), ("NumPy", [r.to_numpy for r in rows])):
            known = [ratio for ratio in ratios if ratio is not None]
            if known:
                words = f"{geometric_mean(known):.2f} x {name} (lowest {min(known):.2f})"
                notes.append(f"Geometric mean, {direction.replace('_', ' ')}: {words}.")
    return notes


def _unsteady(rows: Sequence[ConvolutionResult | StepResult]) -> list[str]:
    """Say where the fastest rounds tell another story than the median ones."""
    pairs = [(r.to_torch, r.best_to_torch) for r in rows if r.to_torch and r.best_to_torch]
    odd = [usual for usual, best in pairs if not 1 / UNSTEADY <= usual / best <= UNSTEADY]
    if not odd:
        return []
    by_best = geometric_mean(best for _, best in pairs)
    return [
        f"In {len(odd)} of {len(pairs)} rows the ratio of the fastest rounds differs by more than a third: "
        f"something held one side up. By fastest rounds, the geometric mean is {by_best:.2f} x PyTorch."
    ]


def _steps(report: Report) -> Table | None:
    if not report.steps:
        return None
    header = ["network", "batch", "ms per step", "images/s", "PyTorch ms", "x PyTorch"]
    rows = [
        [r.network, str(r.batch), _ms(r.ours), f"{r.images_per_second:.0f}", _ms(r.torch), _times(r.to_torch)]
        for r in report.steps
    ]
    title = "Training step: forward, loss, backward, Adam"
    return Table(title, header, rows, _unsteady(report.steps))


def _pipeline(report: Report) -> Table | None:
    if (result := report.pipeline) is None:
        return None
    row = ["300x300, filter 3x3, ReLU, pooling", _ms(result.ours), _ms(result.torch), _times(result.to_torch)]
    return Table("A photograph", ["", "ms", "PyTorch ms", "x PyTorch"], [row])


def _growth(report: Report) -> Table | None:
    if not report.growth:
        return None
    header = ["doubled", "direction", "N,C,H,K,R", "ms", "ps per FLOP", "x the size before"]
    rows = [
        [
            row.grows,
            row.direction.replace("_", " "),
            f"{row.case.N},{row.case.C},{row.case.H},{row.case.K},{row.case.R}",
            _ms(row.ours),
            f"{row.ps_per_flop:.1f}",
            _times(row.change),
        ]
        for row in report.growth
    ]
    return Table("Growth: time per FLOP as the work doubles", header, rows)


def _startup(report: Report) -> Table | None:
    if (result := report.startup) is None:
        return None
    rows = [
        ["import cnnkit", f"{result.imported:.2f}"],
        ["notebook 08's networks, nothing compiled yet", f"{result.cold:.2f}"],
        ["the same in the next process", f"{result.warm:.2f}"],
    ]
    return Table("Start-up", ["", "s"], rows)


def _memory(report: Report) -> Table | None:
    if not report.memory:
        return None
    header = ["network", "batch", "steps", "activations", "gradients", "parameters", "Adam", "held", "factor"]
    header.append("after 20")
    rows = [
        [
            row.network,
            str(row.batch),
            str(row.steps),
            *map(_mib, (row.activations, row.gradients, row.parameters, row.optimizer, row.late)),
            f"{row.factor:.2f}",
            _mib(row.early),
        ]
        for row in report.memory
    ]
    return Table("Device memory in training, MiB", header, rows)


def _time_to(report: Report) -> Table | None:
    if (result := report.time_to) is None:
        return None
    runs = {"cnnkit": result.ours} | ({"PyTorch": result.torch} if result.torch else {})
    rows = [[n, f"{r.seconds:.1f}", str(r.steps), f"{100 * r.accuracy:.2f}"] for n, r in runs.items()]
    title = f"From start to {result.goal:.0%} on MNIST"
    return Table(title, ["library", "s", "steps", "test accuracy, %"], rows)


def _targets(report: Report) -> Table | None:
    rows = [[v.part, v.asked, v.measured, "met" if v.met else "MISSED"] for v in verdicts(report)]
    return Table("Targets", ["part", "asked", "measured", ""], rows, _busy(report)) if rows else None


def _skipped(report: Report) -> Table | None:
    rows = [[part, why] for part, why in report.skipped.items()]
    rows += [[part, f"FAILED: {why}"] for part, why in report.failed.items()]
    return Table("Left out", ["part", "why"], rows) if rows else None
