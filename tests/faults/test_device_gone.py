"""A device that is not there any more: since the last session, or in the middle of a run.

The device of yesterday is pretended: the same one under another name, kind and platform, whose work-groups
and blocks are a graphics card's. A driver that fails is one whose calls raise what pyopencl raises.
"""

import base64
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import cnnkit
from cnnkit import device as devices
from cnnkit.device import Device
from cnnkit.errors import CnnkitError, DeviceError
from cnnkit.exercises.progress_file import NAME, ProgressFile
from cnnkit.explore import FilterExplorer
from cnnkit.files import load_arrays
from cnnkit.model import load

RNG = np.random.default_rng(0)
DATA = RNG.standard_normal((48, 1, 8, 8)).astype(np.float32), RNG.integers(0, 4, 48)


def network():
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 8, 3, padding=1), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(8 * 64, 4), seed=0
    )


@pytest.fixture
def card(device):
    """A graphics card, in use: this device's handle with a card's kernels, in a context of its own."""
    gone = Device(device.handle)
    gone.kind, gone.name, gone.platform, gone.chunk, gone.index = (
        "GPU",
        "Some NVIDIA RTX",
        "NVIDIA CUDA",
        1,
        0,
    )
    gone._tested = True
    yield cnnkit.use(gone)
    cnnkit.use(device)


# --- since the last session ---


def test_a_card_named_in_the_environment_is_one_sentence_with_the_list():
    for name in ("GeForce RTX 4090", "7"):
        command = [sys.executable, "-m", "cnnkit", "train", "--data", "digits", "--epochs", "1"]
        done = subprocess.run(
            command, env={**os.environ, "CNNKIT_DEVICE": name}, capture_output=True, text=True, timeout=200
        )
        here = cnnkit.devices()[0]
        assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
        assert done.stderr.startswith(f"cnnkit: CNNKIT_DEVICE='{name}' cannot be used: ")
        assert f"0: {here.name} ({here.platform})" in done.stderr


def test_a_cell_that_chooses_it_is_one_sentence_and_the_next_cell_goes_on(device):
    before = cnnkit.current_device()
    for which in ("NVIDIA", "cuda", 17):
        with pytest.raises(DeviceError, match=re.escape(cnnkit.devices()[0].name)) as caught:
            cnnkit.use(which)
        assert "\n" not in str(caught.value)
    assert cnnkit.current_device() is before and cnnkit.relu([-1, 2]).get().tolist() == [0, 2]


def test_networks_and_checkpoints_go_on_elsewhere(device, card, tmp_path):
    """Trained and saved on the card, loaded on what is left; the run ends where it would have ended."""
    model, path, straight = network(), tmp_path / "checkpoint", network()
    cnnkit.fit(straight, DATA, epochs=4, batch_size=16, progress=False)
    cnnkit.fit(model, DATA, epochs=2, batch_size=16, checkpoint=path, progress=False)
    model.save(tmp_path / "model")
    scores, expected = model.predict(DATA[0]), straight.predict(DATA[0])

    cnnkit.use(device)
    loaded, resumed = load(tmp_path / "model"), network()
    np.testing.assert_allclose(loaded.predict(DATA[0]), scores, rtol=1e-4, atol=1e-5)
    for name, value in model.state().items():
        np.testing.assert_array_equal(loaded.state()[name], value)
    history = cnnkit.fit(resumed, DATA, epochs=4, batch_size=16, checkpoint=path, progress=False)
    assert len(history) == 4
    np.testing.assert_allclose(resumed.predict(DATA[0]), expected, rtol=1e-2, atol=1e-3)
    # What lives on the card is refused with the way out, not computed with.
    for call in (lambda: model(DATA[0]), lambda: cnnkit.fit(model, DATA, epochs=1, progress=False)):
        with pytest.raises(DeviceError, match="another device"):
            call()


@pytest.mark.parametrize(
    "layer", [lambda: cnnkit.Conv2d(1, 2, 3), lambda: cnnkit.Linear(5, 2)], ids=["conv", "dense"]
)
def test_a_layers_weights_of_another_device_are_refused_by_the_layer(device, card, layer):
    """Drivers say something of their own, and PoCL even computes where the processor is the same."""
    made = layer()
    x = np.ones((1, 1, 5, 5) if made.w.value.ndim == 4 else (1, 5), np.float32)
    y = made.forward(x).get()
    cnnkit.use(device)
    calls = (made, made.forward, lambda _: made.backward(y), lambda _: made.backward(y, input_gradient=False))
    for call in calls:
        with pytest.raises(DeviceError, match=r"^w lives on another device"):
            call(x)


def test_no_file_names_a_device(device, card, tmp_path):
    """So that nothing in one has to be found again: networks, checkpoints, progress, stills."""
    model = network()
    model.save(tmp_path / "model")
    cnnkit.fit(model, DATA, epochs=1, checkpoint=tmp_path / "checkpoint", progress=False)
    ProgressFile(tmp_path / NAME).record("01.1", 1, 1, True)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    kept += FilterExplorer().still()
    assert not re.search(rb"nvidia|cuda|RTX|pocl|pthread", kept, re.IGNORECASE)


def test_the_still_of_an_explorer_stays_in_a_notebook_whose_card_is_gone(device, card):
    """Its state is the kernel's alone: a saved notebook has the picture, and its cell makes it anew."""
    import nbformat

    explorer = FilterExplorer()
    bundle = explorer._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell(
        "cnnkit.explore", outputs=[nbformat.v4.new_output("display_data", bundle)]
    )
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
    cnnkit.use(device)
    (output,) = nbformat.reads(text, 4).cells[0].outputs
    assert base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG")


# --- in the middle ---

LOST = [
    ("DEVICE_NOT_AVAILABLE", "RuntimeError"),
    ("OUT_OF_RESOURCES", "MemoryError"),
    ("OUT_OF_RESOURCES", "RuntimeError"),
    ("INVALID_COMMAND_QUEUE", "LogicError"),
    ("INVALID_CONTEXT", "LogicError"),
    ("unknown error -9999", "RuntimeError"),
    ("EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", "RuntimeError"),
]
CALLS = ["enqueue_nd_range_kernel", "enqueue_copy", "get"]


def told(error, words):
    """One line, with the driver's own words or what they mean."""
    return "\n" not in str(error) and (words in str(error) or (words in NO_ROOM and "no room" in str(error)))


NO_ROOM = ("OUT_OF_RESOURCES",)


def lose(monkeypatch, call, words, kind):
    """From now on, `call` of the driver raises."""
    import pyopencl as cl
    import pyopencl.array as cl_array

    def raises(*arguments, **options):
        raise getattr(cl, kind)(f"cl{call} failed: {words}")

    if call == "finish":
        monkeypatch.setattr(cl.CommandQueue, "finish", raises)
    elif call == "get":
        monkeypatch.setattr(cl_array.Array, "get", raises)
    else:
        monkeypatch.setattr(cl, call, raises)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("words", "kind"), LOST)
def test_a_card_lost_in_the_middle_of_training_costs_the_epoch_and_no_more(
    device, tmp_path, monkeypatch, call, words, kind
):
    path, straight, model = tmp_path / "checkpoint", network(), network()
    cnnkit.fit(straight, DATA, epochs=4, batch_size=16, progress=False)

    class Lose(cnnkit.Callback):
        def on_step_end(self, run):
            if run.epoch == 3 and run.step % 3 == 1:
                self.history = list(run.history.rows)
                lose(pretend, call, words, kind)

    with monkeypatch.context() as pretend, pytest.raises(CnnkitError) as caught:
        cnnkit.fit(model, DATA, epochs=4, batch_size=16, checkpoint=path, callbacks=[Lose()], progress=False)
    assert isinstance(caught.value, DeviceError) and told(caught.value, words)
    assert len(model.history) == 2 and len(load_arrays(path)[1]["history"]) == 2
    again = network()
    cnnkit.fit(again, DATA, epochs=4, batch_size=16, checkpoint=path, progress=False)
    for name, value in straight.state().items():
        np.testing.assert_array_equal(again.state()[name], value)
    # The weights of the step before are still the model's, where the device came back.
    assert all(np.isfinite(value).all() for value in model.state().values())
    assert not model.training.locked()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("words", "kind"), LOST[:4])
def test_a_card_lost_between_two_cells_is_one_sentence(device, tmp_path, monkeypatch, call, words, kind):
    model = network()
    model.save(tmp_path / "model")
    before = (tmp_path / "model").read_bytes()
    x = cnnkit.to_device(DATA[0])
    calls = (
        lambda: model.predict(DATA[0]),
        lambda: cnnkit.evaluate(model, DATA),
        lambda: model.predict(x),
        lambda: model.save(tmp_path / "model"),
    )
    with monkeypatch.context() as pretend:
        lose(pretend, call, words, kind)
        for act in calls:
            try:
                act()
            except CnnkitError as error:
                assert told(error, words)
    if (tmp_path / "model").read_bytes() != before:
        load(tmp_path / "model")
    assert model.predict(DATA[0]).shape == (48, 4)
    assert devices.current_device() is device
