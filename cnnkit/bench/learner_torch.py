"""The other process of `time_to`: the same network, optimizer and exams in PyTorch, without cnnkit.

python cnnkit/bench/learner_torch.py FOLDER GOAL LIMIT: run as a file, so that it imports no part of cnnkit
and pays for nothing that a PyTorch program would not pay for.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import numpy as np

BATCH, RATE, EVERY = 64, 2e-3, 200  # as in learner_ours.py
EXAM_BATCH = 250


def read(folder: Path, name: str, header: int) -> np.ndarray:
    """The bytes of an IDX file after its header, gzipped or not."""
    packed = folder / f"{name}.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()
    return np.frombuffer(content, np.uint8, offset=header)


def load(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 28, 28) between 0 and 1, and labels (N,), of "train" or "t10k"."""
    pixels = read(folder, f"{part}-images-idx3-ubyte", 16)
    labels = read(folder, f"{part}-labels-idx1-ubyte", 8)
    return pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 255, labels.astype(np.int64)


def network(nn: Any) -> Any:
    """`cnnkit.models.small_cnn` for 28x28 images, with the same kind of first weights (He)."""
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip
    for layer in model:
        if hasattr(layer, "weight"):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return model


def main(folder: str, goal: float, limit: int) -> None:
    """Train, and print "STEPS ACCURACY" as the last line."""
    import torch

    torch.manual_seed(0)
    x, y = map(torch.from_numpy, load(Path(folder), "train"))
    exam_x, exam_y = map(torch.from_numpy, load(Path(folder), "t10k"))
    model = network(torch.nn)
    loss = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), RATE)

    def accuracy() -> float:
        model.eval()
        with torch.no_grad():
            parts = zip(exam_x.split(EXAM_BATCH), exam_y.split(EXAM_BATCH), strict=True)
            right = sum(int((model(a).argmax(1) == b).sum()) for a, b in parts)
        model.train()
        return right / len(exam_y)

    step, reached = 0, 0.0
    while reached < goal and step < limit:
        for chosen in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
            step += 1
            if step % EVERY == 0:
                reached = accuracy()
                if reached >= goal or step >= limit:
                    break
    print(step, reached)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
