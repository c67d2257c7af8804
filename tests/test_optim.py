"""Optimizers against their formulas, step by step."""

import numpy as np
import pytest
from closeness import assert_close

from cnnkit import SGD, Adam, optim, reference
from cnnkit.array import copy_into, to_device
from cnnkit.errors import CnnkitError
from cnnkit.layers import Linear, Parameter


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}, {"momentum": 0.5, "weight_decay": 0.2}]
)
def test_sgd(device, settings):
    parameter, optimizer = Parameter(normal(7, 9)), SGD(0.1, **settings)
    w, v = normal(7, 9).astype(float), np.zeros((7, 9))
    for step in range(5):
        g = normal(7, 9, seed=step)
        parameter.grad = to_device(g)
        optimizer.step([parameter])
        w, v = reference.sgd_step(
            w, g, v, 0.1, settings.get("momentum", 0.0), settings.get("weight_decay", 0.0)
        )
        assert_close(parameter.value, w, 10)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam(device, weight_decay):
    parameter, optimizer = Parameter(normal(70)), Adam(0.01, weight_decay=weight_decay)
    w, m, v = normal(70).astype(float), np.zeros(70), np.zeros(70)
    for step in range(1, 6):
        g = normal(70, seed=step)
        parameter.grad = to_device(g)
        optimizer.step([parameter])
        w, m, v = reference.adam_step(w, g, m, v, step, 0.01, 0.9, 0.999, 1e-8, weight_decay)
        assert_close(parameter.value, w, 10)


def test_adams_first_step_is_the_learning_rate_in_size():
    parameter = Parameter(np.zeros(3))
    parameter.grad = to_device([5.0, -0.001, 200.0])
    Adam(0.1).step([parameter])
    np.testing.assert_allclose(parameter.value.get(), [-0.1, 0.1, -0.1], rtol=1e-4)


def test_the_learning_rate_may_change_on_the_way():
    parameter, optimizer = Parameter(np.zeros(1)), SGD(1.0)
    parameter.grad = to_device([1.0])
    optimizer.step([parameter])
    optimizer.lr = 0.5
    optimizer.step([parameter])
    assert parameter.value.get()[0] == -1.5


def test_a_raised_halt_freezes_the_weights():
    for optimizer in (SGD(1.0), Adam(1.0)):
        parameter = Parameter(np.ones(2))
        parameter.grad = to_device([1.0, 1.0])
        optimizer.step([parameter], to_device([1], "halt", np.int32))
        assert parameter.value.get().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SGD(-1), "lr must be a number of at least 0, not -1"),
        (lambda: SGD(0.1, momentum=float("nan")), "momentum must be a number"),
        (lambda: Adam(beta1=1.0), "below 1"),
        (lambda: SGD(0.1).step(Linear(2, 2).parameters), "call backward before step"),
    ],
)
def test_mistakes(call, words):
    with pytest.raises(CnnkitError, match=words):
        call()


@pytest.mark.parametrize("make", [SGD, Adam])
def test_all_parameters_at_once_are_each_one_alone(device, make):
    """Gradients in the optimizer's memory take one launch; gradients set by hand one each."""
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape) for shape in ((3, 5), (7,), (1,), (40, 30))]
    together, alone = ([Parameter(v) for v in values] for _ in range(2))
    first, second = make(0.1), make(0.1)
    first.gather(together)
    for _ in range(3):
        for p, q in zip(together, alone, strict=True):
            slope = to_device(rng.standard_normal(p.shape))
            copy_into(p.room, slope)
            p.grad, q.grad = p.room, slope
        first.step(together)
        second.step(alone)
    for p, q in zip(together, alone, strict=True):
        assert np.array_equal(p.value.get(), q.value.get())
    for mine, theirs in zip(first.state, second.state, strict=True):
        for name in mine:
            assert np.array_equal(mine[name].get(), theirs[name].get())
    first.release()
    assert all(p.room is None for p in together)
    first.step(together)  # goes on one by one, from the same state
    second.step(alone)
    assert np.array_equal(together[3].value.get(), alone[3].value.get())


def test_gradients_by_hand_are_new_at_every_backward():
    """Also after a fit, which reuses them: somebody may add them up."""
    layer, optimizer = Linear(4, 3, seed=0), Adam(0.1)
    optimizer.gather(layer.parameters)
    optimizer.release()
    kept = []
    for seed in (1, 2):
        layer.forward(normal(5, 4, seed=seed))
        layer.backward(normal(5, 3, seed=seed))
        kept.append((layer.w.grad, layer.w.grad.get()))
    assert np.array_equal(kept[0][0].get(), kept[0][1])


def test_a_value_put_in_place_of_the_gathered_one_is_what_moves():
    """A callback may assign `parameter.value`: the step must not move the memory that it left."""
    (parameter,), optimizer = [Parameter(normal(3))], SGD(0.5)
    optimizer.gather([parameter])
    parameter.grad = parameter.room
    copy_into(parameter.room, np.ones(3, np.float32))
    parameter.value = to_device(np.zeros(3))
    optimizer.step([parameter])
    assert parameter.value.get().tolist() == [-0.5] * 3


def test_nothing_to_step():
    optimizer = Adam(0.1)
    optimizer.gather([])
    optimizer.step([])


def test_an_optimizer_that_finds_no_memory_can_be_used_when_there_is_some(monkeypatch):
    parameters, optimizer = Linear(4, 3, seed=0).parameters, Adam(0.1)
    monkeypatch.setattr(optim, "side_by_side", lambda shapes: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        optimizer.gather(parameters)
    monkeypatch.undo()
    optimizer.gather(parameters)
    assert len(optimizer.state) == 2


def test_one_optimizer_serves_one_model():
    optimizer = SGD(0.1)
    for shape, fails in (((2, 3), False), ((4, 5), True)):
        parameter = Parameter(np.ones(shape))
        parameter.grad = to_device(np.ones(shape))
        if fails:
            with pytest.raises(CnnkitError, match="make a new optimizer for each model"):
                optimizer.step([parameter])
        else:
            optimizer.step([parameter])
