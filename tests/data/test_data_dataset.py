import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit.data import Dataset
from cnnkit.errors import CnnkitError, DataError, DTypeError, ShapeError


def dataset(labels, classes=None):
    """A set whose every image tells its own number, so that a mixed-up label shows."""
    labels = np.asarray(labels)
    images = np.arange(len(labels), dtype=np.float32).reshape(-1, 1, 1, 1)
    count = 1 + max(labels, default=0) if classes is None else classes
    return Dataset(images, labels, tuple(map(str, range(count))), "numbers")


def numbers(part):
    return part.images.ravel().astype(int)


def test_importing_reads_and_imports_nothing_heavy():
    code = (
        "import sys, cnnkit.data; "
        "print([m for m in ('sklearn', 'pooch', 'requests', 'PIL', 'tqdm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_holds_float32_and_int32_whatever_came_in():
    data = Dataset(np.zeros((2, 1, 3, 3)), np.array([0, 1], np.uint8), ["a", "b"])
    assert (data.images.dtype, data.labels.dtype, data.classes) == (np.float32, np.int32, ("a", "b"))
    assert len(data) == 2
    assert repr(data) == "Dataset('dataset': 2 images of 1x3x3, 2 classes)"


def test_keeps_float32_images_without_a_copy():
    images = np.zeros((2, 1, 3, 3), np.float32)
    assert Dataset(images, np.zeros(2, int), ("a",)).images is images


@pytest.mark.parametrize(
    ("images", "labels", "error", "says"),
    [
        (np.zeros((2, 3, 3)), [0, 0], ShapeError, "4 axes (N, C, H, W), not 3: (2, 3, 3)"),
        (np.zeros((2, 1, 3, 3)), [0, 0, 0], ShapeError, "2 images need labels of shape (2,), not (3,)"),
        (np.zeros((2, 1, 3, 3)), [[0], [0]], ShapeError, "not (2, 1)"),
        (np.zeros((2, 1, 3, 3), np.uint8), [0, 0], DTypeError, "divide values of 0 to 255 by 255"),
        (np.zeros((2, 1, 3, 3)), [0.0, 1.0], DTypeError, "labels are float64"),
        (
            np.zeros((2, 1, 3, 3)),
            [0, 2],
            DataError,
            "labels run from 0 to 2, but 2 classes have the labels 0 to 1",
        ),
        (np.zeros((2, 1, 3, 3)), [-1, 0], DataError, "labels run from -1"),
    ],
)
def test_refuses_what_does_not_belong_together(images, labels, error, says):
    with pytest.raises(error) as caught:
        Dataset(images, np.array(labels), ("a", "b"))
    assert says in str(caught.value)
    assert isinstance(caught.value, CnnkitError)


def test_is_frozen():
    with pytest.raises(AttributeError):
        dataset([0, 1]).labels = np.zeros(2)


@pytest.mark.parametrize(
    ("index", "chosen"),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -2), [3, 1]),
        (np.array([3, 0, 3]), [3, 0, 3]),
        ([2], [2]),
        ((1, 2), [1, 2]),
        (-1, [3]),
        (np.int64(2), [2]),
        (np.array([True, False, False, True]), [0, 3]),
        ([], []),
    ],
)
def test_choosing_gives_a_dataset_with_the_labels_of_its_images(index, chosen):
    part = dataset([0, 1, 2, 3])[index]
    assert isinstance(part, Dataset)
    assert numbers(part).tolist() == part.labels.tolist() == chosen
    assert part.images.shape[1:] == (1, 1, 1)
    assert part.name == "numbers"


@pytest.mark.parametrize("index", [4, -5, [0, 4], [[0, 1]], np.array([True]), [0.5]])
def test_choosing_what_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError):
        dataset([0, 1, 2, 3])[index]


def test_a_loop_over_a_dataset_ends():
    assert [len(one) for one in dataset([0, 1, 2])] == [1, 1, 1]


@settings(max_examples=150, deadline=None)
@given(
    labels=st.lists(st.integers(0, 5), min_size=2, max_size=120),
    test=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_split_is_exact_stratified_and_loses_nothing(labels, test, seed):
    whole = dataset(labels, classes=7)  # one class without any image
    n, wanted = len(labels), round(len(labels) * test)
    if not 0 < wanted < n:
        with pytest.raises(DataError, match=f"of {n} images splits them {n - wanted} to {wanted}"):
            whole.split(test, seed)
        return
    train, held = whole.split(test, seed)
    assert (len(train), len(held)) == (n - wanted, wanted)
    assert sorted([*numbers(train), *numbers(held)]) == list(range(n))
    for part in (train, held):
        assert part.labels.tolist() == [labels[i] for i in numbers(part)]
        assert sorted(numbers(part)) == numbers(part).tolist()  # the order of the whole
        assert part.classes == whole.classes
    # Each class within one image of its exact share: what rounding can do at best.
    for label in range(7):
        share = labels.count(label) * wanted / n
        assert abs(np.count_nonzero(held.labels == label) - share) < 1


def test_split_gives_missing_images_to_the_largest_remainders():
    # 10 of 22 images: exact shares 5.0, 3.18, 1.36 and 0.45. Nine are whole, the tenth is the last class's.
    whole = dataset([0] * 11 + [1] * 7 + [2] * 3 + [3])
    held = whole.split(10 / 22)[1]
    assert np.bincount(held.labels).tolist() == [5, 3, 1, 1]


def test_split_depends_on_the_seed_alone():
    whole = dataset([0, 1] * 50)
    once, again, other = (numbers(whole.split(0.2, seed)[1]).tolist() for seed in (3, 3, 4))
    assert once == again != other


def test_split_draws_each_image_equally_often():
    whole = dataset([0] * 10 + [1] * 20)
    times = np.zeros(30)
    for seed in range(600):
        times[numbers(whole.split(0.2, seed)[1])] += 1
    assert times.sum() == 3600
    # 120 expected; a standard deviation is 10. Taking the first or last of a class would give 600 and 0.
    assert abs(times - 120).max() < 50


def test_split_names_its_parts():
    assert [part.name for part in dataset([0, 1] * 9).split()] == ["numbers train", "numbers test"]


@pytest.mark.parametrize("test", [0, 1, -0.1, 1.5, float("nan")])
def test_split_refuses_other_shares(test):
    with pytest.raises(DataError, match="between 0 and 1"):
        dataset([0, 1] * 9).split(test)
