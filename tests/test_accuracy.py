"""The main job, whole: real handwriting is learned as well as the course says."""

import statistics
from pathlib import Path

import pytest

from cnnkit import Adam, LinearDecay, data, fit
from cnnkit.models import small_cnn

MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


def test_digits_reach_98_percent_as_a_mean_of_five_seeds():
    """Stratified 80/20 split, five splits with five first weights."""
    accuracies = []
    for seed in range(5):
        train, test = data.digits(test=0.2, seed=seed)
        model = small_cnn((1, 8, 8), 10, seed)
        optimizer = Adam(3e-3)
        history = fit(
            model, train, test, epochs=12, batch_size=32, optimizer=optimizer, seed=seed, progress=False
        )
        accuracies.append(history["val_accuracy"][-1])
    print("accuracies:", accuracies)
    assert statistics.mean(accuracies) >= 0.98


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_mnist_reaches_99_percent_within_five_epochs():
    if not MNIST.is_dir():
        pytest.skip(f"real MNIST is not in {MNIST.parent.parent.name}/data/mnist beside the repository")
    train, test = data.mnist(MNIST)
    model = small_cnn((1, 28, 28), 10, seed=0)
    history = fit(
        model, train, test, 5, optimizer=Adam(2e-3), callbacks=[LinearDecay()], seed=0, progress=False
    )
    print(history)
    assert max(history["val_accuracy"]) >= 0.99
