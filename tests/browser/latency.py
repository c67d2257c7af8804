"""From key press to picture: how long a learner's hand waits, for every explorer and for `interact`.

python tests/browser/latency.py            30 key presses each, about four minutes
python tests/browser/latency.py --quick    9 each

All explorers stand in one notebook in one JupyterLab, with `interact` and three Matplotlib pictures of
300x300 between them, and are measured by turns. Every key press waits for the picture of the new value,
pixel by pixel what an explorer in this process makes of the same value; then 30 quick keys follow, and the
last one's picture has to stand. Times are taken in the page (see latency.js). The exit status is 0 only if
every picture was right; times do not decide it, because machines differ.

Needs Chromium and playwright; `make latency` installs the latter.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jupyter_in_browser import CELL, CHROMIUM_FLAGS, Lab, Notebook, find_chromium

from cnnkit.explore.parts import presets
from cnnkit.explore.parts.canvas import Canvas
from cnnkit.explore.parts.chart import Chart

SCRIPT = Path(__file__).with_suffix(".js")
BENCH = Path(__file__).parents[1] / "bench"
PATIENCE = 20_000  # ms for one picture, after which it counts as missing
STARTING = 300_000  # ms until the last explorer stands there: one of them trains a network first
QUICK_KEYS = 30
KEYS = {
    "slider": ("ArrowRight", "ArrowLeft"),
    "combobox": ("ArrowDown", "ArrowUp"),
    "checkbox": ("Space", "Space"),
}
# What the targets are, and for which rows the second holds: those that compute pictures of 300x300.
P95_TARGET, TIMES_TARGET, LAST_TARGET = 60.0, 6.0, 100.0


@dataclass(frozen=True)
class Row:
    """What is measured of one explorer: keys on `control` set `trait` to `values`, and `picture` answers.

    values: what the control steps through, from its first; picture: the name of a Canvas, or of a Chart
    whose alternative text tells all values apart; role: the control's; after: code that prepares the
    explorer, called `explorer` there.
    """

    explorer: str
    control: str
    trait: str
    values: Sequence[Any]
    picture: str
    role: str = "slider"
    after: str = ""

    @property
    def code(self) -> str:
        """What makes the explorer, in the notebook and in this process."""
        first = f"explorer.model.{self.trait} = {self.values[0]!r}"
        make = f"from cnnkit.explore import {self.explorer}\nexplorer = {self.explorer}()"
        return "\n".join(filter(None, [make, self.after, first]))


TRAINED = """import cnnkit
train, test = cnnkit.data.digits()
model = cnnkit.models.small_cnn((1, 8, 8), 10)
cnnkit.fit(model, train, test, epochs=2, callbacks=[explorer], progress=False)"""
TENTHS = [round(0.1 * i, 1) for i in range(9)]

ROWS = [
    Row("ActivationExplorer", "+ bias", "bias", TENTHS, "after"),
    Row("BackpropExplorer", "Input", "size", range(3, 9), "dx"),
    Row("ChannelsExplorer", "Its side", "side", range(34, 43), "sheet"),
    Row("DescentExplorer", "Steps", "steps", range(10, 19), "loss"),
    Row("DrawExplorer", "Sample", "sample", range(1, 10), "importance"),
    Row("FilterExplorer", "Padding", "padding", range(9), "result"),
    Row("GeometryExplorer", "Padding", "padding", range(5), "output"),
    Row("PipelineExplorer", "Filter", "preset", list(presets.PRESETS)[:8], "pooled", "combobox"),
    Row("PoolingExplorer", "Shift right", "shift", range(7), "output"),
    Row("ReadsExplorer", "Image", "size", range(56, 65), "plain"),
    Row(
        "TrainingDashboard",
        "same color range for all",
        "shared_range",
        (True, False),
        "filters",
        "checkbox",
        TRAINED,
    ),
]
# Explorers without a row, and why.
NOT_TIMED = {"DeviceExplorer": "its picture follows a self-test, and most machines have one device to choose"}

INTERACT = "interact + Matplotlib"
INTERACT_VALUES = range(9)
INTERACT_CODE = """
import cnnkit, matplotlib.pyplot as plt
from cnnkit.explore.parts import presets
from ipywidgets import IntSlider, interact

photo, kernel = cnnkit.data.photo(), presets.edges(3)[None, None]

def three_pictures(padding):
    filtered = cnnkit.conv2d(photo, kernel, padding=padding)
    pictures = photo, filtered.get(), cnnkit.relu(filtered).get()
    # The frame's red says which value the picture belongs to.
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), facecolor=(padding / 255, 0.5, 0.5))
    for axis, picture in zip(axes, pictures):
        axis.imshow(picture[0, 0], cmap="magma")
    plt.show()

interact(three_pictures, padding=IntSlider(min=0, max=8, value=0, description="Padding"));
"""


@dataclass
class Watched:
    """A control in the page with the picture that answers it, and what was measured.

    tokens: of the right picture for each of the values; milliseconds: one per answered key; quick: from
    the last of the quick keys to its picture, or None; wrong: in words, what was not right.
    """

    name: str
    control: Any
    keys: tuple[str, str]
    tokens: list[str]
    answers: str
    milliseconds: list[float] = field(default_factory=list)
    quick: float | None = None
    wrong: list[str] = field(default_factory=list)
    at: int = 0
    step: int = 1

    def next_key(self) -> str:
        """Go one value on, to and fro between the ends; the key that does it."""
        if not 0 <= self.at + self.step < len(self.tokens):
            self.step = -self.step
        self.at += self.step
        return self.keys[self.step < 0]

    @property
    def due(self) -> str:
        return self.tokens[self.at]


# What is due ---------------------------------------------------------------------------------------


def checksum(rgba: np.ndarray) -> str:
    """Of a picture (H, W, 4) uint8 as a page's canvas holds it, where what is transparent is black."""
    words = np.ascontiguousarray(rgba * (rgba[..., 3:] > 0)).view("<u4").ravel()
    weights = 2 * np.arange(words.size, dtype=np.uint32) + 1
    return f"{rgba.shape[1]}x{rgba.shape[0]}:{int((words * weights).sum(dtype=np.uint32))}"


def token(part: Canvas | Chart) -> str:
    """What tells this picture from others, here and in the page."""
    if isinstance(part, Chart):
        return part.alt
    rgba = part.rgba()
    return "nothing" if rgba is None else checksum(rgba)


def part_of(explorer: Any, name: str) -> Any:
    """The picture of an explorer with this name, however deep it stands."""
    if getattr(explorer, "name", None) == name and isinstance(explorer, Canvas | Chart):
        return explorer
    found = (part_of(child, name) for child in getattr(explorer, "children", ()))
    return next((part for part in found if part is not None), None)


def tokens_of(row: Row) -> tuple[list[str], str]:
    """The right picture's token for each of the row's values, and whether it is a canvas or a chart.

    ValueError where two neighbors look the same, or one value looks different on the way back: such a row
    could not be measured.
    """
    names: dict[str, Any] = {}
    exec(row.code, names)
    explorer = names["explorer"]
    part = part_of(explorer, row.picture)
    if part is None:
        raise ValueError(f"{row.explorer} has no picture named {row.picture!r}.")
    tokens: dict[int, str] = {}
    order = [*range(len(row.values)), *reversed(range(len(row.values) - 1))]
    for index in order:
        setattr(explorer.model, row.trait, row.values[index])
        if tokens.setdefault(index, token(part)) != token(part):
            raise ValueError(f"{row.explorer}: {row.picture} depends on more than {row.trait}.")
    found = list(tokens.values())
    if any(one == other for one, other in itertools.pairwise(found)):
        raise ValueError(f"{row.explorer}: {row.picture} does not change with every step of {row.trait}.")
    return found, "chart" if isinstance(part, Chart) else "canvas"


# In the page ---------------------------------------------------------------------------------------


def open_page(lab: Lab, browser: Any, rows: list[Row]) -> Notebook:
    """One notebook with `interact` and all explorers, run to its end."""
    settings = lab.settings / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True, exist_ok=True)
    # Cells out of sight would not be drawn.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    cells = [INTERACT_CODE, *(f"{row.code}\nexplorer" for row in rows)]
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    notebook = Notebook(page, lab, lab.write("latency.ipynb", *cells))
    page.evaluate(SCRIPT.read_text("utf-8"))
    notebook.run_all(wait=False)
    last = page.locator(CELL).nth(len(rows)).locator(".jp-InputPrompt", has_text=f"[{len(cells)}]:")
    last.wait_for(timeout=STARTING)
    return notebook


def watch(page: Any, rows: list[Row], due: list[tuple[list[str], str]]) -> list[Watched]:
    """Let the page watch every picture."""
    cell = page.locator(CELL).nth(0)
    page.wait_for_timeout(2000)
    cell.locator(".jp-OutputArea .widget-interact img").first.wait_for(timeout=PATIENCE)
    cell.locator(".widget-interact").first.evaluate("latency.watch", [INTERACT, "output"])
    tokens = [str(value) for value in INTERACT_VALUES]
    found = [Watched(INTERACT, cell.get_by_role("slider").first, KEYS["slider"], tokens, "3 pictures")]
    for index, (row, (tokens, kind)) in enumerate(zip(rows, due, strict=True), start=1):
        cell = page.locator(CELL).nth(index)
        figure = cell.locator(f".cnnkit-{kind}[data-name={row.picture}]")
        figure.wait_for(state="attached", timeout=PATIENCE)
        figure.evaluate("latency.watch", [row.explorer, kind])
        control = cell.get_by_role(row.role, name=row.control, exact=True).first
        answers = f"{row.control}: {row.picture}"
        found.append(Watched(row.explorer, control, KEYS[row.role], tokens, answers))
    return found


def press_and_wait(page: Any, one: Watched, times: int, keep: bool = True) -> None:
    """Press `times` keys, each after the picture of the one before has been painted and a pause."""
    one.control.focus()
    page.wait_for_timeout(300)
    for _ in range(times):
        key = one.next_key()
        page.evaluate("latency.expect", [one.name, one.due])
        page.keyboard.press(key)
        got = page.evaluate("latency.answer", PATIENCE)
        if "painted" not in got:
            one.wrong.append(f"value {one.at} of {len(one.tokens)}: {got['shown']} instead of {one.due}")
            return
        if keep:
            one.milliseconds.append(got["painted"] - got["pressed"])
        page.wait_for_timeout(random.uniform(60, 140))  # no fixed beat with anything in the page


def press_quickly(page: Any, one: Watched) -> None:
    """30 keys without waiting; the last one's picture has to come, and to stay."""
    one.control.focus()
    page.wait_for_timeout(300)
    start, step = one.at, one.step
    keys = [one.next_key() for _ in range(QUICK_KEYS)]
    page.evaluate("latency.expect", [one.name, one.due])
    for key in keys:
        page.keyboard.press(key)
    got = page.evaluate("latency.settled")
    one.quick = time_of_last(got["pressed"], got["log"], one.due)
    if got["shown"] != one.due:
        one.wrong.append(
            f"30 quick keys from value {start} ({'up' if step > 0 else 'down'}): "
            f"{got['shown']} instead of {one.due}"
        )


def time_of_last(pressed: float, log: list[dict[str, Any]], due: str) -> float | None:
    """Milliseconds from the last key until the right picture stood and no other came after it."""
    standing = None
    for drawn in log:
        standing = (drawn["time"] if standing is None else standing) if drawn["token"] == due else None
    return None if standing is None else max(0.0, standing - pressed)


def measure(page: Any, watched: list[Watched], rounds: int, each: int) -> None:
    """`rounds` times `each` key presses for all, in a new order every round."""
    for one in watched:
        press_and_wait(page, one, 1, keep=False)
    for _ in range(rounds):
        for one in random.sample(watched, len(watched)):
            if not one.wrong:
                press_and_wait(page, one, each)
    for one in random.sample(watched, len(watched)):
        if not one.wrong:
            press_quickly(page, one)


# Told ----------------------------------------------------------------------------------------------


def table(watched: list[Watched]) -> str:
    """Markdown: every explorer's times and how many times faster than `interact` it is."""
    peer = np.median(watched[0].milliseconds) if watched[0].milliseconds else float("nan")
    heads = "explorer | key on: picture | p50, ms | p95, ms | longest, ms | x interact | last of 30 quick, ms"
    lines = [f"| {heads} |", "| :-- | :-- | --: | --: | --: | --: | --: |"]
    for one in watched:
        cells = ["-"] * 5
        if one.milliseconds:
            p50, p95 = np.percentile(one.milliseconds, [50, 95])
            cells = [f"{p50:.0f}", f"{p95:.0f}", f"{max(one.milliseconds):.0f}", f"{peer / p50:.1f}"]
            cells.append("-" if one.quick is None else f"{one.quick:.0f}")
        lines.append(f"| {' | '.join([one.name, one.answers, *cells])} |")
    return "\n".join(lines)


def verdict(watched: list[Watched]) -> str:
    """How many explorers reach what was aimed at."""
    peer, *explorers = [one for one in watched if one.milliseconds]
    half = np.median(peer.milliseconds)
    reached = {
        f"p95 under {P95_TARGET:.0f} ms": [np.percentile(o.milliseconds, 95) < P95_TARGET for o in explorers],
        f"at least {TIMES_TARGET:.0f} times faster than interact": [
            half / np.median(o.milliseconds) >= TIMES_TARGET for o in explorers
        ],
        f"the last quick key within {LAST_TARGET:.0f} ms": [
            o.quick is not None and o.quick <= LAST_TARGET for o in explorers
        ],
    }
    return "\n".join(f"{what}: {sum(hits)} of {len(hits)} explorers" for what, hits in reached.items())


COST_CELLS = (
    "from cnnkit.explore import TrainingDashboard\ndashboard = TrainingDashboard()\ndashboard",
    "import sys\nsys.path.insert(0, {path!r})\nfrom dashboard_cost import measure, told\n"
    "print(told(measure(dashboard, {rounds})))",
)


def cost_of_watching(lab: Lab, browser: Any, rounds: int) -> str:
    """How much the open dashboard slows training, measured by a cell of the notebook that shows it."""
    cells = (COST_CELLS[0], COST_CELLS[1].format(path=str(BENCH), rounds=rounds))
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    notebook = Notebook(page, lab, lab.write("cost.ipynb", *cells))
    notebook.run_all(wait=False)
    page.locator(CELL).nth(1).locator(".jp-InputPrompt", has_text="[2]:").wait_for(timeout=2 * STARTING)
    return notebook.output(1)


def main(arguments: list[str]) -> int:
    if set(arguments) - {"--quick"}:
        print("usage: python tests/browser/latency.py [--quick]", file=sys.stderr)
        return 2
    chromium = find_chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("This needs Chromium or Chrome on the PATH, and playwright: make latency.", file=sys.stderr)
        return 2
    rounds, each, cost_rounds = (3, 3, 3) if "--quick" in arguments else (5, 6, 7)
    print("Computing what every picture has to be.", flush=True)
    due = [tokens_of(row) for row in ROWS]
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=CHROMIUM_FLAGS)
        lab = Lab(Path(home))
        try:
            print(f"Opening {len(ROWS)} explorers in JupyterLab.", flush=True)
            notebook = open_page(lab, browser, ROWS)
            watched = watch(notebook.page, ROWS, due)
            print(f"Pressing {rounds * each} keys on each, then {QUICK_KEYS} quick ones.", flush=True)
            measure(notebook.page, watched, rounds, each)
            print(f"\n{table(watched)}\n\n{verdict(watched)}\n", flush=True)
            lab.end_kernels()
            print("Training with and without the dashboard.", flush=True)
            print(cost_of_watching(lab, browser, cost_rounds))
        finally:
            browser.close()
            lab.end_kernels()
            lab.close()
    wrong = [f"{one.name}: {what}" for one in watched for what in one.wrong] + notebook.complaints
    for line in wrong:
        print(f"WRONG  {line}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
