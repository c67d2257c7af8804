"""What is timed side by side computes the same, and what does not is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cnnkit import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnkit.bench import growth, learner_ours, learner_torch, memory
from cnnkit.bench.ceilings import fma_plan, measure_ceilings
from cnnkit.bench.convolutions import measure_one, our_calls, random_arrays, torch_calls
from cnnkit.bench.peers import expect_close, find_torch, numpy_convolution
from cnnkit.bench.shapes import DIRECTIONS, ConvCase, Direction
from cnnkit.bench.steps import OurTraining, expect_same_learning, networks, random_batch
from cnnkit.bench.twin import torch_twin, without_dropout
from cnnkit.errors import CnnkitError
from cnnkit.layers import Layer
from cnnkit.models import small_cnn
from cnnkit.reference import conv2d

SMALL = [ConvCase(2, 3, 9, 4, 3), ConvCase(2, 3, 9, 4, 3, stride=2), ConvCase(3, 2, 8, 5, 5, stride=2)]


@pytest.fixture
def torch():
    if (module := find_torch()) is None:
        pytest.skip("PyTorch is not installed: the extra 'bench' brings it")
    return module


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_numpy_computes_the_definition(case: ConvCase) -> None:
    x, w, b, _ = random_arrays(case)
    expected = conv2d(x, w, b, case.stride, case.padding)
    expect_close("forward", numpy_convolution(x, w, b, case.stride, case.padding), expected, 27)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("case", SMALL, ids=str)
def test_both_libraries_agree_in_every_direction(torch, device, case: ConvCase, direction: Direction) -> None:
    arrays = random_arrays(case)
    ours, theirs = our_calls(case, arrays)[direction](None), torch_calls(torch, case, arrays)[direction]()
    expect_close(direction, ours, theirs, case.terms(direction))


def test_a_disagreement_is_refused() -> None:
    right = np.ones((2, 3), np.float32)
    expect_close("the same", right, right, 9)
    with pytest.raises(CnnkitError, match=r"differ by 0\.01.*not timed"):
        expect_close("forward", right + 0.01, right, 9)
    with pytest.raises(CnnkitError, match="differ by nan"):
        expect_close("forward", right * np.nan, right, 9)
    with pytest.raises(CnnkitError, match=r"the shape \(2, 3\) and the other library \(3, 2\)"):
        expect_close("forward", right, right.T, 9)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_result_has_its_times(direction: Direction) -> None:
    result = measure_one(SMALL[0], direction, seconds=0.01, variants=True)
    assert result.ours.median > 0 and result.gflops > 0
    assert (result.numpy is not None) == (direction == "forward")
    assert (result.to_torch is not None) == (find_torch() is not None)
    assert "plain" in result.variants


def test_the_twin_predicts_the_same(torch) -> None:
    model = Sequential(
        Conv2d(2, 4, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Conv2d(4, 3, (3, 1), stride=(1, 2), padding="valid"),
        LeakyReLU(0.1),
        AvgPool2d(2, stride=1, padding=1, count_include_pad=False),
        Tanh(),
        Sigmoid(),
        Flatten(),
        Dropout(0.5),
        Linear(48, 7, bias=False),
        Softmax(),
        seed=3,
    )
    x = np.random.default_rng(1).standard_normal((5, 2, 10, 10), np.float32)
    with torch.no_grad():
        theirs = torch_twin(torch, model).eval()(torch.from_numpy(x))
    expect_close("probabilities", model(x), theirs, 100)


def test_a_layer_without_a_twin_is_named(torch) -> None:
    class Mirror(Layer):
        pass

    with pytest.raises(CnnkitError, match=r"no twin in PyTorch for Mirror\(\)"):
        torch_twin(torch, Sequential(Mirror()))


def test_both_libraries_learn_the_same(torch) -> None:
    for network in networks():
        images, labels = random_batch(network.image, 8)
        expect_same_learning(torch, network, images, labels)


def test_another_network_would_be_noticed(torch, monkeypatch: pytest.MonkeyPatch) -> None:
    step = OurTraining.step

    def with_other_rate(self):
        self.optimizer.lr = 0.02
        return step(self)

    monkeypatch.setattr(OurTraining, "step", with_other_rate)
    network = networks()[0]
    with pytest.raises(CnnkitError, match="do not train the same network"):
        expect_same_learning(torch, network, *random_batch(network.image, 8))


def test_both_learners_of_mnist_are_set_alike(torch) -> None:
    for name in ("BATCH", "RATE", "EVERY"):
        assert getattr(learner_torch, name) == getattr(learner_ours, name)
    ours, theirs = small_cnn((1, 28, 28), 10), learner_torch.network(torch.nn)
    assert [type(layer).__name__ for layer in ours.layers] == [type(layer).__name__ for layer in theirs]
    assert [p.shape for p in ours.parameters] == [tuple(p.shape) for p in theirs.parameters()]
    for a, b in zip(ours.parameters, theirs.parameters(), strict=True):
        assert a.value.get().std() == pytest.approx(float(b.detach().std(correction=0)), rel=0.2)


def test_without_dropout_keeps_the_weights() -> None:
    model = networks()[0].make()
    assert any(isinstance(layer, Dropout) for layer in model.layers)
    copy = without_dropout(model)
    assert not any(isinstance(layer, Dropout) for layer in copy.layers)
    for a, b in zip(model.parameters, copy.parameters, strict=True):
        assert np.array_equal(a.value.get(), b.value.get()) and a.value is not b.value


def test_the_arithmetic_kernel_counts_its_work(device) -> None:
    plan = fma_plan(device)
    assert plan.flops == 2 * plan.vector * plan.accumulators * plan.iterations * plan.items
    ceilings = measure_ceilings(0.01)  # raises if the loop did not run to its end
    assert ceilings.gflops > 0 and ceilings.gbytes > 0


def test_growth_compares_neighbors() -> None:
    rows = growth.measure_growth(0.01, start=ConvCase(1, 2, 8, 2, 3), doublings=1, directions=("forward",))
    assert [row.grows for row in rows] == ["batch", "batch", "channels", "channels", "image", "image"]
    assert [row.change is None for row in rows] == [True, False] * 3


def test_memory_is_counted_from_the_shapes() -> None:
    model = Sequential(Conv2d(1, 2, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(8, 10), seed=0)
    # A batch of 3 images of 4x4: input 16, then 32, 32, 8, no more for Flatten, 10. Weights 18+2+80+10.
    activations, gradients, parameters = memory.count_bytes(model, (1, 4, 4), 3)
    assert activations == 4 * 3 * (16 + 32 + 32 + 8 + 10)
    assert gradients == 4 * (3 * (32 + 32 + 8 + 10) + 110)
    assert parameters == 4 * 110
