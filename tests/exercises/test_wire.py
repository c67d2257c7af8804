"""Messages: what is sent comes back, and nothing that was not sent is believed."""

import contextlib
import io
import json
import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnkit.exercises import wire


def sent(message):
    file = io.BytesIO()
    wire.send(file, message)
    return file.getvalue()


def received(data, **limits):
    return wire.receive(io.BytesIO(data), **limits)


def frame(text, payload=b"", size=None):
    data = text if isinstance(text, bytes) else json.dumps(text).encode()
    return wire.HEAD.pack(wire.MAGIC, len(data), len(payload) if size is None else size) + data + payload


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(True),
        np.zeros((0, 3)),
        np.float32([np.nan, np.inf]),
        np.arange(12).reshape(3, 4)[:, ::2],
        np.arange(4, dtype=np.uint8),
        np.arange(4, dtype=">f8"),
    ],
)
def test_arrays_come_back_bit_by_bit(array):
    back = received(sent({"a": [array, {"b": array}]}))["a"]
    for copy in (back[0], back[1]["b"]):
        assert copy.dtype == array.dtype.newbyteorder("=") and copy.shape == array.shape
        assert copy.tobytes() == array.astype(copy.dtype).tobytes()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key != "$array"), inner),
)


@given(st.dictionaries(st.text().filter(lambda key: key != "$array"), json_values))
def test_plain_messages_come_back(message):
    assert received(sent(message)) == message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello, I am no message at all, and long enough",
        frame([1, 2]),
        frame({"message": {}}),
        frame({"message": [], "arrays": []}),
        frame({"message": {"$array": 0}, "arrays": []}),
        frame({"message": {"a": {"$array": "x"}}, "arrays": []}),
        frame({"message": {}, "arrays": [{"dtype": "object", "shape": []}]}, b"12345678"),
        frame({"message": {}, "arrays": [{"dtype": "float64", "shape": [-1]}]}),
        frame({"message": {}, "arrays": [{"dtype": "float64", "shape": [2**40, 2**40]}]}),
        frame({"message": {}, "arrays": [{"dtype": "float64", "shape": [1.5]}]}),
        frame({"message": {}, "arrays": [{"dtype": "float64", "shape": [1] * 50}]}, b"12345678"),
        frame({"message": {}, "arrays": [{"dtype": "float64", "shape": [3]}]}, b"12345678"),
        frame({"message": {}, "arrays": []}, b"12345678"),
        frame({"message": {}, "arrays": {"a": 1}}),
        frame({"message": {}, "arrays": [7]}),
        frame({"message": {}, "arrays": []}, size=2**60),
        frame(b"[" * 100_000),
        frame(b"\xff\xfe"),
        wire.HEAD.pack(wire.MAGIC, 2**31, 0),
        sent({"a": 1})[:-3],
    ],
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(wire.WireError):
        received(data)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_messages_are_refused_or_read_never_worse(noise, at):
    data = bytearray(sent({"a": np.arange(20.0), "b": "text", "c": [1, 2, {"d": None}]}))
    data[at % len(data) : at % len(data) + len(noise)] = noise
    with contextlib.suppress(wire.WireError):
        assert isinstance(received(bytes(data)), dict)


def test_a_limit_on_what_is_read():
    data = sent({"a": np.zeros(1000)})
    with pytest.raises(wire.WireError, match="too large"):
        received(data, most_arrays=100)
    with pytest.raises(wire.WireError, match="object"):
        sent({"a": np.array([object()])})


def test_a_mailbox_waits_no_longer_than_it_is_told():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as source, os.fdopen(writing, "wb", 0) as target:
        box = wire.Mailbox(source)
        began = time.monotonic()
        assert box.receive(0.1) is None
        assert time.monotonic() - began >= 0.09
        wire.send(target, {"n": 1})
        assert box.receive(10) == {"n": 1}
        target.close()
        for _ in range(2):
            with pytest.raises(wire.Closed):
                box.receive(10)
        box.close()
