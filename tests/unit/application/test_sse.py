from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.application.sse import EventReader
from modelnet.core.error import EngineError

STREAM = (
    b': hello\n\ndata: {"a": 1}\n\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\n\n\ndata: [DONE]\n\n'
)
EVENTS = [b'{"a": 1}', b"two\nlines", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_events_are_whole_however_the_bytes_arrive(cuts):
    reader = EventReader()
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(places)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


def test_an_event_without_end_is_refused():
    reader = EventReader(largest_event_bytes=100)
    reader.feed(b"data: " + b"x" * 80)
    with pytest.raises(EngineError, match="more than 100 bytes"):
        reader.feed(b"x" * 80)


def test_many_lines_of_one_event_are_refused():
    reader = EventReader(largest_event_bytes=100)
    with pytest.raises(EngineError):
        reader.feed(b"data: 0123456789\n" * 11)
