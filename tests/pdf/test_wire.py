import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pdf import wire

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.just("$blob") | st.text(), inner, max_size=4),
    max_leaves=20,
)


def decode(frame):
    stream = io.BytesIO(frame)
    return wire.decode(stream.read)


def frame(header):
    return len(header).to_bytes(4, "big") + header


@given(values)
def test_every_value_arrives_as_it_was_sent(value):
    assert decode(b"".join(wire.encode(value))) == value


@pytest.mark.parametrize("value", [{1: "a"}, {1, 2}, object()])
def test_a_value_that_would_change_on_the_way_is_refused(value):
    with pytest.raises(TypeError):
        wire.encode(value)


def test_infinity_is_refused_by_the_sender():
    with pytest.raises(ValueError, match="JSON"):
        wire.encode(float("inf"))


@pytest.mark.parametrize(
    "header",
    [
        b"rubbish",
        b"[]",
        b'{"value": 1}',
        b'{"value": NaN, "blobs": []}',
        b'{"value": {"$blob": 3}, "blobs": []}',
        b'{"value": {"$blob": "x"}, "blobs": []}',
        b'{"value": 1, "blobs": [-1]}',
        b'{"value": 1, "blobs": [true]}',
        b'{"value": 1, "blobs": [999999999999]}',
        b'{"value": 1, "blobs": 7}',
        b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b', "blobs": []}',
        b"\xff\xfe",
    ],
)
def test_a_frame_from_a_broken_child_is_malformed(header):
    with pytest.raises(wire.MalformedFrame):
        decode(frame(header))


def test_a_header_that_promises_too_much_is_not_even_read():
    with pytest.raises(wire.MalformedFrame, match="too large"):
        decode(b"\xff\xff\xff\xff")
