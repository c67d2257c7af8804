"""Files with lying headers: each is read as what it holds or refused in a sentence, in little memory.

The files are read in a child process (`lying_files_child`), so that one that ends the interpreter is seen,
and one that takes more than 1 GiB finds no more memory. IDX files have further tests in
tests/data/test_data_idx.py, archives in test_data_cifar10.py.
"""

import gzip
import os
import random
import struct
from collections import Counter
from pathlib import Path

import lying_files_draws as draws
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from other_process import OtherProcess

CHILD = Path(__file__).with_name("lying_files_child.py")

# By format: its lying files, given an honest one.
FORMATS = {
    "IDX": lambda draw, honest: draws.idx(draw),
    "CIFAR-10 batch": lambda draw, honest: draws.cifar(draw),
    "CIFAR-10 archive": lambda draw, honest: draws.tar(draw),
    "PNG": lambda draw, honest: draws.pngs(draw),
    "safetensors": draws.safetensors_like,
    "saved model": draws.models,
    "checkpoint": draws.models,
    "notebook": lambda draw, honest: draws.notebooks(draw),
    "progress": lambda draw, honest: draws.progress(draw),
    "course record": draws.records,
    "grader's state": draws.gathered,
}


class Reader:
    """The child process, and what the files that it was given came to."""

    def __init__(self, folder):
        self.process = OtherProcess(CHILD, folder)
        self.outcomes = Counter()
        self.limited, self.honest = self.process.start()

    def ask(self, kind, content=b""):
        return self.process.ask(kind, content)

    def read(self, kind, content):
        outcome, words = self.ask(kind, content)
        self.outcomes[kind, outcome] += 1
        assert outcome != "wrong", f"{kind}: {words}"
        return outcome, words

    def table(self, kind, peak):
        read, refused = self.outcomes[kind, "read"], self.outcomes[kind, "refused"]
        return (
            f"{kind}: {read + refused} files, {read} read, {refused} refused, {peak >> 20} MiB more at most"
        )


@pytest.fixture
def fresh(tmp_path):
    """A process of its own: what another file took stays with a process, in pieces."""
    reader = Reader(tmp_path)
    yield reader
    reader.process.stop()


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    reader = Reader(tmp_path_factory.mktemp("lying"))
    yield reader
    reader.process.stop()


def read_lies(reader, kind, examples):
    reader.ask("peak")

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(draw=st.randoms(use_true_random=True))
    def judge(draw):
        reader.read(kind, FORMATS[kind](draw, reader.honest[kind]))

    judge()
    peak = reader.ask("peak")
    print(f"\n{reader.table(kind, peak)}")
    assert peak < 1 << 30
    return sum(count for (name, _), count in reader.outcomes.items() if name == kind)


@pytest.mark.parametrize("kind", FORMATS)
def test_lying_files_are_read_or_refused(reader, kind):
    assert read_lies(reader, kind, 60) >= 50


# Of each format; 10 000, before a release, take a quarter of an hour.
MANY = int(os.environ.get("CNNKIT_LYING_FILES", "500"))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", FORMATS)
def test_many_lying_files_are_read_or_refused(reader, kind):
    assert read_lies(reader, kind, MANY) >= MANY


def test_notebooks_read_in_a_process_of_their_own_give_the_same(reader):
    for seed in range(5):
        reader.read("notebook, apart", draws.notebooks(random.Random(seed)))


@pytest.mark.slow
def test_many_notebooks_read_in_a_process_of_their_own_give_the_same(reader):
    for seed in range(300):
        reader.read("notebook, apart", draws.notebooks(random.Random(seed)))


def inflated(part, size, before=b"", after=b""):
    return before + part * (size // len(part)) + after


def tar_of_one_long_word():
    """A name of 300 MB, which takes 300 KB in the archive."""
    header = bytearray(draws.archive([("pax", b"")])[:512])
    header[156:157], header[124:136] = b"x", b"%011o\0" % (300 << 20)
    draws.with_checksum(header, 0)
    return gzip.compress(bytes(header) + bytes(300 << 20), 1)


def header_of(size):
    """A safetensors file with a description of so many bytes, which are very many small objects."""
    about = inflated(b"[],", size, b'{\\"a\\":[', b"0]}")
    text = b'{"__metadata__": {"cnnkit": "' + about + b'"}}'
    return struct.pack("<Q", len(text)) + text


def notebook_of(size):
    return inflated(b"[],", size, b'{"cells": [], "a": [', b"0]}")


BOMBS = {
    "tar of one name": ("CIFAR-10 archive", tar_of_one_long_word, "unpacks to more than 268435456 bytes"),
    "header within the limit": ("safetensors", lambda: header_of(8_000_000), None),
    "header": ("safetensors", lambda: header_of(9_000_000), "at most 8388608 are read"),
    "record": ("course record", lambda: notebook_of(9_000_000), "damaged"),
    "progress": ("progress", lambda: notebook_of(9_000_000), "damaged"),
    "notebook within the limit": ("notebook", lambda: notebook_of(30_000_000), None),
    "notebook": (
        "notebook",
        lambda: notebook_of(99_000_000),
        "larger, than any notebook's",
    ),
    "picture": ("PNG", lambda: draws.png(6324, 6326, rows=b""), "6324 x 6326 pixels, more than the 40000000"),
    "huge picture": ("PNG", lambda: draws.png(2**31 - 1, 2**31 - 1, rows=b""), "more than the 40000000"),
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_small_files_that_unpack_to_much(fresh, bomb):
    kind, make, says = BOMBS[bomb]
    fresh.ask("peak")
    outcome, words = fresh.read(kind, make())
    peak = fresh.ask("peak")
    print(f"\n{bomb}: {outcome}, {peak >> 20} MiB more: {words}")
    assert says is None or (outcome == "refused" and says in words)
    assert peak < 1 << 30


# (depth, color, interlaced) of pictures with nearly as many pixels as are read.
PICTURES = [
    (1, 0, 0),
    (8, 0, 0),
    (16, 0, 0),
    (8, 2, 0),
    (16, 2, 0),
    (8, 3, 0),
    (8, 4, 0),
    (16, 6, 0),
    (8, 6, 1),
]


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "color", "interlace"), PICTURES)
@pytest.mark.parametrize("turned", [False, True])
def test_pictures_of_the_most_pixels_stay_below_a_gibibyte(fresh, depth, color, interlace, turned):
    on_its_side = draws.chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")
    fresh.ask("peak")
    content = draws.png(6324, 6324, depth, color, interlace, extra=on_its_side if turned else b"")
    outcome, _ = fresh.read("large picture", content)
    peak = fresh.ask("peak")
    print(f"\ndepth {depth}, color {color}: {len(content)} bytes, {outcome}, {peak >> 20} MiB more")
    assert peak < 1 << 30
