"""The line between two processes, of which one may say anything."""

import os

import pytest

from modelnet.resource.sandbox.inside.line import MOST_BYTES, GoneError, Line, TooLargeError


@pytest.fixture
def line():
    inward, outward = os.pipe()
    yield Line(inward, outward)
    for one in (inward, outward):
        try:
            os.close(one)
        except OSError:
            continue


def test_messages_arrive_in_their_order(line):
    line.send({"a": [1, "é"]})
    line.send(None)
    assert line.receive() == {"a": [1, "é"]}
    assert line.receive() is None


def test_an_end_is_noticed(line):
    os.write(line.outward, b"\0\0\0\5ab")
    os.close(line.outward)
    with pytest.raises(GoneError):
        line.receive()


@pytest.mark.parametrize("raw", [b"\0\0\0\1{", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1\xff"])
def test_nonsense_is_an_end(line, raw):
    os.write(line.outward, raw)
    with pytest.raises(GoneError):
        line.receive()


def test_what_is_nested_without_end_is_an_end(line):
    raw = b"[" * 60_000
    os.write(line.outward, len(raw).to_bytes(4, "big") + raw)
    with pytest.raises(GoneError):
        line.receive()


def test_nobody_listens(line):
    os.close(line.inward)
    with pytest.raises(GoneError):
        line.send(1)


def test_what_is_too_large_is_not_sent(line):
    with pytest.raises(TooLargeError):
        line.send("x" * MOST_BYTES)
    line.send(1)
    assert line.receive() == 1
