"""MNIST and Fashion-MNIST: 28x28 gray images in IDX files of the same names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnkit.data.dataset import Dataset
from cnnkit.data.download import fetch
from cnnkit.data.folders import cache_folder, named_folder, part_name, warn_if_part
from cnnkit.data.idx import read_idx
from cnnkit.errors import DataError

FULL = {"train": 60_000, "t10k": 10_000}


@dataclass(frozen=True)
class _Set:
    title: str
    folder: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    md5: dict[str, str]
    first_labels: dict[str, bytes]  # tells the two sets apart, whose files have the same names and sizes


MNIST = _Set(
    "MNIST",
    "mnist",
    tuple("0123456789"),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    {"train": bytes([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]), "t10k": bytes([7, 2, 1, 0, 4, 1, 4, 9, 5, 9])},
)
FASHION = _Set(
    "Fashion-MNIST",
    "fashion_mnist",
    (
        "T-shirt/top", "trouser", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
    ("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",),
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    {"train": bytes([9, 0, 0, 3, 0, 2, 7, 2, 5, 5]), "t10k": bytes([9, 2, 1, 1, 6, 1, 4, 6, 5, 7])},
)  # fmt: skip


def mnist(folder: str | os.PathLike[str] | None = None) -> tuple[Dataset, Dataset]:
    """MNIST, handwritten digits: (train, test) of 60 000 and 10 000 images, (N, 1, 28, 28) in [0, 1].

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits",
    http://yann.lecun.com/exdb/mnist/. Its page states no license; Keras and TensorFlow, which also
    distribute it, name Creative Commons Attribution-Share Alike 3.0.

    Args:
        folder: where the four IDX files are, gzipped or not, or the parent of a folder `mnist` with them.
            None: the folder that the environment variable CNNKIT_DATA names, or else a download of 12 MB
            that is kept in your cache folder. With a folder named, nothing is ever downloaded.

    A folder with less of the set (shorter files, or the test files alone) loads as that part: a warning
    says how much there is, and so do the names of the two Datasets. A part without files has 0 images.

    Raises:
        DataError: files missing, damaged or of another set; or no download where one was needed.
    """
    train, test, place = _load(MNIST, folder)
    warn_if_part(MNIST.title, place, (len(train), len(test)), (FULL["train"], FULL["t10k"]))
    return train, test


def fashion_mnist(folder: str | os.PathLike[str] | None = None) -> tuple[Dataset, Dataset]:
    """Fashion-MNIST, clothes: (train, test) of 60 000 and 10 000 images, (N, 1, 28, 28) in [0, 1].

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking
    Machine Learning Algorithms", 2017, https://github.com/zalandoresearch/fashion-mnist, MIT license.

    `folder`, parts of the set and errors are those of `mnist`; the subfolder is `fashion_mnist`, the
    download 31 MB.
    """
    train, test, place = _load(FASHION, folder)
    warn_if_part(FASHION.title, place, (len(train), len(test)), (FULL["train"], FULL["t10k"]))
    return train, test


def _load(which: _Set, folder: str | os.PathLike[str] | None) -> tuple[Dataset, Dataset, Path]:
    place = named_folder(which.title, [which.folder], list(which.md5), _holds_any, folder)
    if place is None:
        place = cache_folder(which.folder)
        for file, md5 in which.md5.items():
            fetch(which.title, file, md5, which.mirrors, place, f"{which.folder}(folder=...)")
    train, test = _part(which, place, "train"), _part(which, place, "t10k")
    return train, test, place


def _find(place: Path, stem: str) -> Path | None:
    """The file of that name as published, unpacked, or unpacked by a program that turns `-idx` to `.idx`."""
    dotted = stem.replace("-idx", ".idx")
    candidates = (place / name for name in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"))
    return next((path for path in candidates if path.is_file()), None)


def _holds_any(place: Path) -> bool:
    return any(_find(place, file.removesuffix(".gz")) for file in MNIST.md5)


def _part(which: _Set, place: Path, part: str) -> Dataset:
    stems = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images_path, labels_path = (_find(place, stem) for stem in stems)
    title, full = ("train" if part == "train" else "test"), FULL[part]
    if images_path is None and labels_path is None:
        nothing = np.empty((0, 1, 28, 28), np.float32), np.empty(0, np.int32)
        return Dataset(*nothing, which.classes, part_name(which.title, title, 0, full))
    if images_path is None or labels_path is None:
        there, missing = (labels_path, stems[0]) if images_path is None else (images_path, stems[1])
        raise DataError(f"{place} has {there.name if there else ''} without {missing}(.gz): put both there.")
    labels = read_idx(labels_path, (), full)
    _check_labels(which, part, labels, labels_path)
    raw = read_idx(images_path, (28, 28), full)
    if len(raw) != len(labels):
        raise DataError(
            f"{images_path} holds {len(raw)} images, but {labels_path.name} holds {len(labels)} labels: they "
            "do not belong together, get both again."
        )
    images = raw[:, None].astype(np.float32)
    images /= 255
    return Dataset(
        images, labels.astype(np.int32), which.classes, part_name(which.title, title, len(images), full)
    )


def _check_labels(which: _Set, part: str, labels: NDArray[np.uint8], path: Path) -> None:
    wrong = np.flatnonzero(labels > 9)
    if len(wrong):
        raise DataError(
            f"{path} gives image {wrong[0]} the label {labels[wrong[0]]}, but labels run from 0 to 9: it is "
            "damaged, get it again."
        )
    other = FASHION if which is MNIST else MNIST
    if labels[:10].tobytes() == other.first_labels[part]:
        raise DataError(
            f"{path} is of {other.title}, not of {which.title} (its labels begin with "
            f"{', '.join(map(str, labels[:10]))}): use {other.folder}, or name another folder."
        )
