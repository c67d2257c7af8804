"""The exercises of notebook 09."""

import numpy as np

from cnnkit.exercises.definition import Case, FunctionExercise, Prediction, StateExercise, Wrong
from cnnkit.exercises.given import Classifier

# --- 09.1: a seven that the network believes ---------------------------------------------------------------

SURE = 0.9


def goal(state):
    """Read as a 7, and with more than 90 percent."""
    prediction, sure = state.get("prediction"), _sure_of_7(state)
    if state.get("problem"):
        return "the network cannot look at the pad: the explorer says why"
    if prediction is None:
        return "there is no ink on the pad: draw a 7"
    if prediction != 7:
        return f"it is read as a {prediction}, and the 7 gets {sure:.0%}"
    return "" if sure > SURE else f"it is read as a 7 with {sure:.0%}, and more than {SURE:.0%} is wanted"


def _sure_of_7(state):
    chances = state.get("probabilities")
    return float(chances[7]) if isinstance(chances, list) and len(chances) > 7 else 0.0


def _state(prediction, sure=0.7, **more):
    """A state in which `prediction` gets the probability `sure` and the 7 most of the rest."""
    chances = [0.0] * 10
    if prediction is not None:
        chances[7] = 1 - sure
        chances[prediction] = sure
    shown = [] if prediction is None else chances
    return {"prediction": prediction, "probabilities": shown, "problem": "", "ink": 0.1} | more


def _read_as(digit):
    return lambda state: not state.get("problem") and state.get("prediction") == digit


seven = StateExercise(
    id="09.1",
    title="A seven that it believes",
    answer="explorer",
    goal=goal,
    reached=_state(7, 0.97),
    also_right=(_state(7, 0.91, label=7, sample=20),),
    wrong=(
        Wrong(
            "empty",
            "the pad is empty: draw with the mouse, a finger or the arrow keys, or pick a sample that is a 7",
            _state(None, ink=0.0),
            lambda s: not s.get("problem") and s.get("prediction") is None,
        ),
        Wrong(
            "unsure",
            "it is read as a 7, and the network is not sure enough. What would it rather see? Make the bar at "
            "the top longer, and let the leg go down to the left",
            _state(7, 0.8),
            _read_as(7),
        ),
        Wrong(
            "read as 3",
            "it is read as a 3, like the drawing that the pad began with: press Clear, and draw a 7",
            _state(3),
            _read_as(3),
        ),
        Wrong(
            "read as 1",
            "it is read as a 1: what makes a 7 of it is a bar at the top, from left to right",
            _state(1),
            _read_as(1),
        ),
        Wrong(
            "read as 9",
            "it is read as a 9: the upper part looks closed. Leave a gap below the bar, on the left",
            _state(9),
            _read_as(9),
        ),
        Wrong(
            "read as 4",
            "it is read as a 4: is there a stroke through the leg that comes near to the bar? Try it without",
            _state(4),
            _read_as(4),
        ),
        Wrong(
            "read as 2",
            "it is read as a 2: the leg must end in a point, without a foot",
            _state(2),
            _read_as(2),
        ),
        Wrong(
            "read as 5",
            "it is read as a 5: the leg hangs at the wrong end of the bar. It begins at its right end",
            _state(5),
            _read_as(5),
        ),
        Wrong(
            "another digit",
            "it is read as another digit altogether: begin anew with two straight strokes, a bar and a leg",
            _state(8),
            lambda s: not s.get("problem") and s.get("prediction") in (0, 6, 8),
        ),
        Wrong(
            "no network",
            "the explorer has a network that cannot look at the pad: make it anew with DrawExplorer(network)",
            _state(None, problem="This network cannot look at the pad."),
            lambda s: bool(s.get("problem")),
        ),
    ),
    hints=(
        "Two strokes are enough. The chart beside the pad says at once what the network makes of them.",
        "A bar from left to right near the top of the pad, and a leg from its right end down to the left.",
        "It need not be your own hand: the slider for samples puts real digits on the pad, and some are sevens.",
    ),
    explanation="A bar and a leg do. Notice how little the network minds where on the pad they are: the drawing is cut "
    "out and scaled first, as the makers of the digits did.",
)


# --- 09.2: how far does it see? ----------------------------------------------------------------------------

pool_then_three = Prediction(
    id="09.2",
    title="Behind a pooling",
    answer="my_width",
    right=14,
    wrong=(
        Wrong(
            "stride ignored",
            "a step of one pixel behind the pooling is a step of two in the picture: each filter adds twice as much",
            8,
        ),
        Wrong(
            "pooling ignored",
            "that is what three filters see without the pooling before them",
            7,
        ),
        Wrong(
            "sizes added",
            "you added up the sizes, 2 + 3 + 3 + 3: windows overlap, so a filter of 3 adds two steps, not three. And "
            "how long is a step behind a pooling?",
            11,
        ),
        Wrong(
            "steps ignored twice",
            "a filter of 3 adds two steps to what is seen, and here each step is 2 pixels long",
            9,
        ),
        Wrong(
            "overlap of the pooling",
            "three filters see 7 pooled numbers, and each of them is 2 pixels wide, side by side: 2 · 7, none twice",
            13,
        ),
        Wrong(
            "doubled too often",
            "the pooling doubles once, for all three filters together: there is one pooling",
            28,
        ),
        Wrong(
            "pooling doubled itself",
            "the pooling's own window is 2 pixels wide, no more: its stride makes only the steps behind it longer",
            15,
        ),
        Wrong("four filters", "count the filters: three of them see 7 numbers, not 8", 16),
        Wrong("area", "that is how many pixels it sees in all: how wide is the square?", 196),
        Wrong(
            "pooled numbers", "that is the number of pooled numbers in a square of 7 x 7: how wide is it?", 49
        ),
    ),
    hints=(
        "Go backward. One number behind the third filter sees 3 numbers behind the second. How many behind the first?",
        "3, then 5, then 7: so it sees 7 numbers of the pooled picture, side by side. How many pixels is that?",
        "Each pooled number is the largest of 2 pixels in each direction, and no two share a pixel: 7 times 2.",
    ),
    explanation="Three filters of 3 see 7 numbers in a row, and every one of them stands for 2 pixels: 14. The same "
    "three filters without the pooling see 7. This is what pooling buys beside the saved work: a longer sight.",
)


# --- 09.3: the same as a formula ---------------------------------------------------------------------------


def receptive_field(layers):
    """From the first layer to the last: what is seen, and how long a step is."""
    seen, step = 1, 1
    for k, stride in layers:
        seen += (k - 1) * step
        step *= stride
    return seen


def receptive_field_backward(layers):
    """From the last layer to the first: how many of its inputs are needed."""
    seen = 1
    for k, stride in reversed(layers):
        seen = (seen - 1) * stride + k
    return seen


def receptive_field_as_sum(layers):
    """One sum, with the product of the strides before each layer."""
    steps = [int(np.prod([stride for _, stride in layers[:i]])) for i in range(len(layers))]
    return 1 + sum((k - 1) * step for (k, _), step in zip(layers, steps, strict=True))


def receptive_field_marked(layers):
    """Mark which inputs are needed, layer by layer, and count from the first to the last."""
    needed = {0}
    for k, stride in layers[::-1]:
        needed = {place * stride + s for place in needed for s in (0, k - 1)}
    return max(needed) - min(needed) + 1


def _stack(rng, length):
    return [(int(rng.integers(2, 6)), int(rng.integers(2, 4))) for _ in range(length)]


def field_cases(rng):
    yield Case({"layers": [(3, 1), (3, 1), (3, 1)]}, "values", "three 3 x 3 filters")
    yield Case({"layers": [(2, 2), (3, 1), (3, 1), (3, 1)]}, "values", "a pooling before three filters")
    yield Case({"layers": [(3, 1), (2, 2), (3, 1)]}, "values", "filter, pooling, filter")
    for length in (3, 4, 5):
        yield Case({"layers": _stack(rng, length)}, "values", "layers drawn at random")
    k = int(rng.integers(4, 9))
    yield Case({"layers": [(k, k)]}, "edge cases", "a single layer")
    yield Case({"layers": [(1, 1), (1, 2), (5, 1)]}, "edge cases", "filters of 1 x 1")
    yield Case({"layers": []}, "edge cases", "no layer at all: the picture itself")


def _walk(rule, seen=1):
    """A wrong walk: rule(seen, step, k, stride) gives the next seen and step."""

    def function(layers):
        now, step = seen, 1
        for k, stride in layers:
            now, step = rule(now, step, k, stride)
        return now

    return function


def _steps_alone(layers):
    return int(np.prod([stride for _, stride in layers]))


field = FunctionExercise(
    id="09.3",
    title="The receptive field of any stack",
    answer="receptive_field",
    groups={"values": 2, "edge cases": 1},
    reference=receptive_field,
    cases=field_cases,
    tolerance=0,
    also_right=(receptive_field_backward, receptive_field_as_sum, receptive_field_marked),
    wrong=(
        Wrong(
            "strides ignored",
            "behind a stride, one step is longer: multiply k - 1 by the product of the strides before the layer",
            _walk(lambda seen, step, k, stride: (seen + k - 1, 1)),
        ),
        Wrong(
            "sizes added",
            "windows overlap: a filter of k adds k - 1 steps to what is seen, not k",
            _walk(lambda seen, step, k, stride: (seen + k * step, step * stride), seen=0),
        ),
        Wrong(
            "sizes added to 1",
            "you add k steps for each layer: a window of k reaches k - 1 steps farther than a single number, for they overlap",
            _walk(lambda seen, step, k, stride: (seen + k * step, step * stride)),
        ),
        Wrong(
            "a stride of 1 added",
            "your steps grow behind every layer, even behind one with stride 1: strides multiply, step *= stride",
            _walk(lambda seen, step, k, stride: (seen + (k - 1) * step, step + stride)),
        ),
        Wrong(
            "step first",
            "a layer's own stride lengthens the steps of the layers behind it, not its own: first the field, then the step",
            _walk(lambda seen, step, k, stride: (seen + (k - 1) * step * stride, step * stride)),
        ),
        Wrong(
            "own stride alone",
            "you multiplied by the layer's own stride: what counts is the product of the strides of all layers before it",
            _walk(lambda seen, step, k, stride: (seen + (k - 1) * stride, step)),
        ),
        Wrong(
            "field stretched",
            "you multiplied the whole field by the stride: a stride makes the steps of the layers behind it longer, and what "
            "is seen already stays as it is",
            _walk(lambda seen, step, k, stride: (seen * stride + k - 1, step)),
        ),
        Wrong(
            "field stretched after",
            "you added and then multiplied the whole field by the stride: the stride belongs to the length of a step, a "
            "second number that goes along",
            _walk(lambda seen, step, k, stride: ((seen + k - 1) * stride, step)),
        ),
        Wrong(
            "strides added",
            "strides multiply: behind two strides of 2, a step is 4 pixels long, and behind three it is 8",
            _walk(lambda seen, step, k, stride: (seen + (k - 1) * step, step + stride - 1)),
        ),
        Wrong(
            "last stride",
            "you kept the latest stride alone: step must be multiplied by it, not replaced",
            _walk(lambda seen, step, k, stride: (seen + (k - 1) * step, stride)),
        ),
        Wrong(
            "wrong end",
            "you went through the layers at the wrong end. A step grows from the picture on, so begin with the first layer; "
            "only seen = (seen - 1) * stride + k goes from the last layer to the first, with reversed(layers)",
            _walk(lambda seen, step, k, stride: ((seen - 1) * stride + k, step)),
        ),
        Wrong(
            "from zero",
            "a number of the picture itself sees one pixel, itself: begin with 1, not with 0",
            _walk(lambda seen, step, k, stride: (seen + (k - 1) * step, step * stride), seen=0),
        ),
        Wrong(
            "returned too early",
            "only the first layer was counted: the `return` stands inside the loop, and ends it at once",
            lambda layers: receptive_field(layers[:1]),
        ),
        Wrong(
            "last layer forgotten",
            "the last layer is missing: go through all of them",
            lambda layers: receptive_field(layers[:-1]),
        ),
        Wrong(
            "multiplied",
            "you multiplied the sizes of the filters: each adds to what is seen",
            lambda layers: int(np.prod([k for k, _ in layers])),
        ),
        Wrong(
            "area",
            "that is the number of pixels in the square: the width of it is asked",
            lambda layers: receptive_field(layers) ** 2,
        ),
        Wrong(
            "step",
            "that is the length of a step behind the last layer: the field is asked",
            _steps_alone,
        ),
    ),
    hints=(
        "Two numbers go with you from layer to layer: how many pixels are seen, and how many pixels apart two neighbors are. "
        "At the picture itself both are 1.",
        "A window of k numbers is k - 1 steps longer than a single one. Add k - 1 times the length of a step.",
        "In the loop: seen += (k - 1) * step, and after that step *= stride. Return seen behind the loop.",
    ),
    explanation="A window of k reaches k - 1 steps farther than one number, and a step is as long as all strides before it, "
    "multiplied. The layer's own stride counts from the next layer on.",
)


# --- 09.4: what excites a filter ---------------------------------------------------------------------------


def most_excited(maps, k):
    """The largest number of each map, and then the k largest of those."""
    peaks = maps.max(axis=(1, 2))
    return np.argsort(-peaks)[:k]


def most_excited_flat(maps, k):
    """The same with each map as a row."""
    return np.argsort(maps.reshape(len(maps), -1).max(axis=1))[::-1][:k]


def most_excited_sorted(maps, k):
    """Plain Python."""
    return sorted(range(len(maps)), key=lambda n: maps[n].max(), reverse=True)[:k]


def most_excited_partition(maps, k):
    """Only the k largest are put in order."""
    peaks = np.array([one.max() for one in maps])
    chosen = np.argpartition(-peaks, k - 1)[:k]
    return chosen[np.argsort(-peaks[chosen])]


def _maps(rng, N, H, W):
    """Maps of which some have several high places and others a high mean, in random order."""
    maps = rng.standard_normal((N, H, W))
    maps[0, :2, :2] = [[7, 6.5], [6.2, 6]]  # several high places in one picture
    maps[1] = rng.uniform(2.5, 3.5, (H, W))  # a high mean without a high place
    maps[2, -1, -1], maps[3, 0, -1] = 5 + rng.random(), 4 + rng.random() / 2
    maps[4, 1, 0] = -9  # large in size alone
    return maps[rng.permutation(N)]


def excited_cases(rng):
    yield Case({"maps": _maps(rng, 8, 3, 4), "k": 3}, "values", "the best three of eight")
    yield Case({"maps": _maps(rng, 30, 5, 5), "k": 6}, "values")
    yield Case({"maps": _maps(rng, 12, 4, 3).astype(np.float32), "k": 4}, "values", "numbers of float32")
    yield Case({"maps": _maps(rng, 9, 3, 3), "k": 9}, "edge cases", "all of them, in order")
    yield Case({"maps": -1 - rng.random((7, 2, 3)), "k": 3}, "edge cases", "nothing positive")
    yield Case({"maps": _maps(rng, 10, 2, 2), "k": 1}, "edge cases", "the best alone")


def _places(maps, k):
    return np.argsort(-maps.ravel())[:k]


def _repeated(maps, k):
    return _places(maps, k) // maps[0].size


excited = FunctionExercise(
    id="09.4",
    title="What a filter answers to",
    answer="most_excited",
    groups={"values": 2, "edge cases": 1},
    reference=most_excited,
    cases=excited_cases,
    tolerance=0,
    also_right=(most_excited_flat, most_excited_sorted, most_excited_partition),
    wrong=(
        Wrong(
            "worst first",
            "the right pictures in the wrong order: argsort puts the smallest first. The most exciting one comes first here",
            lambda maps, k: np.argsort(maps.max(axis=(1, 2)))[-k:],
        ),
        Wrong(
            "least",
            "these excite the filter least: argsort begins with the smallest number",
            lambda maps, k: np.argsort(maps.max(axis=(1, 2)))[:k],
        ),
        Wrong(
            "mean",
            "you compared the means (or the sums) of the maps: a filter that looks for something is excited by the one "
            "place where it is, so compare the largest numbers",
            lambda maps, k: np.argsort(-maps.mean(axis=(1, 2)))[:k],
        ),
        Wrong(
            "smallest",
            "you compared the smallest number of each map: the largest is what excites",
            lambda maps, k: np.argsort(-maps.min(axis=(1, 2)))[:k],
        ),
        Wrong(
            "size",
            "you compared sizes without their signs: a large negative number is the opposite of being excited",
            lambda maps, k: np.argsort(-np.abs(maps).max(axis=(1, 2)))[:k],
        ),
        Wrong(
            "repeated",
            "one picture comes twice: it has several high places. Take each map's largest number first, then compare "
            "pictures",
            _repeated,
        ),
        Wrong(
            "places",
            "these are places in all maps together, counted from the first to the last: which *pictures* they lie in "
            "is asked",
            _places,
        ),
        Wrong(
            "values",
            "these are the numbers themselves: which pictures they come from is asked (`np.argsort` instead of `np.sort`)",
            lambda maps, k: np.sort(maps.max(axis=(1, 2)))[::-1][:k],
        ),
        Wrong(
            "one number for all maps",
            "`maps.max()` is one number for all the pictures together: with axis=(1, 2) there is one for each",
            lambda maps, k: np.argsort(-maps.max().reshape(1))[:k],
        ),
        Wrong(
            "one axis",
            "a maximum with axis=1 goes over the rows alone and leaves one number for each column: a map has two axes, axis=(1, 2)",
            lambda maps, k: np.argsort(-maps.max(axis=1))[:k],
        ),
        Wrong(
            "one number for each map",
            "these are the largest numbers of all maps: put them in order, and give the first k pictures",
            lambda maps, k: maps.max(axis=(1, 2)),
        ),
        Wrong(
            "best alone",
            "that is the one best picture: k of them are asked, as a row",
            lambda maps, k: int(maps.max(axis=(1, 2)).argmax()),
        ),
        Wrong(
            "one too many",
            "one picture too many: `[:k]` is k of them, `[:k + 1]` one more",
            lambda maps, k: (
                np.append(most_excited(maps, k), 0) if k == len(maps) else most_excited(maps, k + 1)
            ),
        ),
        Wrong(
            "all in order",
            "the order is right, and the end is missing: only the first k",
            lambda maps, k: np.argsort(-maps.max(axis=(1, 2))),
        ),
        Wrong(
            "the pictures",
            "these are the maps: their numbers, from 0 on, are asked",
            lambda maps, k: maps[most_excited(maps, k)],
        ),
    ),
    hints=(
        "How excited is the filter by a picture? Take the largest number of its map: one number for each picture.",
        "maps.max(axis=(1, 2)) gives one number for each of the N pictures. np.argsort says in which order they come, the "
        "smallest first.",
        "np.argsort(-peaks)[:k], where peaks are those numbers: with the minus, the largest comes first.",
    ),
    explanation="A map's largest number says how well the best place of the picture fits the filter. Sorting these N numbers "
    "with argsort, the largest first, and taking k of them gives the pictures.",
)


# --- 09.5: cover a part and see what happens ---------------------------------------------------------------


def occlusion_map(predict, x, label, size):
    """A fresh copy for each place of the patch."""
    H, W = x.shape
    before = predict(x)[label]
    falls = np.zeros((H - size + 1, W - size + 1))
    for i in range(H - size + 1):
        for j in range(W - size + 1):
            covered = x.copy()
            covered[i : i + size, j : j + size] = x.mean()
            falls[i, j] = before - predict(covered)[label]
    return falls


def occlusion_put_back(predict, x, label, size):
    """One copy, on which the patch is taken away again."""
    covered, before, gray = x.copy(), predict(x)[label], x.mean()
    falls = np.zeros((x.shape[0] - size + 1, x.shape[1] - size + 1))
    for i, j in np.ndindex(falls.shape):
        here = (slice(i, i + size), slice(j, j + size))
        covered[here] = gray
        falls[i, j] = before - predict(covered)[label]
        covered[here] = x[here]
    return falls


def occlusion_by_masks(predict, x, label, size):
    """Chosen pixel by pixel, gray or not."""
    rows, columns = np.indices(x.shape)
    result = []
    for i in range(x.shape[0] - size + 1):
        row = []
        for j in range(x.shape[1] - size + 1):
            hidden = (rows >= i) & (rows < i + size) & (columns >= j) & (columns < j + size)
            row.append(predict(x)[label] - predict(np.where(hidden, np.mean(x), x))[label])
        result.append(row)
    return result


def _classifier(rng, x):
    """Four classes, of which two are nearly as probable for x: a patch decides which of them wins."""
    w, b = rng.standard_normal((4, *x.shape)), np.zeros(4)
    scores = (w * x).sum(axis=(1, 2))
    second, first = np.argsort(scores)[-2:]
    b[first] = scores[second] + 0.1 - scores[first]
    return Classifier(w, b)


def occlusion_cases(rng):
    for (H, W), size, group, words in (
        ((5, 6), 2, "values", ""),
        ((7, 5), 3, "values", ""),
        ((6, 6), 2, "values", "the most probable class"),
        ((4, 6), 1, "edge cases", "a patch of a single pixel"),
        ((3, 6), 3, "edge cases", "a patch as high as the picture"),
        ((4, 4), 4, "edge cases", "a patch as large as the picture"),
    ):
        x = rng.random((H, W))
        predict = _classifier(rng, x)
        first, second = np.argsort(predict(x))[::-1][:2]
        label = int(first if words == "the most probable class" else second)
        yield Case({"predict": predict, "x": x, "label": label, "size": size}, group, words)


def _places_of(x, size):
    return x.shape[0] - size + 1, x.shape[1] - size + 1


def _patched(x, i, j, size, gray):
    covered = x.copy()
    covered[i : i + size, j : j + size] = gray
    return covered


def _with(fall=None, gray=lambda x, i, j, size: x.mean(), shape=_places_of):
    """A wrong answer that differs in how a fall is measured, in the gray, or in the places."""
    fall = fall or (lambda before, after, label: before[label] - after[label])

    def function(predict, x, label, size):
        falls = np.zeros(shape(x, size))
        for i, j in np.ndindex(falls.shape):
            covered = _patched(x, i, j, size, gray(x, i, j, size))
            falls[i, j] = fall(predict(x), predict(covered), label)
        return falls

    return function


def _cumulative(predict, x, label, size):
    covered, falls = x.copy(), np.zeros(_places_of(x, size))
    for i, j in np.ndindex(falls.shape):
        covered[i : i + size, j : j + size] = x.mean()
        falls[i, j] = predict(x)[label] - predict(covered)[label]
    return falls


def _on_the_picture(predict, x, label, size):
    before, falls = predict(x)[label], np.zeros(_places_of(x, size))
    for i, j in np.ndindex(falls.shape):
        x[i : i + size, j : j + size] = x.mean()
        falls[i, j] = before - predict(x)[label]
    return falls


def _step_by_step(predict, x, label, size):
    """The patch stays, and each fall is measured from the one before."""
    covered, before, falls = x.copy(), predict(x)[label], np.zeros(_places_of(x, size))
    for i, j in np.ndindex(falls.shape):
        covered[i : i + size, j : j + size] = x.mean()
        after = predict(covered)[label]
        falls[i, j], before = before - after, after
    return falls


def _tiles(predict, x, label, size):
    return occlusion_map(predict, x, label, size)[::size, ::size]


def _everything_else(predict, x, label, size):
    falls = np.zeros(_places_of(x, size))
    for i, j in np.ndindex(falls.shape):
        kept = np.full_like(x, x.mean())
        kept[i : i + size, j : j + size] = x[i : i + size, j : j + size]
        falls[i, j] = predict(x)[label] - predict(kept)[label]
    return falls


def _all_classes(predict, x, label, size):
    falls = np.zeros((*_places_of(x, size), len(predict(x))))
    for i, j in np.ndindex(falls.shape[:2]):
        falls[i, j] = predict(x) - predict(_patched(x, i, j, size, x.mean()))
    return falls


def _no_class(predict, x, label, size):
    falls = np.zeros(_places_of(x, size))
    for i, j in np.ndindex(falls.shape):
        falls[i, j] = predict(x) - predict(_patched(x, i, j, size, x.mean()))
    return falls


def _cut_short(rows, columns):
    """The right map, with zeros where a loop ended too early; slices count as in Python."""

    def function(predict, x, label, size):
        right = occlusion_map(predict, x, label, size)
        falls = np.zeros_like(right)
        falls[:rows, :columns] = right[:rows, :columns]
        return falls

    return function


occlusion = FunctionExercise(
    id="09.5",
    title="Cover it and see",
    answer="occlusion_map",
    groups={"values": 3, "edge cases": 1},
    reference=occlusion_map,
    cases=occlusion_cases,
    also_right=(occlusion_put_back, occlusion_by_masks),
    wrong=(
        Wrong(
            "cumulative",
            "the patch stays where it was, so that more and more of the picture is covered: begin each place with a fresh "
            "copy, covered = x.copy() inside the loops",
            _cumulative,
        ),
        Wrong(
            "painted on the picture",
            "you painted on x itself, and every patch stays: work on x.copy(), a fresh one for each place (`covered = x` "
            "is no copy, only another name)",
            _on_the_picture,
        ),
        Wrong(
            "step by step",
            "each fall is measured from the place before, with its patch still there: measure from the uncovered "
            "picture, and take a fresh copy for each place",
            _step_by_step,
        ),
        Wrong(
            "sign",
            "the sign is turned: a fall is the probability before less the probability after",
            _with(lambda before, after, label: after[label] - before[label]),
        ),
        Wrong(
            "winner",
            "you followed the most probable class: the class that `label` names is asked, predict(...)[label]",
            _with(lambda before, after, label: before.max() - after[before.argmax()]),
        ),
        Wrong(
            "new winner",
            "you compared the largest probability before and after, which may belong to two different classes: take "
            "[label] of both",
            _with(lambda before, after, label: before.max() - after.max()),
        ),
        Wrong(
            "class before",
            "you took the class before the right one: classes count from 0, so it is [label]",
            _with(lambda before, after, label: before[label - 1] - after[label - 1]),
        ),
        Wrong(
            "black",
            "you covered with 0: the patch has the picture's mean, x.mean()",
            _with(gray=lambda x, i, j, size: 0),
        ),
        Wrong(
            "half",
            "you covered with 0.5: the patch has the picture's own mean, x.mean()",
            _with(gray=lambda x, i, j, size: 0.5),
        ),
        Wrong(
            "white",
            "you covered with 1, full ink: the patch has the picture's mean, x.mean()",
            _with(gray=lambda x, i, j, size: 1),
        ),
        Wrong(
            "mean of the patch",
            "you took the mean of the covered pixels: the patch has the mean of the whole picture, the same at every place",
            _with(gray=lambda x, i, j, size: x[i : i + size, j : j + size].mean()),
        ),
        Wrong(
            "over the border",
            "the patch hangs over the border: it stays inside, so i ends at H - size, j at W - size, and the map has "
            "H - size + 1 rows and W - size + 1 columns",
            _with(shape=lambda x, size: x.shape),
        ),
        Wrong(
            "one place short",
            "the last place is missing in each direction: a patch of 2 has 7 places on 8 pixels (the + 1)",
            lambda predict, x, label, size: occlusion_map(predict, x, label, size)[:-1, :-1],
        ),
        Wrong(
            "loops one short",
            "the last row and the last column stay 0: range(H - size) ends one place too early (the + 1)",
            _cut_short(-1, -1),
        ),
        Wrong(
            "returned after one",
            "only the first place is computed: the `return` stands inside the loops, and ends them at once",
            _cut_short(1, 1),
        ),
        Wrong(
            "returned after a row",
            "only the first row is computed: the `return` stands inside the outer loop, and ends it at once",
            _cut_short(1, None),
        ),
        Wrong(
            "tiles",
            "the patch moves by its own width: it must move by one pixel",
            _tiles,
        ),
        Wrong(
            "after",
            "that is the probability with the patch: the fall is the one without a patch less this one",
            _with(lambda before, after, label: after[label]),
        ),
        Wrong(
            "size of the change",
            "you dropped the sign: where covering helps, the fall is negative",
            _with(lambda before, after, label: abs(before[label] - after[label])),
        ),
        Wrong(
            "share",
            "you divided by the probability before: the difference alone is asked",
            _with(lambda before, after, label: (before[label] - after[label]) / before[label]),
        ),
        Wrong(
            "everything else",
            "you covered everything but the patch: only what lies under it is to be covered",
            _everything_else,
        ),
        Wrong(
            "all classes",
            "you kept the falls of all classes: that of the class `label` is asked",
            _all_classes,
        ),
        Wrong(
            "no class",
            "`predict` gives the probabilities of all classes, and falls[i, j] has room for one number: take [label] of both",
            _no_class,
        ),
        Wrong(
            "rows and columns swapped",
            "rows and columns are swapped: i counts rows from the top, and comes first",
            lambda predict, x, label, size: occlusion_map(predict, x, label, size).T,
        ),
    ),
    hints=(
        "First one place: copy x, set a square of it to x.mean(), ask predict, and compare with what it says of x itself.",
        "The patch at (i, j) covers [i : i + size, j : j + size], and has H - size + 1 places from top to bottom. Make the copy "
        "inside both loops.",
        "falls[i, j] = predict(x)[label] - predict(covered)[label], and return falls behind both loops.",
    ),
    explanation="One question for each place: what if this were not there? The copy is made inside the loops, or else each patch "
    "would stay. Where the map is positive, the class needs what is covered; where it is negative, it would do better without.",
)
