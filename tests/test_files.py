"""Saving and loading: whole or not at all, and nothing is taken over from a file that does not fit."""

import os

import numpy as np
import pytest

from cnnkit import Conv2d, Dropout, Flatten, LeakyReLU, Linear, MaxPool2d, Sequential
from cnnkit.errors import DataError
from cnnkit.files import load_arrays, save_arrays, write_atomically
from cnnkit.model import load


def network(seed=0, classes=4):
    return Sequential(
        Conv2d(1, 2, (3, 5), padding=((1, 0), (2, 3))),
        LeakyReLU(0.1),
        MaxPool2d(2, padding=(1, 0)),
        Flatten(),
        Dropout(0.25),
        Linear(32, classes, init="glorot"),
        seed=seed,
    )


X = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)


def test_save_and_load(tmp_path):
    path, model = tmp_path / "m.safetensors", network(seed=1)
    model.layers[4].calls = 17
    model.save(path)
    other = network(seed=2)
    other.load(path)
    np.testing.assert_array_equal(model(X).get(), other(X).get())
    assert other.layers[4].calls == 17 and other.layers[4].seed == model.layers[4].seed
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_load_makes_the_network_again(tmp_path):
    path, model = tmp_path / "m.safetensors", network()
    model.save(path)
    again = load(path)
    assert repr(again) == repr(model)
    np.testing.assert_array_equal(model(X).get(), again(X).get())


def test_another_network_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "m.safetensors"
    network(classes=5).save(path)
    model = network()
    before = model(X).get()
    with pytest.raises(DataError, match="of another network than this one"):
        model.load(path)
    with pytest.raises(DataError, match="of another network than this one"):
        Sequential(Linear(2, 2)).load(path)
    np.testing.assert_array_equal(model(X).get(), before)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 100, b"half"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "m.safetensors"
    network().save(path)
    path.write_bytes(path.read_bytes()[:200] if damage == b"half" else damage)
    with pytest.raises(DataError, match="not a readable safetensors file"):
        network().load(path)


def test_files_that_are_not_ours(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.ones(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(DataError, match="not written by cnnkit"):
        network().load(tmp_path / "foreign.safetensors")
    with pytest.raises(DataError, match="There is no file"):
        network().load(tmp_path / "nothing.safetensors")
    for layers in (
        [{"layer": "Parameter", "value": [1]}],
        [{"layer": "system"}],
        [{"layer": "ReLU", "x": 1}],
        None,
    ):
        save_arrays(tmp_path / "odd.safetensors", {"a": np.ones(1)}, {"layers": layers})
        with pytest.raises(DataError, match="does not describe a network"):
            load(tmp_path / "odd.safetensors")


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"could not be written .No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="choose a folder that exists"):
        network().save(tmp_path / "no" / "such" / "m.safetensors")


def test_what_was_saved_comes_back(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], np.int64)}
    save_arrays(tmp_path / "f", arrays, {"x": [1, {"y": None}]})
    back, about = load_arrays(tmp_path / "f")
    assert about == {"x": [1, {"y": None}]}
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


def test_the_arrays_must_fit_too():
    """A file whose description was tampered with: names and shapes are compared before anything changes."""
    model, other = network(), network(classes=5)
    before = model(X).get()
    with pytest.raises(DataError, match=r"5\.w has shape \(5, 32\) there and \(4, 32\) here"):
        model.set_state(other.state())
    with pytest.raises(DataError, match="it has 5 arrays and this one 2"):
        Sequential(Linear(2, 2)).set_state(other.state())
    np.testing.assert_array_equal(model(X).get(), before)


def test_numpy_numbers_in_a_description(tmp_path):
    model = Sequential(Flatten(), Linear(np.prod((2, 3)), np.int64(2)), seed=np.int64(0))
    model.save(tmp_path / "m")
    assert repr(load(tmp_path / "m")) == repr(model)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_may_read_what_was_saved(tmp_path):
    write_atomically(tmp_path / "m", b"x")
    assert (tmp_path / "m").stat().st_mode & 0o044 == 0o044
