import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnnkit.data.idx import read_idx
from cnnkit.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), np.uint8)
LABELS = np.arange(5, dtype=np.uint8)


@pytest.fixture
def write(tmp_path):
    def write(content, name="some-idx-ubyte"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def refusal(path, item_shape=(3, 4), at_most=100):
    with pytest.raises(DataError) as caught:
        read_idx(path, item_shape, at_most)
    message = str(caught.value)
    assert str(path) in message
    return message


@pytest.mark.parametrize("zip_it", [False, True])
@pytest.mark.parametrize("name", ["x-ubyte", "x-ubyte.gz"])
def test_reads_plain_and_gzipped_files_by_content(write, make_idx, zip_it, name):
    images = read_idx(write(make_idx(IMAGES, zip_it=zip_it), name), (3, 4))
    np.testing.assert_array_equal(images, IMAGES)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(read_idx(write(make_idx(LABELS, zip_it=zip_it), name)), LABELS)


def test_missing_file_and_folder(tmp_path):
    assert "There is no file" in refusal(tmp_path / "nothing")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("zip_it", [False, True])
@pytest.mark.parametrize(
    ("lie", "says"),
    [
        (lambda ok: ok[:-1], ("promises",)),
        (lambda ok: ok[:20], ("promises",)),
        (lambda ok: ok + b"\0", ("promises",)),
        (lambda ok: ok + bytes(1000), ("promises",)),
        (lambda ok: b"", ("ends after 0 bytes, within its header of 16",)),
        (lambda ok: ok[:2], ("ends after 2 bytes, within its header of 16",)),
        (lambda ok: ok[:15], ("ends after 15 bytes, within its header of 16",)),
        (lambda ok: b"<html>" + ok, ("begins with the bytes 3c 68 74 6d", "00 00 08 03")),
        (lambda ok: b"\0\0\x0d\x03" + ok[4:], ("00 00 0d 03", "00 00 08 03")),
        (lambda ok: b"\0\0\x08\x01" + ok[4:], ("00 00 08 01", "00 00 08 03")),
        (lambda ok: ok[:4] + struct.pack(">I", 6) + ok[8:], ("promises", "(6 items)")),
        (lambda ok: ok[:4] + struct.pack(">I", 4) + ok[8:], ("promises", "(4 items)")),
        (lambda ok: ok[:4] + struct.pack(">I", 0) + ok[8:], ("holds 0 items, but 1 to 100",)),
        (lambda ok: ok[:4] + struct.pack(">I", 2**31) + ok[8:], ("holds 2147483648 items, but 1 to 100",)),
        (lambda ok: ok[:4] + struct.pack(">i", -1) + ok[8:], ("holds 4294967295 items, but 1 to 100",)),
        (lambda ok: ok[:8] + struct.pack(">II", 4, 3) + ok[16:], ("shape (4, 3), not (3, 4)",)),
        (lambda ok: ok[:8] + struct.pack(">iI", -3, 4) + ok[16:], ("shape (4294967293, 4), not (3, 4)",)),
        (lambda ok: ok[:8] + struct.pack(">II", 2**31, 2**31) + ok[16:], ("not (3, 4)",)),
    ],
)
def test_lying_and_cut_files_are_refused_with_both_numbers(write, make_idx, zip_it, lie, says):
    content = lie(make_idx(IMAGES))
    message = refusal(write(gzip.compress(content) if zip_it else content))
    assert all(part in message for part in says), message


def test_the_real_and_the_promised_length_are_named(write, make_idx):
    content = make_idx(IMAGES)
    assert "has 75 bytes, but its header promises 76 (5 items)" in refusal(write(content[:-1]))
    assert "has 77 bytes, but its header promises 76" in refusal(write(content + b"!"))
    short, long = gzip.compress(content[:-1]), gzip.compress(content + b"!")
    assert "holds 59 bytes of values, but its header promises 60" in refusal(write(short))
    assert "holds more than 60 bytes of values, but its header promises 60" in refusal(write(long))


@pytest.mark.parametrize(
    "damage",
    [
        lambda ok: ok[:-1],
        lambda ok: ok[:-8],
        lambda ok: ok[: len(ok) // 2],
        lambda ok: ok[:5],
        lambda ok: ok[:-8] + bytes(4) + ok[-4:],  # wrong checksum
        lambda ok: ok[:-4] + bytes(4),  # wrong length
        lambda ok: ok[:12] + bytes([ok[12] ^ 0xFF]) + ok[13:],
        lambda ok: ok + b"and more",
    ],
)
def test_damaged_gzip_is_refused(write, make_idx, damage):
    message = refusal(write(damage(make_idx(IMAGES, zip_it=True))))
    assert "gzip file" in message and "get it again" in message


def test_a_promise_of_gigabytes_takes_no_memory(write, make_idx):
    """Small files whose headers promise a gigabyte, and a small gzip file that really unpacks to more."""
    promise = make_idx(np.zeros(10, np.uint8), dims=(2**30,))
    bomb = gzip.compress(make_idx(np.zeros(2**26, np.uint8), dims=(1000,)))
    for content in (promise, gzip.compress(promise), bomb):
        path = write(content)
        tracemalloc.start()
        refusal(path, (), None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * 2**20
    assert f"more than the {2**30} ever read" in refusal(write(make_idx(LABELS, dims=(2**30 + 1,))), (), None)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("mutations") / "file"


@settings(max_examples=300, deadline=None)
@given(
    zip_it=st.booleans(),
    changes=st.lists(st.tuples(st.integers(0, 75), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 80),
    more=st.binary(max_size=5),
)
@example(zip_it=False, changes=[], cut=80, more=b"")
@example(zip_it=True, changes=[], cut=80, more=b"")
def test_any_change_is_refused_or_read_as_what_the_file_then_says(path, make_idx, zip_it, changes, cut, more):
    content = bytearray(make_idx(IMAGES))
    for where, value in changes:
        content[where] = value
    content = bytes(content[:cut] + more)
    path.write_bytes(gzip.compress(content) if zip_it else content)
    honest = (
        len(content) >= 16
        and content[:4] == b"\0\0\x08\x03"
        and content[8:16] == struct.pack(">II", 3, 4)
        and 1 <= (n := int.from_bytes(content[4:8])) <= 100
        and len(content) == 16 + 12 * n
    )
    if honest:
        assert read_idx(path, (3, 4), 100).tobytes() == content[16:]
    elif not content.startswith(b"\x1f\x8b"):
        refusal(path)


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_change_of_the_gzip_stream_is_refused_or_harmless(path, make_idx, changes):
    content = bytearray(make_idx(IMAGES, zip_it=True))
    for where, value in changes:
        content[where % len(content)] = value
    path.write_bytes(content)
    try:
        np.testing.assert_array_equal(read_idx(path, (3, 4), 100), IMAGES)  # the checksum guards the rest
    except DataError as error:
        assert str(path) in str(error)
