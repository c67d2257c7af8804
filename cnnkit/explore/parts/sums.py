"""A gradient's sum and its measurement in words and small tables: what the backprop explorer writes."""

from __future__ import annotations

import html
from itertools import chain

import numpy as np

from .arithmetic import matrix, numbers, tint
from .backward import Nudge, Pass, Terms
from .words import count, number, signed

AGREE = 0.01  # relative difference of a measured gradient that is no reason to wonder
IN_SIGHT = 9  # terms of a sum that is written out in the open
TITLES = {"x": ("g there", "weight used"), "w": ("pixel met", "g there"), "y": ("pixels", "weights")}
NAMES = {"x": "dx", "w": "dw", "y": "y"}


def loss_text(loss: str, done: Pass) -> str:
    """The loss, such as "L = sum of y", with its value, and the gradient of a bias."""
    text = (
        f"Loss {loss} = {number(done.loss, 6)}. A bias would be added to every output, "
        f"so its gradient is db = sum of g = {number(done.db, 6)}."
    )
    return f'<div class="cnnkit-line">{html.escape(text)}</div>'


def output_text(done: Pass, row: int, column: int) -> str:
    """What g at an output says, and how it came about."""
    g, y = number(done.g[row, column], 4), number(done.y[row, column], 4)
    source = ""
    if done.target is not None:
        source = f" = 2·(y − t) = 2·({y} − {signed(done.target[row, column], 4)})"
    text = f"g[{row}, {column}]{source} = {g}: if this output rises a little, L rises {g} times as much."
    return f'<div class="cnnkit-line">{html.escape(text)}</div>'


def sum_text(name: str, row: int, column: int, terms: Terms) -> str:
    """The whole block for dx (name "x"), dw ("w") or y ("y"): both factors, products, sum, and one line."""
    what = f"{NAMES[name]}[{row}, {column}]"
    heading = f'<div class="cnnkit-title">{what}: {_meaning(name, terms)}</div>'
    if not terms.left.size:
        return f'{heading}<div class="cnnkit-sum" role="status">{what} = 0</div>'
    operator = '<div class="cnnkit-operator" aria-hidden="true">{}</div>'.format
    left, right = TITLES[name]
    blocks = [
        _factors(left, terms.left, terms.inside),
        operator("×"),
        numbers(right, terms.right),
        operator("="),
        numbers("products", terms.products),
        operator("→"),
        f'<div class="cnnkit-sum" role="status">sum = {what} = {number(terms.total, 4)}</div>',
    ]
    return f'{heading}<div class="cnnkit-equation">{"".join(blocks)}</div>{_lines(what, terms)}'


def _meaning(name: str, terms: Terms) -> str:
    if name == "x":
        if not terms.left.size:
            return "no output reads this pixel, so no gradient comes back to it"
        if terms.left.size == 1:
            return "1 output reads this pixel, and its gradient comes back through the weight it used"
        return f"{terms.left.size} outputs read this pixel; each sends its g back through the weight it used"
    outside = int((~terms.inside).sum())
    padding = f" ({count(outside, 'time')} a zero of the padding, dashed)" if outside else ""
    if name == "w":
        return f"this weight meets {count(terms.left.size, 'pixel')}, one in each window{padding}"
    return f"this output is the sum over its window of {count(terms.left.size, 'pixel')}{padding}"


def _factors(name: str, values: np.ndarray, inside: np.ndarray) -> str:
    """A table of signed numbers; padding is dashed."""
    largest, digits = float(np.abs(values).max()), 2 if len(values) > 3 else 3
    pairs = zip(values.tolist(), inside.tolist(), strict=True)
    cells = [
        [
            (number(value, digits), tint(value, largest)) if read else ("0", "border-style:dashed")
            for value, read in zip(*row, strict=True)
        ]
        for row in pairs
    ]
    return matrix(name, cells)


def _lines(what: str, terms: Terms) -> str:
    """The sum by names and by numbers, each in one line; long sums are folded away."""
    named = zip(chain(*terms.left_names), chain(*terms.right_names), strict=True)
    values = zip(terms.left.ravel().tolist(), terms.right.ravel().tolist(), strict=True)
    by_name = " + ".join(f"{left}·{right}" for left, right in named)
    by_number = " + ".join(f"{signed(left)}·{signed(right)}" for left, right in values)
    lines = (
        f'<div class="cnnkit-line">{what} = {by_name}</div>'
        f'<div class="cnnkit-line">{what} = {by_number} = {number(terms.total, 4)}</div>'
    )
    if terms.left.size <= IN_SIGHT:
        return lines
    summary = f"<summary>All {terms.left.size} products in one line</summary>"
    return f'<details class="cnnkit-details">{summary}{lines}</details>'


def nudge_text(what: str, gradient: str, step: float, measured: Nudge, curved: bool) -> str:
    """What moving `what` by `step` does to the loss, beside its `gradient` such as "dx[0, 1]".

    curved: whether the loss is a squared error, for which a one-sided difference is off by the step.
    """
    if not measured.step:
        why = (
            "a step of 0 changes nothing: give a step above 0"
            if not step
            else f"{what} = {number(measured.value, 7)} and a step of {number(step)} are the same number in "
            "float32, which keeps about 7 digits: take a larger step"
        )
        return _verdict("busy", f"Nothing measured: {why}.")
    before, up, down = (number(value, 7) for value in (measured.before, measured.up, measured.down))
    off = abs(measured.rate - measured.gradient)
    agrees = off <= AGREE * max(abs(measured.gradient), 1.0)
    sides = (
        f"Moved {what} from {number(measured.value, 4)} by {number(step)}: L goes from {before} to {up}. "
        f"Change / step = {number(measured.rate, 5)}; the gradient says {gradient} = "
        f"{number(measured.gradient, 5)}."
    )
    both = f" Moved both ways, to {up} and {down}: {number(measured.central, 5)}."
    if agrees:
        return _verdict("same", f"✓ {sides}{both}")
    reason = (
        " A squared error is curved, so a large step looks too far ahead: moving both ways, or a smaller "
        "step, comes nearer."
        if curved and abs(measured.central - measured.gradient) < off / 2
        else " float32 keeps about 7 digits of L, and so small a change is lost in the rounding: take a "
        "larger step."
    )
    return _verdict("differs", f"≠ {sides}{both}{reason}")


def _verdict(kind: str, text: str) -> str:
    return f'<div class="cnnkit-verdict cnnkit-{kind}" role="status">{html.escape(text)}</div>'
