"""From key press to picture: how long a learner's hand waits, for every explorer and for `interact`.

python tests/browser/latency.py                 30 key presses each, about a quarter of an hour
python tests/browser/latency.py --quick         9 each
python tests/browser/latency.py Reads Filter    these, by words of their names; Watching: the dashboard

One JupyterLab, and in it a notebook for every explorer, which holds `interact` with three Matplotlib
pictures of 300x300 as well: the two are measured by turns, so that whatever else the machine does meets
both, and their ratio is one of the same minute. Every key press waits for the picture of the new value,
which has to be, pixel by pixel, what an explorer in this process makes of the same value. Then 30 quick
keys follow, and the last one's picture has to stand. Times are taken in the page (see latency.js). The exit
status is 0 only if every picture was right; times do not decide it, because machines differ.

Needs Chromium and playwright; `make latency` installs the latter.
"""

from __future__ import annotations

import itertools
import random
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jupyter_in_browser import CELL, CHROMIUM_FLAGS, Lab, Notebook, find_chromium
from latency_rows import INTERACT, INTERACT_CODE, INTERACT_VALUES, ROWS, Row

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


@dataclass
class Watched:
    """A control in the page with the picture that answers it, and what was measured.

    tokens: of the right picture for each of the values; milliseconds: one per answered key; quick: one per
    30 quick keys, from the last of them to its picture; wrong: in words, what was not right.
    """

    name: str
    control: Any
    keys: tuple[str, str]
    tokens: list[str]
    answers: str
    milliseconds: list[float] = field(default_factory=list)
    quick: list[float] = field(default_factory=list)
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


def draw_all_cells(lab: Lab) -> None:
    """JupyterLab would leave out cells that are out of sight."""
    settings = lab.settings / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')


def measure_row(lab: Lab, browser: Any, row: Row, rounds: int, each: int) -> Timed:
    """Everything of one row, in a notebook of its own."""
    due = tokens_of(row)
    notebook = open_page(lab, browser, row)
    try:
        peer, own = watch(notebook.page, row, due)
        measure(notebook.page, [peer, own], rounds, each)
    finally:
        notebook.page.context.close()
        lab.end_kernels()
    return Timed(own, peer, notebook.complaints)


def open_page(lab: Lab, browser: Any, row: Row) -> Notebook:
    """A notebook with `interact` and the row's explorer, run to its end."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    name = lab.write(f"{row.explorer}.ipynb", INTERACT_CODE, f"{row.code}\nexplorer")
    notebook = Notebook(page, lab, name)
    page.evaluate(SCRIPT.read_text("utf-8"))
    notebook.run_all(wait=False)
    page.locator(CELL).nth(1).locator(".jp-InputPrompt", has_text="[2]:").wait_for(timeout=STARTING)
    return notebook


def watch(page: Any, row: Row, due: tuple[list[str], str]) -> list[Watched]:
    """Let the page watch both pictures; `interact` stands first."""
    first, second = page.locator(CELL).nth(0), page.locator(CELL).nth(1)
    first.locator(".widget-interact img").first.wait_for(timeout=PATIENCE)
    first.locator(".widget-interact").first.evaluate("latency.watch", [INTERACT, "output"])
    slider = first.get_by_role("slider").first
    peer = Watched(INTERACT, slider, KEYS["slider"], [str(v) for v in INTERACT_VALUES], "3 pictures")
    tokens, kind = due
    figure = second.locator(f".cnnkit-{kind}[data-name={row.picture}]")
    figure.wait_for(state="attached", timeout=PATIENCE)
    figure.evaluate("latency.watch", [row.explorer, kind])
    control = second.get_by_role(row.role, name=row.control, exact=True).first
    return [peer, Watched(row.explorer, control, KEYS[row.role], tokens, f"{row.control}: {row.picture}")]


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
    """30 keys without waiting; the last one's picture has to come, and to stay.

    They begin where the last of them, at an end, is far from the value's picture of before.
    """
    far = len(one.tokens) - 1
    start = -QUICK_KEYS % far
    while one.at != start and not one.wrong:
        press_and_wait(page, one, 1, keep=False)
    one.step = 1
    one.control.focus()
    page.wait_for_timeout(300)
    keys = [one.next_key() for _ in range(QUICK_KEYS)]
    page.evaluate("latency.expect", [one.name, one.due])
    for key in keys:
        page.keyboard.press(key)
    got = page.evaluate("latency.settled", PATIENCE)
    took = time_of_last(got["pressed"], got["log"], one.due)
    if got["shown"] != one.due or took is None:
        one.wrong.append(f"{QUICK_KEYS} quick keys: {got['shown']} instead of {one.due}")
    else:
        one.quick.append(took)


def time_of_last(pressed: float, log: list[dict[str, Any]], due: str) -> float | None:
    """Milliseconds from the last key until the right picture stood and no other came after it."""
    standing = None
    for drawn in log:
        standing = (drawn["time"] if standing is None else standing) if drawn["token"] == due else None
    return None if standing is None else max(0.0, standing - pressed)


def measure(page: Any, watched: list[Watched], rounds: int, each: int) -> None:
    """`rounds` times `each` key presses by turns; after every second round 30 quick ones."""
    for one in watched:
        press_and_wait(page, one, 1, keep=False)
    for number in range(rounds):
        for one in random.sample(watched, len(watched)):
            if not one.wrong:
                press_and_wait(page, one, each)
            if not one.wrong and number % 2 == 0:
                press_quickly(page, one)


# Told ----------------------------------------------------------------------------------------------


@dataclass
class Timed:
    """What a row came to: the explorer's times, those of `interact` beside it, complaints of the page."""

    own: Watched
    peer: Watched
    complaints: list[str]

    @property
    def ratio(self) -> float:
        """How many times sooner the explorer's picture is there than that of `interact`, by medians."""
        if not (self.own.milliseconds and self.peer.milliseconds):
            return float("nan")
        return float(np.median(self.peer.milliseconds) / np.median(self.own.milliseconds))

    @property
    def wrong(self) -> list[str]:
        told = [f"{one.name}: {what}" for one in (self.own, self.peer) for what in one.wrong]
        return told + [f"{self.own.name}, the console: {what}" for what in self.complaints]


def times(milliseconds: list[float], quick: list[float]) -> tuple[list[str], str]:
    """p50, p95 and the longest of the times, and the longest of the quick ones, as text."""
    if not milliseconds:
        return ["-"] * 3, "-"
    numbers = [*np.percentile(milliseconds, [50, 95]), max(milliseconds)]
    return [f"{number:.0f}" for number in numbers], f"{max(quick):.0f}" if quick else "-"


def table(timed: list[Timed]) -> str:
    """Markdown: every explorer's times and how many times faster than `interact` it is."""
    heads = "explorer | key on: picture | p50, ms | p95, ms | longest, ms | x interact | last of 30 quick, ms"
    lines = [f"| {heads} |", "| :-- | :-- | --: | --: | --: | --: | --: |"]
    for one in timed:
        numbers, last = times(one.own.milliseconds, one.own.quick)
        ratio = "-" if np.isnan(one.ratio) else f"{one.ratio:.1f}"
        lines.append(f"| {' | '.join([one.own.name, one.own.answers, *numbers, ratio, last])} |")
    together = [ms for one in timed for ms in one.peer.milliseconds]
    numbers, last = times(together, [ms for one in timed for ms in one.peer.quick])
    lines.append(f"| {' | '.join([INTERACT, 'padding: 3 pictures', *numbers, '1', last])} |")
    return "\n".join(lines)


def verdict(timed: list[Timed]) -> str:
    """How many explorers reach what was aimed at."""
    measured = [one for one in timed if one.own.milliseconds]
    reached = {
        f"p95 under {P95_TARGET:.0f} ms": [
            np.percentile(one.own.milliseconds, 95) < P95_TARGET for one in measured
        ],
        f"at least {TIMES_TARGET:.0f} times faster than interact": [
            one.ratio >= TIMES_TARGET for one in measured
        ],
        f"the last of {QUICK_KEYS} quick keys within {LAST_TARGET:.0f} ms": [
            bool(one.own.quick) and max(one.own.quick) <= LAST_TARGET for one in measured
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
    words = [word.lower() for word in arguments if word != "--quick"]
    if any(word.startswith("-") for word in words):
        print("usage: python tests/browser/latency.py [--quick] [NAME ...]", file=sys.stderr)
        return 2
    rows = [row for row in ROWS if not words or any(word in row.explorer.lower() for word in words)]
    watching = not words or "watching" in words
    if not rows and not watching:
        names = ", ".join(row.explorer for row in ROWS)
        print(f"No explorer is called {' or '.join(words)}; there are {names}, Watching.", file=sys.stderr)
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
    print(f"{rounds * each} key presses on each of {len(rows)} explorers:", flush=True)
    timed = []
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=CHROMIUM_FLAGS)
        lab = Lab(Path(home))
        draw_all_cells(lab)
        try:
            for row in rows:
                timed.append(measure_row(lab, browser, row, rounds, each))
                print(table(timed[-1:]).splitlines()[2], flush=True)
            if timed:
                print(f"\n{table(timed)}\n\n{verdict(timed)}\n", flush=True)
            if watching:
                print(cost_of_watching(lab, browser, cost_rounds))
        finally:
            browser.close()
            lab.end_kernels()
            lab.close()
    wrong = [line for one in timed for line in one.wrong]
    for line in wrong:
        print(f"WRONG  {line}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
