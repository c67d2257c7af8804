"""The exercises of notebook 07."""

import numpy as np

from cnnkit.exercises.definition import Case, FunctionExercise, Prediction, StateExercise, Wrong

BAND = np.ones((6, 8))
BAND[:, 2:6] = 0
DIFFERENCE = np.array([[1.0, -1.0]])


def corr2d(x, w):
    """The dot product of w with every patch of x."""
    return np.einsum("ijrs,rs->ij", np.lib.stride_tricks.sliding_window_view(x, w.shape), w)


def weight_gradient(g, x):
    """dL/dw from g = dL/dy: each weight adds up g times the pixels that it met."""
    return corr2d(x, g)


# --- 07.1: one step by hand ----------------------------------------------------------------------------------

by_hand = Prediction(
    id="07.1",
    title="One step by hand",
    answer="my_first_step",
    right=[[0.36, -0.36]],
    wrong=(
        Wrong(
            "sign",
            "that is a step uphill: where the slope is negative the loss falls to the right, so the weight must grow. It is "
            "w minus the learning rate times the gradient",
            [[-0.36, 0.36]],
        ),
        Wrong(
            "no learning rate",
            "you went the whole gradient: only the share 0.03 of it is a step",
            [[12, -12]],
        ),
        Wrong("gradient", "that is the gradient itself: the question is where the step leads", [[-12, 12]]),
        Wrong(
            "the goal",
            "that is where the filter is going; one step covers only a part of the way",
            [[1, -1]],
        ),
        Wrong(
            "sign alone",
            "you went 0.03 whatever the slope: the step is 0.03 times the slope, and steep means far",
            [[0.03, -0.03]],
        ),
        Wrong(
            "divided",
            "you divided by the learning rate: multiply the gradient by 0.03",
            [[400, -400]],
        ),
        Wrong(
            "both alike",
            "the right size, but the two slopes have opposite signs, and so have the two steps",
            [[0.36, 0.36]],
        ),
        Wrong(
            "no grid",
            "the numbers are right; the filter is a grid of one row: [[..., ...]], with two brackets",
            [0.36, -0.36],
        ),
        Wrong(
            "not moved",
            "that is where the filter stood before: w less 0.03 times the gradient is where it goes",
            [[0, 0]],
        ),
    ),
    hints=(
        "Each weight by itself: its new value is the old one, less 0.03 times its slope.",
        "The first weight has the slope -12. What is 0.03 times that, and what is 0 less this number?",
        "0 - 0.03·(-12) for the first weight, 0 - 0.03·12 for the second.",
    ),
    explanation="0 − 0.03·(−12) = 0.36 and 0 − 0.03·12 = −0.36: more than a third of the way to 1 and −1, in one step.",
)


# --- 07.2: the loop ------------------------------------------------------------------------------------------


def learn(x, t, w, lr, steps):
    """Gradient descent on the summed squared error."""
    for _ in range(steps):
        w = w - lr * weight_gradient(2 * (corr2d(x, w) - t), x)
    return w


def learn_by_matrix(x, t, w, lr, steps):
    """Every patch a row: y = a w."""
    a = np.lib.stride_tricks.sliding_window_view(x, w.shape).reshape(t.size, w.size)
    flat = w.ravel().copy()
    for _ in range(steps):
        flat -= 2 * lr * (a.T @ (a @ flat - t.ravel()))
    return flat.reshape(w.shape)


def learn_in_lists(x, t, w, lr, steps):
    """Plain Python."""
    (OH, OW), (R, S) = t.shape, w.shape
    w = [list(row) for row in w]
    for _ in range(steps):
        dw = [[0.0] * S for _ in range(R)]
        for i in range(OH):
            for j in range(OW):
                taps = [(r, s) for r in range(R) for s in range(S)]
                error = sum(w[r][s] * x[i + r, j + s] for r, s in taps) - t[i, j]
                for r, s in taps:
                    dw[r][s] += 2 * error * x[i + r, j + s]
        w = [[w[r][s] - lr * dw[r][s] for s in range(S)] for r in range(R)]
    return w


def _task(rng, size, filter_size, share, steps, group, words=""):
    """A case whose learning rate is `share` of the largest that converges."""
    x, w = rng.uniform(-1, 1, size), rng.uniform(-2, 2, filter_size)
    t = corr2d(x, rng.integers(1, 5, filter_size) * rng.choice((-1.0, 1.0), filter_size))
    t = t + rng.uniform(
        -0.5, 0.5, t.shape
    )  # no filter gets it all right: the end is no integer to be guessed
    a = np.lib.stride_tricks.sliding_window_view(x, filter_size).reshape(t.size, w.size)
    lr = float(f"{share / np.linalg.eigvalsh(a.T @ a)[-1]:.3g}")
    return Case({"x": x, "t": t, "w": w, "lr": lr, "steps": steps}, group, words)


def learn_cases(rng):
    band = {"x": BAND, "t": corr2d(BAND, DIFFERENCE), "w": np.zeros((1, 2)), "lr": 0.03}
    one, many, edge = "one step", "many steps", "edge cases"
    yield Case({**band, "steps": 1}, one, "the example of the text")
    yield _task(rng, (5, 6), (2, 2), 0.4, 1, one)
    yield _task(rng, (7, 6), (3, 2), 0.3, 1, one)
    yield Case({**band, "steps": 10}, many, "the example of the text")
    yield _task(rng, (6, 7), (2, 3), 0.5, int(rng.integers(4, 12)), many)
    yield _task(rng, (8, 8), (3, 3), 0.6, int(rng.integers(20, 60)), many)
    yield _task(rng, (5, 6), (2, 2), 0.4, 0, edge, "no step at all")
    yield _task(rng, (4, 4), (4, 4), 0.3, 3, edge, "a filter as large as the image")


def _looped(step):
    """step(x, t, w, lr) gives the new w; as many times as there are steps."""

    def function(x, t, w, lr, steps):
        for _ in range(steps):
            w = step(x, t, w, lr)
        return w

    return function


def _against(gradient):
    """w less lr times gradient(x, t, w)."""
    return _looped(lambda x, t, w, lr: w - lr * gradient(x, t, w))


def _right(x, t, w):
    return weight_gradient(2 * (corr2d(x, w) - t), x)


def _first_gradient_for_all(x, t, w, lr, steps):
    dw = _right(x, t, w)
    for _ in range(steps):
        w = w - lr * dw
    return w


def _in_place(x, t, w, lr, steps):
    for _ in range(steps):
        w -= lr * _right(x, t, w)
    return w


def _from_zero(x, t, w, lr, steps):
    return learn(x, t, np.zeros_like(w), lr, steps)


def _one_weight_after_the_other(x, t, w, lr, steps):
    w = w.copy()
    for _ in range(steps):
        for place in np.ndindex(w.shape):
            w[place] -= lr * _right(x, t, w)[place]
    return w


def _losses(x, t, w, lr, steps):
    found = []
    for _ in range(steps):
        y = corr2d(x, w)
        found.append(((y - t) ** 2).sum())
        w = w - lr * weight_gradient(2 * (y - t), x)
    return found


def _rate_grows(x, t, w, lr, steps):
    for step in range(steps):
        w = w - lr * (step + 1) * _right(x, t, w)
    return w


loop = FunctionExercise(
    id="07.2",
    title="The whole loop",
    answer="learn",
    groups={"one step": 2, "many steps": 2, "edge cases": 1},
    reference=learn,
    cases=learn_cases,
    also_right=(learn_by_matrix, learn_in_lists),
    stand_in=learn,
    wrong=(
        Wrong(
            "uphill",
            "it climbs: the loss grows with every step. The gradient points uphill, so take it away from w: w - lr * gradient. "
            "(Or are y and t swapped? The error is y - t)",
            _looped(lambda x, t, w, lr: w + lr * _right(x, t, w)),
        ),
        Wrong(
            "half the gradient",
            "your steps are half as long as they should be: the slope of (y - t)² is 2·(y - t), and the 2 is missing",
            _against(lambda x, t, w: weight_gradient(corr2d(x, w) - t, x)),
        ),
        Wrong(
            "mean",
            "you took the mean over the outputs: this loss is the sum of the squares, and its gradient the sum, too",
            _against(lambda x, t, w: _right(x, t, w) / t.size),
        ),
        Wrong(
            "learning rate twice",
            "the learning rate is in it twice: multiply by lr once, either the gradient or the step",
            _looped(lambda x, t, w, lr: w - lr * lr * _right(x, t, w)),
        ),
        Wrong(
            "no learning rate",
            "the learning rate is missing: a step of the whole gradient overshoots the goal by far",
            _looped(lambda x, t, w, lr: w - _right(x, t, w)),
        ),
        Wrong(
            "divided by lr",
            "you divided by the learning rate: multiply the gradient by it",
            _looped(lambda x, t, w, lr: w - _right(x, t, w) / lr),
        ),
        Wrong(
            "the first gradient for all",
            "the first step is right, and all others repeat it: the slope is another one wherever the filter stands, so y and "
            "the gradient must be computed anew inside the loop, from the w of now",
            _first_gradient_for_all,
        ),
        Wrong(
            "one step only",
            "only one step is made: the `return` stands inside the loop and ends it. It belongs behind the loop, as far left as "
            "the `for`",
            lambda x, t, w, lr, steps: learn(x, t, w, lr, min(steps, 1)),
        ),
        Wrong(
            "one step short",
            "one step is missing: range(steps) already gives exactly as many rounds as there are steps",
            lambda x, t, w, lr, steps: learn(x, t, w, lr, max(steps - 1, 0)),
        ),
        Wrong(
            "one step too many",
            "that is one step too many: range(steps) gives exactly as many rounds as there are steps",
            lambda x, t, w, lr, steps: learn(x, t, w, lr, steps + 1),
        ),
        Wrong(
            "never put back",
            "the filter has not moved: the result of the step must get the name w again, w = w - ...",
            lambda x, t, w, lr, steps: w,
        ),
        Wrong(
            "flipped",
            "the gradient is turned by 180 degrees, so that each weight gets the slope of the opposite one. "
            "`weight_gradient(g, x)` gives it the right way round",
            _against(lambda x, t, w: _right(x, t, w)[::-1, ::-1]),
        ),
        Wrong(
            "transposed",
            "the gradient's rows and columns are swapped: each weight gets the slope of another one",
            _looped(lambda x, t, w, lr: w - lr * _right(x, t, w).T),
        ),
        Wrong(
            "one slope for all",
            "you moved all weights by the same amount, the sum of the errors: that is the gradient of a bias. Each weight has a "
            "slope of its own, `weight_gradient(g, x)`",
            _against(lambda x, t, w: (2 * (corr2d(x, w) - t)).sum()),
        ),
        Wrong(
            "mean slope",
            "you moved all weights by the same amount, the mean of their slopes: each goes against its own slope, so take "
            "nothing together",
            _against(lambda x, t, w: _right(x, t, w).mean()),
        ),
        Wrong(
            "sum of the slopes",
            "you moved all weights by the same amount, the sum of their slopes: each goes against its own slope, so take "
            "nothing together",
            _against(lambda x, t, w: _right(x, t, w).sum()),
        ),
        Wrong(
            "squared error",
            "you passed the squares (y - t)² backward, which is the loss itself: g is its slope by y, 2·(y - t)",
            _against(lambda x, t, w: weight_gradient((corr2d(x, w) - t) ** 2, x)),
        ),
        Wrong(
            "gradient of the output",
            "g is the gradient at the output, as large as t, and cannot be taken away from a filter: "
            "`weight_gradient(g, x)` makes the filter's own gradient of it",
            _against(lambda x, t, w: 2 * (corr2d(x, w) - t)),
        ),
        Wrong(
            "sign of the error",
            "you passed only the signs of the errors backward: a large error has a large slope, g = 2·(y - t)",
            _against(lambda x, t, w: weight_gradient(np.sign(corr2d(x, w) - t), x)),
        ),
        Wrong(
            "sign of the slope",
            "all steps are equally long, because only the sign of the slope is used: a steep slope makes a long step",
            _against(lambda x, t, w: np.sign(_right(x, t, w))),
        ),
        Wrong(
            "no error",
            "you passed y itself backward: what matters is how far it is from the wanted t, g = 2·(y - t)",
            _against(lambda x, t, w: weight_gradient(2 * corr2d(x, w), x)),
        ),
        Wrong(
            "from zero",
            "you begin with a filter of zeros: begin with the w that is given",
            _from_zero,
        ),
        Wrong(
            "in place",
            "`w -= ...` changes the very array that you were given, and whoever gave it still needs it: `w = w - ...` makes a "
            "new one",
            _in_place,
        ),
        Wrong(
            "one weight after the other",
            "you moved the first weight before you asked for the slope of the second: take the gradient of all weights at one "
            "and the same place, then move them all",
            _one_weight_after_the_other,
        ),
        Wrong(
            "losses",
            "these are the losses on the way: give back the filter where the last step leads",
            _losses,
        ),
        Wrong(
            "output",
            "that is what the filter makes of the image: give back the filter itself",
            lambda x, t, w, lr, steps: corr2d(x, learn(x, t, w, lr, steps)),
        ),
        Wrong(
            "gradient",
            "that is the gradient at the end: give back the filter",
            lambda x, t, w, lr, steps: _right(x, t, learn(x, t, w, lr, steps)),
        ),
        Wrong(
            "longer and longer",
            "your steps grow from round to round: the learning rate is the same for all of them",
            _rate_grows,
        ),
        Wrong(
            "arguments swapped",
            "the arguments of weight_gradient are swapped: first g, the gradient at the output, then the image x",
            _against(lambda x, t, w: weight_gradient(x, 2 * (corr2d(x, w) - t))),
        ),
    ),
    hints=(
        "Four lines in the loop: the filter's answer y; how the loss changes with y; how it changes with w; the step.",
        "y = corr2d(x, w). The loss is the sum of (y - t)², so g = 2 * (y - t). From g, weight_gradient makes the gradient of "
        "the filter.",
        "for _ in range(steps): and in it g = 2 * (corr2d(x, w) - t), then w = w - lr * weight_gradient(g, x). Behind the "
        "loop: return w.",
    ),
    explanation="Each round asks anew: what does the filter answer, how far is that from what is wanted, which way does each weight "
    "make it better? Then all weights take their step at once. Nothing in it knows the filter that is looked for.",
)


# --- 07.3: the right learning rate, by hand --------------------------------------------------------------------

START, STEPS, GOAL = [[-1.0, -1.0]], 10, 0.02


def _rate(state):
    rate = state.get("learning_rate")
    return float(rate) if isinstance(rate, int | float) and not isinstance(rate, bool) else 0.0


def _loss(state):
    loss = state.get("loss")
    return float(loss) if isinstance(loss, int | float) and not isinstance(loss, bool) else np.inf


def _same_task(state):
    return state.get("example") == "edge"


def _same_start(state):
    return _same_task(state) and state.get("start") == START


def _plain(state):
    """Is it the descent of the cell, with nothing but the learning rate changed?"""
    return _same_start(state) and not state.get("momentum") and state.get("steps") == STEPS


def bottom(state):
    """ "" when ten steps from the given start end below the goal."""
    if not _same_task(state):
        return "this explorer learns another filter: use the one of the cell above, which learns [1, −1]"
    if not _same_start(state):
        return "the descent begins elsewhere: run the cell of the explorer again to begin at (−1, −1)"
    if state.get("momentum"):
        return f"the momentum is {state['momentum']:g}, and it must be 0 here"
    if not isinstance(state.get("steps"), int) or state["steps"] > STEPS:
        return f"more than {STEPS} steps are made: set the steps back to {STEPS}"
    if _loss(state) < GOAL:
        return ""
    return f"after {state['steps']} steps the loss is {_loss(state):.4g}, and it should be below {GOAL}"


def _state(rate, loss, **more):
    return {
        **{"example": "edge", "start": START, "momentum": 0.0, "steps": STEPS, "learning_rate": rate},
        **{"loss": loss, "wanted": [[1.0, -1.0]], "largest_rate": 1 / 30, "grows": loss > 72},
        **more,
    }


rate = StateExercise(
    id="07.3",
    title="Ten steps to the bottom",
    answer="descent",
    goal=bottom,
    reached=_state(0.025, 0.0096),
    also_right=(_state(0.0265, 0.0073), _state(0.027, 0.009), _state(0.025, 0.0196, steps=9)),
    groups={"state": 2},
    wrong=(
        Wrong(
            "untouched",
            "0.01 goes down safely and arrives too late: make the steps longer",
            _state(0.01, 0.931),
            lambda s: _plain(s) and _rate(s) == 0.01,
        ),
        Wrong(
            "too small",
            "the path comes down the steep wall and then creeps along the floor of the valley: longer steps",
            _state(0.02, 0.0496),
            lambda s: _plain(s) and 0 < _rate(s) < 0.025 and _rate(s) != 0.01,
        ),
        Wrong(
            "too large",
            "the path jumps from wall to wall, and each jump is only a little shorter than the one before: shorter steps",
            _state(0.03, 0.6933),
            lambda s: _plain(s) and 0.025 < _rate(s) < 1 / 30 - 1e-6,
        ),
        Wrong(
            "diverging",
            "every jump across the valley is longer than the one before, and the loss grows: this learning rate is above the "
            "largest that converges, which the explorer names",
            _state(0.035, 403.65),
            lambda s: _plain(s) and _rate(s) > 1 / 30 + 1e-6,
        ),
        Wrong(
            "at the limit",
            "exactly at the limit every jump across the valley is as long as the one before, and the path never comes down: "
            "shorter steps",
            _state(1 / 30, 60.0),
            lambda s: _plain(s) and abs(_rate(s) - 1 / 30) < 1e-6,
        ),
        Wrong(
            "standing still",
            "with learning rate 0 nothing moves at all",
            _state(0.0, 72.0),
            lambda s: _plain(s) and _rate(s) == 0,
        ),
        Wrong(
            "more steps",
            "with more steps many learning rates arrive, but only ten are allowed: set the steps back to 10, and change the "
            "learning rate",
            _state(0.02, 0.0002, steps=20),
            lambda s: _same_start(s) and not s.get("momentum") and (s.get("steps") or 0) > STEPS,
        ),
        Wrong(
            "fewer steps",
            "you may make ten steps: with all of them, where does this learning rate lead?",
            _state(0.025, 0.3976, steps=5),
            lambda s: _same_start(s) and not s.get("momentum") and (s.get("steps") or 0) < STEPS,
        ),
        Wrong(
            "momentum",
            "momentum helps here, too, and comes later in this notebook: for now set it back to 0, and change the learning rate",
            _state(0.025, 0.01, momentum=0.3),
            lambda s: _same_start(s) and bool(s.get("momentum")),
        ),
        Wrong(
            "another start",
            "you moved the start: run the cell of the explorer again, which begins at (−1, −1), and change the learning rate "
            "alone",
            _state(0.03, 0.0016, start=[[0.0, 0.0]]),
            lambda s: _same_task(s) and not _same_start(s),
        ),
        Wrong(
            "another filter",
            "choose the edge filter [1, −1] under *To learn* again, or run the cell of the explorer anew",
            _state(1.0, 0.001, example="photo", start=[[0.0] * 3] * 3, steps=40),
            lambda s: s.get("example") in ("photo", "own"),
        ),
    ),
    hints=(
        "At 0.01, where does the path spend most of its ten steps: on the walls of the valley or on its floor?",
        "Longer steps are faster along the floor. But at 0.03 the path jumps from wall to wall. Somewhere between 0.02 and "
        "0.03 both are fast.",
        "Type 0.025 or 0.026 into the box beside the slider.",
    ),
    explanation="Across the valley an error is multiplied by 1 − 60η in each step, along it by 1 − 12η. At η = 0.025 that is −0.5 "
    "and 0.7, so both shrink fast. The best is 2/(60 + 12) = 0.0278 in the long run, where both are 2/3 in size.",
)


# --- 07.4: momentum --------------------------------------------------------------------------------------------


def momentum_step(w, v, g, lr, momentum):
    """One step of cnnkit.SGD: the new w and the new v."""
    v = momentum * v + g
    return w - lr * v, v


def momentum_unrolled(w, v, g, lr, momentum):
    """Written out in one expression each."""
    return [w - lr * momentum * v - lr * g, v + g - (1 - momentum) * v]


def momentum_in_lists(w, v, g, lr, momentum):
    """Plain Python, one weight after the other."""
    new_v = [[momentum * b + c for b, c in zip(*rows, strict=True)] for rows in zip(v, g, strict=True)]
    new_w = [[a - lr * b for a, b in zip(*rows, strict=True)] for rows in zip(w, new_v, strict=True)]
    return new_w, new_v


def momentum_cases(rng):
    def case(shape, group, words="", rest=False, lr=None, momentum=None):
        w, v, g = (rng.uniform(0.5, 3, shape) * rng.choice((-1, 1), shape) for _ in range(3))
        lr = float(rng.choice((0.05, 0.2, 0.3))) if lr is None else lr
        momentum = float(rng.choice((0.6, 0.8, 0.9))) if momentum is None else momentum
        return Case({"w": w, "v": v * (not rest), "g": g, "lr": lr, "momentum": momentum}, group, words)

    zero = np.zeros((1, 2))
    slope = np.array([[-12.0, 12.0]])
    first = {"w": zero, "v": zero, "g": slope, "lr": 0.03, "momentum": 0.9}
    yield Case(first, "from rest", "the first step of the text, with v = 0")
    yield case((2, 3), "from rest", "v = 0", rest=True)
    yield case((2, 2), "rolling")
    yield case((3, 3), "rolling")
    yield case((1, 4), "rolling", "momentum 0", momentum=0.0)


def _w_in_place(w, v, g, lr, momentum):
    v = momentum * v + g
    w -= lr * v
    return w, v


def _v_in_place(w, v, g, lr, momentum):
    v *= momentum
    v += g
    return w - lr * v, v


momentum = FunctionExercise(
    id="07.4",
    title="A step that remembers",
    answer="momentum_step",
    groups={"from rest": 1, "rolling": 2},
    reference=momentum_step,
    cases=momentum_cases,
    also_right=(momentum_unrolled, momentum_in_lists),
    stand_in=momentum_step,
    wrong=(
        Wrong(
            "no memory",
            "v is the gradient alone: the share `momentum` of the old v is to be kept, v = momentum * v + g",
            lambda w, v, g, lr, m: (w - lr * g, g),
        ),
        Wrong(
            "velocity not kept",
            "w is right, and v comes back as it was: give the new v back, or the next step has nothing to remember",
            lambda w, v, g, lr, m: (w - lr * (m * v + g), v),
        ),
        Wrong(
            "step before velocity",
            "the step is made with the old v, before this gradient is in it: first the new v, then w",
            lambda w, v, g, lr, m: (w - lr * v, m * v + g),
        ),
        Wrong(
            "gradient step",
            "v is right, and the step does not use it: it is w - lr * v, with the new v in place of the gradient",
            lambda w, v, g, lr, m: (w - lr * g, m * v + g),
        ),
        Wrong(
            "learning rate in v",
            "you have put the learning rate into the velocity: some books do, and their path is the same while lr stays as it is. "
            "Here v is made of gradients alone, and lr comes in with the step",
            lambda w, v, g, lr, m: (w - (m * v + lr * g), m * v + lr * g),
        ),
        Wrong(
            "learning rate twice",
            "the learning rate is in it twice, in v and in the step: v = momentum * v + g, without it",
            lambda w, v, g, lr, m: (w - lr * (m * v + lr * g), m * v + lr * g),
        ),
        Wrong(
            "downhill velocity",
            "your v points downhill and holds the learning rate, as in some books: here v is made of gradients as they are, and "
            "both the minus and lr come in with the step, w - lr * v",
            lambda w, v, g, lr, m: (w + (m * v - lr * g), m * v - lr * g),
        ),
        Wrong(
            "minus in v",
            "the gradient is added to the velocity, not taken away: the minus stands in the step, w - lr * v",
            lambda w, v, g, lr, m: (w + lr * (m * v - g), m * v - g),
        ),
        Wrong(
            "two minuses",
            "one minus too many: v = momentum * v + g with a plus, and then w - lr * v",
            lambda w, v, g, lr, m: (w - lr * (m * v - g), m * v - g),
        ),
        Wrong(
            "uphill",
            "it rolls uphill: w - lr * v, with a minus",
            lambda w, v, g, lr, m: (w + lr * (m * v + g), m * v + g),
        ),
        Wrong(
            "mean",
            "you weighted the gradient with 1 - momentum, which makes v a running mean (Adam does that): here the whole g is "
            "added",
            lambda w, v, g, lr, m: (w - lr * (m * v + (1 - m) * g), m * v + (1 - m) * g),
        ),
        Wrong(
            "share of both",
            "momentum is multiplied with the gradient, too: it is the share of the old v alone",
            lambda w, v, g, lr, m: (w - lr * m * (v + g), m * (v + g)),
        ),
        Wrong(
            "share of the gradient",
            "the share belongs to the other one: the old v fades, times momentum, and the new gradient counts in full",
            lambda w, v, g, lr, m: (w - lr * (v + m * g), v + m * g),
        ),
        Wrong(
            "nothing fades",
            "the old v is kept as a whole, so that it can only pile up: keep the share `momentum` of it",
            lambda w, v, g, lr, m: (w - lr * (v + g), v + g),
        ),
        Wrong(
            "no learning rate",
            "the learning rate is missing in the step: w - lr * v",
            lambda w, v, g, lr, m: (w - (m * v + g), m * v + g),
        ),
        Wrong(
            "gradient twice",
            "the gradient is in the step twice: v already holds it",
            lambda w, v, g, lr, m: (w - lr * (m * v + g + g), m * v + g),
        ),
        Wrong(
            "look ahead",
            "that is Nesterov's way, which looks a step ahead: here the step is w - lr * v",
            lambda w, v, g, lr, m: (w - lr * (g + m * (m * v + g)), m * v + g),
        ),
        Wrong(
            "swapped",
            "the two come back in the wrong order: first w, then v",
            lambda w, v, g, lr, m: momentum_step(w, v, g, lr, m)[::-1],
        ),
        Wrong(
            "w alone",
            "only w comes back: give both back, `return w, v`, for the next step needs the v",
            lambda w, v, g, lr, m: momentum_step(w, v, g, lr, m)[0],
        ),
        Wrong(
            "v alone",
            "only v comes back: give both back, `return w, v`",
            lambda w, v, g, lr, m: momentum_step(w, v, g, lr, m)[1] + 0,
        ),
        Wrong(
            "w in place",
            "`w -= ...` changes the very array that you were given: `w = w - ...` makes a new one",
            _w_in_place,
        ),
        Wrong(
            "v in place",
            "`v *= ...` or `v += ...` changes the very array that you were given: `v = momentum * v + g` makes a new one",
            _v_in_place,
        ),
        Wrong(
            "rates swapped",
            "the learning rate and the momentum have changed places: momentum is the share of v, lr the length of the step",
            lambda w, v, g, lr, m: (w - m * (lr * v + g), lr * v + g),
        ),
    ),
    hints=(
        "Two lines: first v becomes what is left of it and the new gradient, then w takes a step against it.",
        "The share `momentum` of the old v stays, and the whole of g is added. The learning rate comes in only with the step.",
        "v = momentum * v + g; then w = w - lr * v; and return w, v.",
    ),
    explanation="The old velocity fades to the share μ, the new gradient is added, and the step follows the velocity instead of the "
    "gradient. Gradients that agree add up, gradients that change their sign from step to step cancel.",
)


# --- 07.5: Adam's first step ---------------------------------------------------------------------------------

adam = Prediction(
    id="07.5",
    title="Adam's first step",
    answer="my_adam_step",
    right=[-0.003, 0.003, -0.003],
    wrong=(
        Wrong(
            "no row",
            "the numbers are right; write them as one row, [..., ..., ...], with a single pair of brackets",
            [[-0.003, 0.003, -0.003]],
        ),
        Wrong(
            "slopes",
            "these are the slopes with the sign turned: what does Adam divide them by, and how far does it go then?",
            [-12, 0.05, -300],
        ),
        Wrong(
            "gradient descent",
            "that is a step of plain gradient descent, as long as the slope is steep: what does Adam divide by?",
            [-0.036, 0.00015, -0.9],
        ),
        Wrong(
            "uphill",
            "the right length in the wrong direction: the step goes against the slope's sign",
            [0.003, -0.003, 0.003],
        ),
        Wrong(
            "no sign",
            "the right length; but the second slope has another sign than the others, and so has its step",
            [-0.003, -0.003, -0.003],
        ),
        Wrong(
            "no sign, uphill",
            "the right length; but each step goes against the sign of its own slope: two of them down, one up",
            [0.003, 0.003, 0.003],
        ),
        Wrong(
            "neither corrected",
            "you left out the two corrections: 0.1 g divided by the root of 0.001 g² is 3.16. After the first step m is divided "
            "by 0.1 and u by 0.001, which leaves g and g²",
            [-0.003 * 0.1 / 0.001**0.5, 0.003 * 0.1 / 0.001**0.5, -0.003 * 0.1 / 0.001**0.5],
        ),
        Wrong(
            "mean not corrected",
            "you corrected the mean square and not the mean: m is 0.1 g after the first step, and divided by 0.1 it is g",
            [-0.0003, 0.0003, -0.0003],
        ),
        Wrong(
            "square not corrected",
            "you corrected the mean and not the mean square: u is 0.001 g² after the first step, and divided by 0.001 it is g²",
            [-0.003 / 0.001**0.5, 0.003 / 0.001**0.5, -0.003 / 0.001**0.5],
        ),
        Wrong(
            "no learning rate",
            "that is g divided by its own size, with the sign turned: the learning rate, 0.003, is still missing",
            [-1, 1, -1],
        ),
        Wrong(
            "no root",
            "you divided by g² instead of its root, so that the steepest slope makes the shortest step: the root of g² is the "
            "size of g",
            [-0.003 / 12, 0.003 / 0.05, -0.003 / 300],
        ),
        Wrong(
            "one length for all",
            "you divided all three by the largest of them: each weight is divided by the root of its own mean square",
            [-0.003 * 12 / 300, 0.003 * 0.05 / 300, -0.003],
        ),
        Wrong(
            "times the root",
            "you multiplied by the root of the mean square: divide by it",
            [-0.003 * 144, 0.003 * 0.0025, -0.003 * 90000],
        ),
    ),
    hints=(
        "Begin with m = 0 and u = 0, and work out m and u after the first step for a slope g. Then divide each by its "
        "correction.",
        "m = 0.1 g, and divided by 1 - 0.9 it is g. u = 0.001 g², and divided by 1 - 0.999 it is g². What is g divided by the "
        "root of g²?",
        "g divided by its own size is 1 or -1. The step is the learning rate, against the slope's sign.",
    ),
    explanation="After one step the corrected means are g and g² themselves, so the step is −η·g/|g|: the learning rate against "
    "the slope's sign, whether the slope is 0.05 or 300.",
)
