"""The exercises of notebook 12."""

import math

import numpy as np

from cnnkit.exercises.definition import Case, FunctionExercise, Prediction, Wrong

# --- 12.1: some of each class, kept apart ------------------------------------------------------------------


def hold_out(labels, order, one_in):
    """Of each class, those that come first in `order`."""
    held = np.zeros(len(labels), bool)
    for k in np.unique(labels):
        members = order[labels[order] == k]
        held[members[: len(members) // one_in]] = True
    return held


def hold_out_one_by_one(labels, order, one_in):
    """Deal the images from the deck; each class has so many places left."""
    places = {k: list(labels).count(k) // one_in for k in set(labels)}
    held = [False] * len(labels)
    for i in order:
        if places[labels[i]]:
            places[labels[i]] -= 1
            held[i] = True
    return held


def hold_out_by_rank(labels, order, one_in):
    """An image is held out if few enough of its class come before it."""
    held = np.zeros(len(labels), int)
    for place, i in enumerate(order):
        before = (labels[order[:place]] == labels[i]).sum()
        held[i] = before < (labels == labels[i]).sum() // one_in
    return held


def _deck(rng, counts, one_in, group="values", words=""):
    """A case with so many images of each class, {class: count}."""
    labels = rng.permutation(np.repeat(list(counts), list(counts.values())))
    order = rng.permutation(len(labels))
    # What is held out must not lie where a mistake would take it from by chance.
    while any((hold_out(labels, order, one_in) == f(labels, order, one_in)).all() for f in _BY_CHANCE):
        order = rng.permutation(len(labels))
    return Case({"labels": labels, "order": order, "one_in": one_in}, group, words)


def hold_out_cases(rng):
    example = {
        "labels": np.array([7, 7, 7, 7, 3, 3]),
        "order": np.array([5, 2, 0, 4, 3, 1]),
        "one_in": 2,
    }
    yield Case(example, "values", "the example of the text")
    yield _deck(rng, {0: 8, 1: 14, 2: 7, 3: 11}, 3)
    yield _deck(rng, {0: 21, 1: 23, 2: 46}, 5)
    edge = "edge cases"
    yield _deck(rng, dict.fromkeys(range(13), 9), 4, edge, "thirteen classes")
    yield _deck(rng, {2: 9, 5: 13, 8: 6}, 3, edge, "classes 2, 5 and 8 alone")
    yield _deck(rng, {0: 15, 1: 3, 2: 17}, 4, edge, "a class too small to give one away")


def _per_class(choose):
    """Hold out what choose(labels, order, k, one_in) gives for each class k."""

    def function(labels, order, one_in):
        held = np.zeros(len(labels), bool)
        for k in np.unique(labels):
            held[choose(labels, order, k, one_in)] = True
        return held

    return function


def _first(count):
    """The first count(n, one_in) of each class of n."""

    def choose(labels, order, k, one_in):
        members = order[labels[order] == k]
        return members[: count(len(members), one_in)]

    return _per_class(choose)


def _in_file_order(labels, order, k, one_in):
    members = np.flatnonzero(labels == k)
    return members[: len(members) // one_in]


def _places_in_the_deck(labels, order, k, one_in):
    places = np.flatnonzero(labels[order] == k)
    return places[: len(places) // one_in]


def _unshuffled_labels(labels, order, k, one_in):
    members = order[labels == k]
    return members[: len(members) // one_in]


def _end_of_the_file(labels, order, k, one_in):
    members = np.flatnonzero(labels == k)
    return members[::-1][: len(members) // one_in]


def _first_of_the_whole_deck(labels, order, k, one_in):
    return order[: (labels == k).sum() // one_in]


def _end_of_the_deck(labels, order, k, one_in):
    members = order[labels[order] == k]
    return members[len(members) - len(members) // one_in :]


def _every_one_in_th(labels, order, k, one_in):
    return order[labels[order] == k][one_in - 1 :: one_in]


def _steps_through_the_deck(labels, order, k, one_in):
    return order[labels[order] == k][::one_in]


def _not_by_class(labels, order, one_in):
    held = np.zeros(len(labels), bool)
    held[order[: len(order) // one_in]] = True
    return held


def _as_many_from_each(labels, order, one_in):
    classes = np.unique(labels)
    return _first(lambda n, _: len(labels) // one_in // len(classes))(labels, order, one_in)


def _as_many_from_each_of_ten(members_of):
    """The same by one who knows that there are ten classes."""
    return _per_class(
        lambda labels, order, k, one_in: members_of(labels, order, k)[: len(labels) // one_in // 10]
    )


def _numbers_by_class(labels, order, one_in):
    members = [order[labels[order] == k] for k in np.unique(labels)]
    return np.concatenate([some[: len(some) // one_in] for some in members])


def _these_classes(classes):
    """Only the classes that classes(labels) names."""

    def function(labels, order, one_in):
        held = np.zeros(len(labels), bool)
        for k in classes(labels):
            members = order[labels[order] == k]
            held[members[: len(members) // one_in]] = True
        return held

    return function


_BY_CHANCE = (
    _per_class(_in_file_order),
    _per_class(_places_in_the_deck),
    _per_class(_unshuffled_labels),
    _not_by_class,
)

keep_apart = FunctionExercise(
    id="12.1",
    title="Some of each class, kept apart",
    answer="hold_out",
    groups={"values": 2, "edge cases": 1},
    reference=hold_out,
    cases=hold_out_cases,
    also_right=(hold_out_one_by_one, hold_out_by_rank),
    stand_in=hold_out,
    wrong=(
        Wrong(
            "file order",
            "you took the first of each class in the file and left `order` out: in a file, pictures of one "
            "writer often stand together, and chance must choose",
            _per_class(_in_file_order),
        ),
        Wrong(
            "end of the file",
            "you took the last of each class in the file and left `order` out: chance must choose, so take those "
            "that come first in `order`",
            _per_class(_end_of_the_file),
        ),
        Wrong(
            "every one_in-th of the deck",
            "you went through the deck and took every `one_in`-th picture of a class: take those that come first, "
            "n // one_in of them",
            _per_class(_every_one_in_th),
        ),
        Wrong(
            "one and then every one_in-th",
            "you took the first picture of a class and then every `one_in`-th after it, as [::one_in] does: take those "
            "that come first, n // one_in of them",
            _per_class(_steps_through_the_deck),
        ),
        Wrong(
            "places in the deck",
            "you marked places in `order` instead of pictures: order[3] is the picture that comes at place 3, "
            "and held[order[3]] is its mark",
            _per_class(_places_in_the_deck),
        ),
        Wrong(
            "labels not shuffled along",
            "`labels == k` stands in the order of the file and `order` in that of the deck: the labels of the "
            "deck are labels[order]",
            _per_class(_unshuffled_labels),
        ),
        Wrong(
            "not by class",
            "you took the first of the whole deck: do it for each class on its own, so that each gives the "
            "same share",
            _not_by_class,
        ),
        Wrong(
            "first of the whole deck",
            "`order[:k]` are the first of the whole deck: take the first of this class, `order[labels[order] == k]`",
            _per_class(_first_of_the_whole_deck),
        ),
        Wrong(
            "upside down",
            "your marks are upside down: True is for what is held out, the smaller part",
            lambda labels, order, one_in: ~hold_out(labels, order, one_in),
        ),
        Wrong(
            "one_in of each",
            "you held out `one_in` pictures of each class: it is one in so many, n // one_in of a class of n",
            _first(lambda n, one_in: one_in),
        ),
        Wrong(
            "as many from each",
            "you took equally many from every class: a large class gives more, n // one_in of its own n",
            _as_many_from_each,
            also=(
                _as_many_from_each_of_ten(lambda labels, order, k: order[labels[order] == k]),
                _as_many_from_each_of_ten(lambda labels, order, k: np.flatnonzero(labels == k)),
            ),
        ),
        Wrong(
            "rounded up",
            "you rounded up: n // one_in drops what is left over (7 // 3 is 2)",
            _first(lambda n, one_in: -(-n // one_in)),
        ),
        Wrong(
            "rounded",
            "you rounded to the nearest: n // one_in always drops what is left over (8 // 3 is 2)",
            _first(lambda n, one_in: round(n / one_in)),
        ),
        Wrong(
            "end of the deck",
            "you took those that come last in `order`: take the first",
            _per_class(_end_of_the_deck),
        ),
        Wrong(
            "last class forgotten",
            "the last class gives nothing: range(labels.max()) ends before it, and np.unique(labels) names all",
            _these_classes(lambda labels: range(labels.max())),
        ),
        Wrong(
            "ten classes",
            "you looked at the classes 0 to 9 alone: there can be more, and np.unique(labels) names all that "
            "there are",
            _these_classes(lambda labels: range(10)),
        ),
        Wrong(
            "counted classes",
            "you took the classes to be numbered 0, 1, 2 and so on: np.unique(labels) gives the labels "
            "themselves",
            _these_classes(lambda labels: range(len(set(labels)))),
        ),
        Wrong(
            "numbers of pictures",
            "these are the numbers of the pictures: give one True or False for each picture. Begin with "
            "held = np.zeros(len(labels), bool)",
            lambda labels, order, one_in: np.flatnonzero(hold_out(labels, order, one_in)),
        ),
        Wrong(
            "numbers in the deck's order",
            "these are the pictures' numbers, one class after the other: make marks of them, "
            "held = np.zeros(len(labels), bool) and then held[numbers] = True",
            _numbers_by_class,
        ),
        Wrong(
            "every so many",
            "you took every so many-th picture of the file: `order` must decide, and each class must give its share",
            lambda labels, order, one_in: np.arange(len(labels)) % one_in == 0,
        ),
        Wrong(
            "divided with /",
            "`/` gives a number with a decimal point, and a list cannot be cut there: `//` divides and rounds down",
            _first(lambda n, one_in: n / one_in),
        ),
        Wrong(
            "nothing held",
            "nothing is marked: `held[...] = True` marks, and `held[...]` alone (or `==`) changes nothing",
            lambda labels, order, one_in: np.zeros(len(labels), bool),
        ),
    ),
    hints=(
        "Begin with one False for each picture. Then go through the classes, one after the other: "
        "np.unique(labels) names them.",
        "labels[order] are the labels of the shuffled deck. So order[labels[order] == k] are the pictures of "
        "class k, in the deck's order.",
        "members = order[labels[order] == k], then held[members[: len(members) // one_in]] = True.",
    ),
    explanation="Every picture has one mark, so none can be lost or be on both sides. Each class gives the same "
    "share, and the shuffled deck decides which pictures go.",
)


# --- 12.2: seconds until it is good enough -----------------------------------------------------------------


def time_to(seconds, accuracies, goal):
    """Walk through the epochs and look at the clock."""
    passed = 0.0
    for lasted, accuracy in zip(seconds, accuracies, strict=True):
        passed += lasted
        if accuracy >= goal:
            return passed
    return math.inf


def time_to_at_once(seconds, accuracies, goal):
    """The clock at every epoch's end, and the first of those that reached it."""
    reached = np.cumsum(seconds)[np.asarray(accuracies) >= goal]
    return reached[0] if len(reached) else np.inf


def time_to_as_minimum(seconds, accuracies, goal):
    """The clock only grows: the earliest is the smallest."""
    ends = [sum(seconds[: i + 1]) for i in range(len(seconds))]
    return min((e for e, a in zip(ends, accuracies, strict=True) if a >= goal), default=float("inf"))


def time_to_with_the_best_so_far(seconds, accuracies, goal):
    """The best accuracy so far only grows: there a search by halves is right."""
    best = np.maximum.accumulate(accuracies)
    return np.append(np.cumsum(seconds), np.inf)[np.searchsorted(best, goal)]


def _epochs(seconds, accuracies, goal, group="values", words=""):
    arguments = {"seconds": np.array(seconds, float), "accuracies": np.array(accuracies), "goal": goal}
    return Case(arguments, group, words)


def time_cases(rng):
    yield _epochs([10, 8, 9], [0.9, 0.97, 0.985], 0.97, words="the example of the text")
    for _ in range(2):
        n = int(rng.integers(6, 9))
        accuracies = np.sort(rng.choice(np.arange(700, 980), n, replace=False)) / 1000
        accuracies[-2] = accuracies[2] - 0.005  # it falls back once, below the goal
        accuracies[-1] = accuracies.max() + 0.01
        goal = float(accuracies[2]) if rng.random() < 0.5 else float(accuracies[1:3].mean())
        yield _epochs(rng.uniform(2, 20, n), accuracies, goal, words="an accuracy that falls back once")
    seconds, accuracies = rng.uniform(2, 20, 5), np.array([0.81, 0.9, 0.95, 0.97, 0.96])
    yield _epochs(seconds, accuracies, 0.95, words="an accuracy that is exactly the goal")
    up_and_down = [0.5, 0.97, 0.6, 0.7, 0.95, 0.98, 0.85]
    yield _epochs(rng.uniform(2, 20, 7).round(1), up_and_down, 0.9, words="accuracies that go up and down")
    edge = "edge cases"
    yield _epochs(rng.uniform(2, 20, 5), accuracies, 0.99, edge, "a goal that is never reached")
    yield _epochs(rng.uniform(2, 20, 4), [0.5, 0.6, 0.6, 0.7], 0.4, edge, "reached in the first epoch")


def _reached(accuracies, goal):
    """The first epoch that reached the goal, or None."""
    return next((i for i, a in enumerate(accuracies) if a >= goal), None)


def _where_reached(value, never=math.inf):
    """A wrong answer: value(seconds, accuracies, i) where epoch i is the first to reach the goal."""

    def function(seconds, accuracies, goal):
        i = _reached(accuracies, goal)
        if i is None:
            return seconds.sum() if never == "all" else never
        return value(seconds, accuracies, i)

    return function


def _by_the_clock(seconds, accuracies, i):
    return seconds[: i + 1].sum()


def _strictly_above(seconds, accuracies, goal):
    return time_to(seconds, accuracies, np.nextafter(goal, 1))


def _for_good(seconds, accuracies, goal):
    below = np.flatnonzero(accuracies < goal)
    last = below[-1] + 1 if len(below) else 0
    return seconds[: last + 1].sum() if last < len(seconds) else math.inf


def _runs_over_the_end(seconds, accuracies, goal):
    i = 0
    while accuracies[i] < goal:
        i += 1
    return seconds[: i + 1].sum()


def _by_halves(seconds, accuracies, goal):
    return np.append(np.cumsum(seconds), np.inf)[np.searchsorted(accuracies, goal)]


def _by_halves_over_the_end(seconds, accuracies, goal):
    return np.cumsum(seconds)[np.searchsorted(accuracies, goal)]


def _largest_index_of_nothing(seconds, accuracies, goal):
    return np.cumsum(seconds)[np.argmax(accuracies >= goal)]


clock = FunctionExercise(
    id="12.2",
    title="Seconds until it is good enough",
    answer="time_to",
    groups={"values": 2, "edge cases": 1},
    reference=time_to,
    cases=time_cases,
    also_right=(time_to_at_once, time_to_as_minimum, time_to_with_the_best_so_far),
    stand_in=time_to,
    wrong=(
        Wrong(
            "that epoch alone",
            "that is how long the epoch took in which the goal was reached: all epochs before it took their "
            "time, too",
            _where_reached(lambda s, a, i: s[i]),
        ),
        Wrong(
            "one short",
            "the epoch in which the goal was reached took its time, too: add its seconds before you look at "
            "its accuracy",
            _where_reached(lambda s, a, i: s[:i].sum()),
        ),
        Wrong(
            "above",
            "an accuracy of exactly the goal has reached it: `>=` instead of `>`",
            _strictly_above,
        ),
        Wrong(
            "whole training",
            "that is the whole training: stop the clock at the first epoch that reached the goal",
            _where_reached(lambda s, a, i: s.sum()),
        ),
        Wrong(
            "epochs",
            "that is the number of epochs: what is asked is the seconds that they took, added up",
            _where_reached(lambda s, a, i: i + 1),
        ),
        Wrong(
            "index",
            "that is the index of the epoch: what is asked is the seconds up to its end, added up",
            _where_reached(lambda s, a, i: i),
        ),
        Wrong(
            "at the best",
            "you stopped the clock at the best accuracy: the first one that reaches the goal is enough",
            _where_reached(lambda s, a, i: s[: a.argmax() + 1].sum()),
        ),
        Wrong(
            "for good",
            "you waited until the accuracy stays above the goal: the first time counts, even if it falls back "
            "afterwards",
            _for_good,
        ),
        Wrong(
            "searched by halves",
            "`np.searchsorted` searches numbers that only grow, and an accuracy can fall back: look at the epochs "
            "one after the other",
            _by_halves,
            also=(_by_halves_over_the_end,),
        ),
        Wrong(
            "epochs below",
            "you added up the epochs below the goal, before and after: what counts is all until the goal is "
            "first reached, that epoch included",
            lambda seconds, accuracies, goal: seconds[accuracies < goal].sum(),
        ),
        Wrong(
            "epochs above",
            "you added up the epochs that reached the goal: what counts is the time until the first of them "
            "was over",
            lambda seconds, accuracies, goal: seconds[accuracies >= goal].sum(),
        ),
        Wrong(
            "never is all",
            "when the goal is never reached, the whole training was not enough: the answer is infinity, "
            'float("inf")',
            _where_reached(_by_the_clock, "all"),
        ),
        Wrong(
            "never is zero",
            "0 would mean that it was reached at once: when it is never reached, the answer is infinity, "
            'float("inf")',
            _where_reached(_by_the_clock, 0.0),
        ),
        Wrong(
            "never is minus one",
            'a clock never shows -1: when the goal is never reached, the answer is infinity, float("inf")',
            _where_reached(_by_the_clock, -1.0),
        ),
        Wrong(
            "never falls through",
            "when the goal is never reached, your function ends without a `return`: after the loop, "
            'return float("inf")',
            _where_reached(_by_the_clock, None),
        ),
        Wrong(
            "runs over the end",
            "your loop goes on after the last epoch when the goal is never reached: let it end with the epochs, and "
            'answer float("inf")',
            _runs_over_the_end,
        ),
        Wrong(
            "argmax of nothing",
            "`np.argmax` of nothing but False is 0, so the first epoch looks like the one: when the goal is "
            'never reached, the answer is float("inf")',
            _largest_index_of_nothing,
        ),
        Wrong(
            "nothing found",
            'when no epoch reaches the goal, there is no first one to take: answer float("inf") then',
            lambda seconds, accuracies, goal: np.cumsum(seconds)[np.flatnonzero(accuracies >= goal)[0]],
        ),
    ),
    hints=(
        "Think of a clock that runs through the epochs. When do you stop it?",
        "In a loop over both lists: add the epoch's seconds, then ask whether its accuracy is at least the "
        "goal, and return at once if it is.",
        'After the loop, the goal was never reached: return float("inf").',
    ),
    explanation="The seconds of all epochs up to the first that reached the goal, that one included. "
    "np.cumsum(seconds) is the clock at every epoch's end.",
)


# --- 12.3: twelve times as many pictures -------------------------------------------------------------------

MORE_PICTURES = ("more", "as many", "about a third", "about a twelfth", "about a hundredth", "none")

more_pictures = Prediction(
    id="12.3",
    title="Twelve times as many pictures",
    answer="my_share",
    choices=MORE_PICTURES,
    right="about a third",
    wrong=(
        Wrong(
            "more",
            "more pictures hardly ever hurt: each shows one more way to write a digit",
            "more",
        ),
        Wrong(
            "as many",
            "the number of steps is the same, but with a hundred pictures the network sees the same ones again "
            "and again, and learns those by heart",
            "as many",
        ),
        Wrong(
            "a twelfth",
            "that would be in proportion, and learning is less generous: many of the new pictures look like "
            "ones that it has already seen",
            "about a twelfth",
        ),
        Wrong(
            "a hundredth",
            "that is far too hopeful: a hundred pictures teach most of what there is to learn, and what is "
            "left is hard",
            "about a hundredth",
        ),
        Wrong(
            "none",
            "some digits are written so oddly that people argue about them, too: twelve hundred pictures do "
            "not show every hand",
            "none",
        ),
    ),
    hints=(
        "Think of how you learned a foreign script: what did the first ten letters of each kind teach you, and "
        "what the hundredth?",
        "It gets better, but not in proportion: the new pictures resemble the old ones.",
        "A doubling leaves, on average, about seven tenths of the mistakes. From a hundred to twelve hundred is "
        "three and a half doublings.",
    ),
    explanation="A doubling of the pictures leaves, on average, about seven tenths of the mistakes, and twelve times "
    "as many are about three and a half doublings: 0.7 to the power of 3.6 is 0.28.",
)


# --- 12.4: the bytes of a batch ----------------------------------------------------------------------------


def batch_bytes(volumes, N):
    """Four bytes for each number of each volume of each picture."""
    return 4 * N * sum(C * H * W for C, H, W in volumes)


def batch_bytes_by_numpy(volumes, N):
    """Products along the rows, then their sum."""
    return np.prod(np.array(volumes, dtype=np.int64), axis=1).sum() * N * np.float32().itemsize


def batch_bytes_by_loop(volumes, N):
    """One volume after the other."""
    total = 0
    for volume in volumes:
        total += math.prod(volume) * N * 4
    return total


def bytes_cases(rng):
    yield Case({"volumes": [(1, 4, 4), (2, 4, 4), (10, 1, 1)], "N": 3}, "values", "the example of the text")
    for _ in range(3):
        C, H, W = int(rng.integers(2, 5)), int(rng.integers(6, 12)), int(rng.integers(13, 20))
        K = int(rng.integers(5, 30))
        volumes = [(C, H, W), (K, H, W), (K, H // 2, W // 2), (int(rng.integers(2, 12)), 1, 1)]
        yield Case({"volumes": volumes, "N": int(rng.integers(2, 500))}, "values")
    edge = "edge cases"
    yield Case({"volumes": [(3, 32, 32), (12, 32, 32)], "N": 1}, edge, "a batch of one")
    yield Case({"volumes": [(int(rng.integers(2, 9)), 7, 5)], "N": 40}, edge, "a single volume")
    yield Case({"volumes": [(16, 28, 28)] * 3, "N": int(rng.integers(50_000, 60_000))}, edge, "a huge batch")


def _numbers(volumes):
    return [math.prod(volume) for volume in volumes]


room = FunctionExercise(
    id="12.4",
    title="The bytes of a batch",
    answer="batch_bytes",
    groups={"values": 2, "edge cases": 1},
    reference=batch_bytes,
    cases=bytes_cases,
    tolerance=1e-9,
    also_right=(batch_bytes_by_numpy, batch_bytes_by_loop),
    stand_in=batch_bytes,
    wrong=(
        Wrong(
            "numbers",
            "that is how many numbers there are: each takes 4 bytes",
            lambda volumes, N: N * sum(_numbers(volumes)),
        ),
        Wrong(
            "bits",
            "those are bits: a number has 32 of them, which are 4 bytes",
            lambda volumes, N: 32 * N * sum(_numbers(volumes)),
        ),
        Wrong(
            "float64",
            "you gave each number 8 bytes, as NumPy does by itself: cnnkit computes in float32, 4 bytes",
            lambda volumes, N: 8 * N * sum(_numbers(volumes)),
        ),
        Wrong(
            "one picture",
            "that is one picture: each of the N has volumes of its own",
            lambda volumes, N: 4 * sum(_numbers(volumes)),
        ),
        Wrong(
            "largest",
            "that is the largest volume alone: training keeps all of them, because the way back needs them",
            lambda volumes, N: 4 * N * max(_numbers(volumes)),
        ),
        Wrong(
            "last",
            "that is the last volume alone: add up all of them",
            lambda volumes, N: 4 * N * _numbers(volumes)[-1],
        ),
        Wrong(
            "first",
            "that is the first volume alone, or the `return` stands inside the loop: add up all of them",
            lambda volumes, N: 4 * N * _numbers(volumes)[0],
        ),
        Wrong(
            "sides added",
            "you added the three sides of a volume: it holds C · H · W numbers, their product",
            lambda volumes, N: 4 * N * sum(map(sum, volumes)),
        ),
        Wrong(
            "depth forgotten",
            "you counted H · W for each volume: it has C such layers",
            lambda volumes, N: 4 * N * sum(H * W for _, H, W in volumes),
        ),
        Wrong(
            "input forgotten",
            "the first volume is missing: the input lies in memory, too",
            lambda volumes, N: 4 * N * sum(_numbers(volumes)[1:]) if len(volumes) > 1 else 0,
        ),
        Wrong(
            "all multiplied",
            "you multiplied the volumes with each other: within a volume numbers multiply, and volumes add up",
            lambda volumes, N: 4 * N * float(math.prod(_numbers(volumes))),
        ),
        Wrong(
            "kilobytes",
            "that is in units of 1024 bytes: what is asked is bytes",
            lambda volumes, N: batch_bytes(volumes, N) / 1024,
        ),
        Wrong(
            "megabytes",
            "that is in megabytes: what is asked is bytes",
            lambda volumes, N: batch_bytes(volumes, N) / 1e6,
        ),
        Wrong(
            "batch in each side",
            "N was multiplied in again and again: only once for each volume",
            lambda volumes, N: 4 * sum(math.prod(N * side for side in volume) for volume in volumes),
        ),
    ),
    hints=(
        "How many numbers does a volume of (2, 4, 4) hold? And all volumes of one picture?",
        "C · H · W for each volume, and their sum over the volumes: that is one picture, in numbers.",
        "Then N pictures, and 4 bytes for each number: 4 * N * sum(C * H * W for C, H, W in volumes).",
    ),
    explanation="Every volume of every picture stays in memory until the way back has used it, so they add up: "
    "4·N·(sum of C·H·W). The filters are not in it, and do not grow with N.",
)
