"""What the descent explorer says: how descent is doing, and one step of it written out."""

from __future__ import annotations

import html

import numpy as np

from .arithmetic import numbers
from .bowl import look_at
from .descent_model import DescentModel, name_of
from .words import number, signed

ABOVE = 1 + 1e-6  # a learning rate this much above the limit is above it, whatever was rounded


def verdict(model: DescentModel) -> tuple[str, str]:
    """How descent is doing: "same" (well) or "differs" (not), and a sentence."""
    made, loss = len(model.losses) - 1, float(model.losses[-1])
    limit = number(model.largest_rate)
    above = (
        f"the learning rate {number(model.learning_rate)} is above the largest that converges, {limit} here."
    )
    if model.stopped is not None:
        return (
            "differs",
            f"Step {model.stopped}: a number has left the range of float32, and the descent ends: {above}",
        )
    if model.learning_rate > ABOVE * model.largest_rate:
        if model.grows:
            return "differs", f"Step {made}: the loss is {number(loss)} and grows: {above}"
        return (
            "differs",
            f"Step {made}: the loss is {number(loss)}, and yet it will not stay small: {above} In the "
            "steepest direction every step overshoots by more than the one before. From this start hardly "
            "anything points that way: try another start, or more steps.",
        )
    start = f"Step {made}: the loss is {number(loss)}"
    if made == 0:
        return "busy", f"{start}. Press Step or Play."
    if loss > model.losses[-2] and loss > 1e-12 * model.losses[0]:
        return "busy", f"{start}, more than a step before: momentum carries the filter past the floor."
    if model.learned:
        return "same", f"{start}: less than a millionth of the start. The filter is learned."
    return "same", f"{start}, {number(model.losses[0])} at the start."


def facts(model: DescentModel) -> str:
    """The curvatures of the bowl and what they allow, as HTML."""
    steepest, gentlest = float(model.curvatures[-1]), float(model.curvatures[0])
    factor = "2" if not model.momentum else f"2·(1 + {number(model.momentum)})"
    amount = f"{model.task.target.size} squared differences (y − t)²"
    name = "the sum" if model.task.reduction == "sum" else "the mean"
    lines = [
        f"Largest learning rate that converges: {factor} / {number(steepest)} = "
        f"{number(model.largest_rate)}; {number(steepest)} is the bowl’s curvature where it is steepest.",
        f"Where it is gentlest it is {number(gentlest)}"
        + (f", {number(steepest / gentlest, 2)} times less" if gentlest > 1e-6 * steepest else "")
        + ".",
        f"The loss is {name} of {amount}.",
    ]
    return f'<div class="cnnkit-note">{html.escape(" ".join(lines))}</div>'


def step_text(model: DescentModel) -> str:
    """The next step written out: w, its gradient, what momentum keeps, and the new w; as HTML."""
    made = len(model.losses) - 1
    head = f'<div class="cnnkit-title">From step {made} to step {made + 1}</div>'
    if model.following is None:
        return f'{head}<div class="cnnkit-line">The next numbers would leave the range of float32.</div>'
    kept, gradient = _velocity(model), numbers("gradient g", model.slopes)
    rate, share = number(model.learning_rate), number(model.momentum)
    parts = [numbers("w", model.weights), _sign(f"− {rate} ·")]
    if model.momentum:
        parts += [_sign("("), _sign(f"{share} ·"), numbers("last step v", kept), _sign("+")]
    parts += [gradient, *([_sign(")")] if model.momentum else []), _sign("=")]
    parts.append(numbers("new w", model.following))
    lines = "".join(
        f'<div class="cnnkit-line">{_weight_line(model, kept, at)}</div>'
        for at in sorted({model.across, model.up})
    )
    return f'{head}<div class="cnnkit-equation">{"".join(parts)}</div>{lines}'


def _sign(text: str) -> str:
    return f'<div class="cnnkit-operator">{text}</div>'


def _velocity(model: DescentModel) -> np.ndarray:
    """v of `cnnkit.SGD` after the last step: what that step moved, divided by the learning rate."""
    if len(model.path) < 2 or not model.learning_rate:
        return np.zeros_like(model.weights)
    return (model.path[-2] - model.path[-1]) / np.float32(model.learning_rate)


def _weight_line(model: DescentModel, kept: np.ndarray, at: int) -> str:
    """`w₁: 0.4 − 0.03·(0.9·1.2 + (−3.1)) = 0.46`."""
    assert model.following is not None
    weight, slope, new = (values.ravel()[at] for values in (model.weights, model.slopes, model.following))
    inside = signed(slope)
    if model.momentum:
        inside = f"({number(model.momentum)}·{signed(kept.ravel()[at])} + {inside})"
    return f"{name_of(at)}: {number(weight)} − {number(model.learning_rate)}·{inside} = {number(new)}"


def pointed_text(model: DescentModel) -> str:
    """Loss and gradient where the surface is pointed at, and where a step from there would lead; as HTML."""
    filter_ = model.pointed_at()
    if filter_ is None:
        return ""
    loss, slopes = look_at(model.task, filter_)
    axes = model.across, model.up
    flat, gradient = filter_.ravel(), slopes.ravel()
    where = ", ".join(f"{name_of(at)} = {number(flat[at])}" for at in axes)
    slope = ", ".join(f"dL/d{name_of(at)} = {number(gradient[at])}" for at in axes)
    rate = model.learning_rate
    steps = "; ".join(
        f"{name_of(at)}: {number(flat[at])} − {number(rate)}·{signed(gradient[at])} = "
        f"{number(flat[at] - rate * gradient[at])}"
        for at in axes
    )
    return (
        f'<div class="cnnkit-title">Where you point: {where}</div>'
        f'<div class="cnnkit-sum" role="status">loss = {number(loss)}</div>'
        f'<div class="cnnkit-line">The slope is {slope}. A first step from here: {steps}.</div>'
    )
