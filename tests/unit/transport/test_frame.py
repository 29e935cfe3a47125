"""Frames: what goes in comes out, and whatever is not a frame is malformed, nothing worse."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.error import MalformedError
from modelnet.transport.frame import (
    MAX_FRAME_BYTES,
    MAX_STATE_BYTES,
    Announcement,
    Ask,
    Cancel,
    Credit,
    Data,
    End,
    Failure,
    State,
    Summary,
    decode_announcement,
    decode_frame,
    decode_summary,
    encode,
)

ids = st.text(max_size=32)
counts = st.integers(0, 2**63 - 1)
frames = st.one_of(
    st.builds(Ask, ids, st.text(max_size=60), counts, st.binary(max_size=200)),
    st.builds(Data, ids, counts, st.lists(st.binary(max_size=50), max_size=8).map(tuple)),
    st.builds(End, ids, st.binary(max_size=200)),
    st.builds(Failure, ids, st.binary(max_size=200)),
    st.builds(Cancel, ids, st.binary(max_size=200)),
    st.builds(Credit, ids, counts),
    st.builds(State, st.lists(st.binary(max_size=100), max_size=4).map(tuple)),
)
DECODERS = [decode_frame, decode_summary, decode_announcement]


@given(frames)
def test_a_frame_survives_the_way(frame):
    assert decode_frame(encode(frame)) == frame


@given(st.builds(Summary, counts, st.binary(max_size=40)))
def test_a_summary_survives_the_way(summary):
    assert decode_summary(encode(summary)) == summary


@given(st.builds(Announcement, st.text(max_size=64), st.binary(max_size=300)))
def test_an_announcement_survives_the_way(announcement):
    assert decode_announcement(encode(announcement)) == announcement


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (Ask("i", "n", 7, b"s"), "9501a169a16e07c40173"),
        (Data("i", 2, (b"ab", b"")), "9402a1690292c4026162c400"),
        (End("i", b"s"), "9303a169c40173"),
        (Failure("i", b"s"), "9304a169c40173"),
        (Cancel("i", b"s"), "9305a169c40173"),
        (Credit("i", 300), "9306a169cd012c"),
        (State((b"s",)), "920791c40173"),
    ],
)
def test_the_bytes_are_those_of_the_protocol_document(frame, expected):
    assert encode(frame).hex() == expected


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(decode, data):
    with suppress(MalformedError):
        decode(data)


@given(frames, st.data())
def test_a_damaged_frame_is_read_or_malformed(frame, data):
    damaged = bytearray(encode(frame))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    with suppress(MalformedError):
        decode_frame(bytes(damaged[:cut]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode([8, "i"]),
        msgspec.msgpack.encode([6, "i", -1]),
        msgspec.msgpack.encode([6, "i", 2**63]),
        msgspec.msgpack.encode([2, "i", 0, ["text"]]),
        msgspec.msgpack.encode({"tag": 1}),
        b"\x91" * 5000,
        b"\x94\x02\xa1\xff\x00\x90",
    ],
)
def test_what_is_not_a_frame_is_malformed(data):
    with pytest.raises(MalformedError):
        decode_frame(data)


def test_fields_of_later_versions_are_passed_over():
    assert decode_frame(msgspec.msgpack.encode([6, "i", 9, "new"])) == Credit("i", 9)


def test_a_frame_that_is_too_large_is_malformed():
    with pytest.raises(MalformedError, match="is the most"):
        decode_frame(bytes(MAX_FRAME_BYTES + 1))


def test_a_state_that_is_too_large_is_malformed():
    body = encode(Announcement("card", bytes(MAX_STATE_BYTES + 1)))
    with pytest.raises(MalformedError, match="card exceeds"):
        decode_announcement(body)
