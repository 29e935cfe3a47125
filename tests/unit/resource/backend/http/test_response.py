"""A response that comes piece by piece."""

import asyncio

import pytest

from modelnet.resource.backend.http.response import HIGH_WATER_BYTES, BrokenError, Response

pytestmark = pytest.mark.anyio


class Line(asyncio.Transport):
    """A connection that tells when it is read again."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.resumed = asyncio.Event()

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True
        self.resumed.set()


@pytest.mark.parametrize("is_crowded", [True, False])
async def test_in_a_crowd_pieces_are_left_to_gather(is_crowded: bool):
    line = Line()
    response = Response(line, lambda: is_crowded)
    response.begin(200, {})
    response.feed(b"one")
    assert await response.read() == b"one"
    assert line.is_read is not is_crowded
    if is_crowded:
        await asyncio.wait_for(line.resumed.wait(), 5)
    response.feed(b"two")
    response.end()
    assert await response.read() == b"two"
    assert await response.read() == b""
    assert line.is_read


async def test_a_reader_who_leaves_much_unread_holds_the_server_back():
    line = Line()
    response = Response(line, lambda: False)
    response.begin(200, {})
    response.feed(bytes(HIGH_WATER_BYTES + 1))
    assert not line.is_read
    await response.read()
    assert line.is_read


async def test_nothing_is_read_after_its_time():
    """A fast server has always sent more by then; part of that would be an answer with a hole."""
    response = Response(asyncio.Transport(), lambda: False)
    is_later = asyncio.Event()
    with response.within(0.0):
        response.feed(b"early")
        asyncio.get_running_loop().call_later(0.001, is_later.set)
        await is_later.wait()
        response.feed(b"late")
        with pytest.raises(BrokenError):
            await response.read()
