"""Four threads turn the sliders of several explorers while a cell trains the model that two of them show.

tests/test_threads.py shows the device's lock, tests/explore the single explorers beside a convolution; here
all of it happens at once, and the training must end with the bits that it ends with alone.
"""

import threading

import numpy as np
import pytest
from test_threads import hasty_switching  # noqa: F401 - a fixture

import cnnkit
from cnnkit import reference
from cnnkit.data import digits
from cnnkit.explore import (
    DrawExplorer,
    FilterExplorer,
    InvarianceExplorer,
    PipelineExplorer,
    TrainingDashboard,
)

RNG = np.random.default_rng(0)
PHOTO = RNG.random((1, 1, 16, 16), np.float32)


def small_network():
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 4, 3, padding=1),
        cnnkit.ReLU(),
        cnnkit.MaxPool2d(2),
        cnnkit.Flatten(),
        cnnkit.Dropout(0.2),
        cnnkit.Linear(64, 10),
        seed=0,
    )


def few_digits():
    train, test = digits()
    return train[:480], test[:60]


def turned_by_hand(explorers, rng):
    """Rounds of settings for each of four threads: which explorer, which trait, which value."""
    filter_, pipeline, draw, invariance, dashboard = explorers
    strokes = [rng.random((32, 32)) < 0.2 for _ in range(4)]
    return [
        [
            (filter_, "stride", (1, 2, 3)),
            (filter_, "padding", (0, 1, 2)),
            (filter_, "weights", [rng.standard_normal((k, k)).astype(np.float32) for k in (3, 5)]),
            (pipeline, "preset", ("blur", "edges", "Sobel x")),
        ],
        [
            (pipeline, "pooling", ("max", "average")),
            (pipeline, "focus", ((1, 2, 3), (3, 4, 4), (0, 0, 0))),
            (filter_, "dilation", (1, 2)),
            (draw, "view", ("gradient", "occlusion")),
        ],
        [
            (draw, "bitmap", strokes),
            (draw, "patch", (1, 2, 3)),
            (dashboard, "shared_range", (True, False)),
            (dashboard, "weight", ((1, 0, 2, 2), (3, 0, 0, 1))),
        ],
        [
            (invariance, "rotation", (0.0, 30.0, -90.0)),
            (invariance, "index", (0, 5, 9)),
            (invariance, "moved", ("rotation", "scale")),
            (dashboard, "example", (0, 1)),
        ],
    ]


def trained(epochs, beside=False):
    """The model after training, how many settings were turned meanwhile, and the explorers."""
    network, (train, test) = small_network(), few_digits()
    if not beside:
        cnnkit.fit(network, train, test, epochs=epochs, batch_size=8, progress=False)
        return network.state(), network.history["loss"], 0, ()
    dashboard = TrainingDashboard()
    explorers = (
        FilterExplorer(PHOTO),
        PipelineExplorer(PHOTO),
        DrawExplorer(network),
        InvarianceExplorer(network, test),
        dashboard,
    )
    done, failures, turned = threading.Event(), [], []

    def turn(settings, rng):
        try:
            while not done.is_set():
                explorer, trait, values = settings[rng.integers(len(settings))]
                setattr(explorer.model, trait, values[rng.integers(len(values))])
                turned.append(trait)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=turn, args=(settings, np.random.default_rng(seed)))
        for seed, settings in enumerate(turned_by_hand(explorers, RNG))
    ]
    for thread in threads:
        thread.start()
    try:
        cnnkit.fit(network, train, test, epochs=epochs, batch_size=8, callbacks=[dashboard], progress=False)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert [e._errors for e in explorers if e._errors] == []
    assert [e.model.problem for e in explorers if e.model.problem] == []
    return network.state(), network.history["loss"], len(turned), explorers


def check_arrays(explorers):
    """What the explorers show at the end, against NumPy and against explorers made anew."""
    filter_, pipeline, draw, invariance, dashboard = (explorer.model for explorer in explorers)
    how = {"stride": filter_.stride, "padding": filter_.padding, "dilation": filter_.dilation}
    expected = reference.conv2d(PHOTO, filter_.weights[None, None], None, **how)[0, 0]
    np.testing.assert_allclose(filter_.result, expected, atol=1e-5)
    fresh = type(pipeline)(PHOTO, weights=pipeline.weights, pooling=pipeline.pooling)
    assert fresh.stages.keys() == pipeline.stages.keys()
    for name, stage in pipeline.stages.items():
        np.testing.assert_array_equal(stage, fresh.stages[name], err_msg=name)
    draw.update()  # the network has moved on since
    fresh = type(draw)(draw.network, bitmap=draw.bitmap, view=draw.view, patch=draw.patch, fit=draw.fit)
    np.testing.assert_array_equal(draw.probabilities, fresh.probabilities)
    np.testing.assert_array_equal(draw.importance(), fresh.importance())
    invariance.update()
    fresh = type(invariance)(
        invariance.network, invariance.data, index=invariance.index, rotation=invariance.rotation
    )
    np.testing.assert_array_equal(invariance.probabilities, fresh.probabilities)
    np.testing.assert_array_equal(invariance.result, fresh.result)
    weights = draw.network.layers[0].w.value.get()
    np.testing.assert_array_equal(dashboard.filters.weights, weights[: len(dashboard.filters.weights)])
    for explorer in explorers:
        explorer.still()


def turn_while_training(epochs, at_least):
    alone, losses, _, _ = trained(epochs)
    beside, same, turned, explorers = trained(epochs, beside=True)
    print(f"{turned} settings turned by four threads during {epochs} epochs")
    assert turned >= at_least and losses == same
    for name, array in alone.items():
        np.testing.assert_array_equal(array, beside[name], err_msg=name)
    check_arrays(explorers)


def test_sliders_of_five_explorers_while_a_model_trains():
    turn_while_training(epochs=1, at_least=4)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_sliders_of_five_explorers_for_a_while(hasty_switching):  # noqa: F811
    turn_while_training(epochs=25, at_least=1000)
