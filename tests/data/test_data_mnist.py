import gzip
import importlib
import warnings

import numpy as np
import pytest

from cnnkit.data import fashion_mnist, mnist
from cnnkit.errors import DataError

FASHION = importlib.import_module("cnnkit.data.mnist").FASHION


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    """Whoever names a folder means it: a test here that comes to a download has failed."""

    def fetch(*args):
        raise AssertionError("went to the network although a folder was named")

    monkeypatch.setattr(importlib.import_module("cnnkit.data.mnist"), "fetch", fetch)


@pytest.fixture
def folder(tmp_path, make_idx):
    """A small honest part of a set: 30 training and 10 test images, gzipped as published."""
    place = tmp_path / "files"
    rng = np.random.default_rng(0)
    place.mkdir()
    for part, n in (("train", 30), ("t10k", 10)):
        images, labels = rng.integers(0, 256, (n, 28, 28), np.uint8), (np.arange(n) % 10).astype(np.uint8)
        (place / f"{part}-images-idx3-ubyte.gz").write_bytes(make_idx(images, zip_it=True))
        (place / f"{part}-labels-idx1-ubyte.gz").write_bytes(make_idx(labels, zip_it=True))
    return place


def load(loader=mnist, folder=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train, test = loader(folder)
    return train, test, [str(one.message) for one in caught]


def unpack(folder, dotted=False):
    for path in folder.glob("*.gz"):
        name = path.stem.replace("-idx", ".idx") if dotted else path.stem
        (folder / name).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def refusal(folder, loader=mnist):
    with pytest.raises(DataError) as caught:
        loader(folder)
    return str(caught.value)


def test_the_real_set(shared):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a whole set warns of nothing
        train, test = mnist(shared("mnist"))
    assert (train.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert (train.images.dtype, train.labels.dtype) == (np.float32, np.int32)
    assert (train.images.min(), train.images.max()) == (0, 1)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.labels).tolist() == counts
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # Known everywhere as the constants of normalization.
    some = train.images[::7]  # an odd step: every second image is of another group of writers
    assert some.mean(dtype=float) == pytest.approx(0.1307, abs=1e-3)
    assert some.std(dtype=float) == pytest.approx(0.3081, abs=1e-3)
    assert (train.name, test.name) == ("MNIST train", "MNIST test")
    assert train.classes == tuple("0123456789")


def test_the_real_set_is_no_fashion(shared):
    message = refusal(shared("mnist"), fashion_mnist)
    assert "is of MNIST, not of Fashion-MNIST" in message and "use mnist" in message


def test_fashion_files_are_no_mnist(folder, make_idx):
    labels = np.frombuffer(FASHION.first_labels["train"] * 3, np.uint8)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(make_idx(labels, zip_it=True))
    assert "is of Fashion-MNIST, not of MNIST" in refusal(folder)
    train, _, _ = load(fashion_mnist, folder)
    assert train.labels[:3].tolist() == [9, 0, 0]
    assert (train.classes[9], train.classes[0], len(train.classes)) == ("ankle boot", "T-shirt/top", 10)


def test_values_are_those_of_the_files_divided_by_255(folder):
    raw = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    expected = np.frombuffer(raw, np.uint8).reshape(30, 1, 28, 28) / np.float32(255)
    train, test, _ = load(folder=folder)
    np.testing.assert_array_equal(train.images, expected)
    assert train.labels.tolist() == [i % 10 for i in range(30)]
    assert len(test) == 10


@pytest.mark.parametrize("dotted", [False, True])
def test_unpacked_files(folder, dotted):
    packed = load(folder=folder)[0]
    unpack(folder, dotted)
    np.testing.assert_array_equal(load(folder=folder)[0].images, packed.images)


def test_a_part_says_how_much_it_is_at_the_callers_line(folder):
    with pytest.warns(UserWarning) as caught:
        train, test = mnist(folder)
    assert len(caught) == 1
    assert str(caught[0].message) == (
        f"{folder} holds a part of MNIST: 30 of 60000 training images and 10 of 10000 test images."
    )
    assert caught[0].filename == __file__
    assert (train.name, test.name) == ("MNIST train (30 of 60000)", "MNIST test (10 of 10000)")
    with pytest.warns(UserWarning, match="part of Fashion-MNIST") as caught:
        fashion_mnist(folder)
    assert caught[0].filename == __file__


def test_the_test_files_alone_are_a_part(folder):
    for path in folder.glob("train-*"):
        path.unlink()
    train, test, messages = load(folder=folder)
    assert (train.images.shape, len(test)) == ((0, 1, 28, 28), 10)
    assert "0 of 60000 training images and 10 of 10000" in messages[0]


def test_images_without_labels_are_an_error(folder):
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    message = refusal(folder)
    assert "train-images-idx3-ubyte.gz without train-labels-idx1-ubyte" in message
    (folder / "train-images-idx3-ubyte.gz").rename(folder / "elsewhere")
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    assert "t10k-labels-idx1-ubyte.gz without t10k-images-idx3-ubyte" in refusal(folder)


def test_numbers_of_images_and_labels_must_agree(folder, make_idx):
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(make_idx(np.zeros(29, np.uint8), zip_it=True))
    message = refusal(folder)
    assert "holds 30 images" in message and "holds 29 labels" in message


def test_labels_out_of_range(folder, make_idx):
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(make_idx(np.array([0, 1, 2, 10, 4, 5, 6, 7, 8, 99], np.uint8), zip_it=True))
    message = refusal(folder)
    assert f"{path} gives image 3 the label 10" in message


def test_more_than_the_set_has_is_another_set(folder, make_idx):
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(make_idx(np.zeros(10_001, np.uint8), zip_it=True))
    assert "holds 10001 items, but 1 to 10000" in refusal(folder)


def test_images_of_another_size(folder, make_idx):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(make_idx(np.zeros((30, 32, 32), np.uint8), zip_it=True))
    assert "shape (32, 32), not (28, 28)" in refusal(folder)


def test_a_folder_that_is_not_there_or_holds_nothing(tmp_path):
    assert "which is not a folder: name another folder" in refusal(tmp_path / "none")
    message = refusal(tmp_path)
    assert "holds no file of MNIST, nor does its subfolder mnist" in message
    assert "train-images-idx3-ubyte.gz" in message


def test_the_variable_names_the_folder_or_its_parent(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNKIT_DATA", str(folder))
    assert len(load()[0]) == 30
    parent = tmp_path / "all"
    parent.mkdir()
    folder.rename(parent / "fashion_mnist")
    monkeypatch.setenv("CNNKIT_DATA", str(parent))
    assert len(load(fashion_mnist)[0]) == 30
    assert "correct or unset CNNKIT_DATA" in refusal(None)  # no MNIST there: an error, not a download
    monkeypatch.setenv("CNNKIT_DATA", str(tmp_path / "none"))
    assert "correct or unset CNNKIT_DATA" in refusal(None)
    assert len(load(fashion_mnist, parent)[0]) == 30  # the argument goes before the variable


def test_a_subfolder_goes_before_the_folder_itself(folder, make_idx):
    inner = folder / "fashion_mnist"
    inner.mkdir()
    for path in list(folder.glob("t10k-*")):
        path.rename(inner / path.name)
    assert len(load(fashion_mnist, folder)[0]) == 0
    assert len(load(mnist, folder)[1]) == 0


def test_a_home_folder_may_be_written_with_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    assert len(load(folder="~/files")[0]) == 30
