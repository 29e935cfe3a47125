"""What has arrived of an answer, and when its reader hears of it."""

import asyncio

import anyio
import pytest

from modelnet.resource.backend.http import response as module
from modelnet.resource.backend.http.response import BrokenError, ExpiredError, Response

pytestmark = pytest.mark.anyio


class Still(asyncio.Transport):
    """A connection that only remembers whether it is being read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


def begun(transport: Still | None = None) -> Response:
    response = Response(transport or Still())
    response.begin(200, {})
    return response


async def read_all(response: Response, into: list[bytes]) -> None:
    while piece := await response.read():
        into.append(piece)


async def test_what_follows_at_once_comes_as_one_and_the_end_without_delay(monkeypatch):
    monkeypatch.setattr(module, "PACE_S", 3600.0)
    response = begun()
    response._taken_at = -3600.0
    got: list[bytes] = []
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(read_all, response, got)
            for piece in (b"a", b"b", b"c"):
                await anyio.wait_all_tasks_blocked()
                response.feed(piece)
            await anyio.wait_all_tasks_blocked()
            response.end()
    assert got == [b"a", b"bc"]


async def test_what_follows_after_a_while_comes_at_once(monkeypatch):
    monkeypatch.setattr(module, "PACE_S", 0.0)
    response = begun()
    got: list[bytes] = []
    async with anyio.create_task_group() as group:
        group.start_soon(read_all, response, got)
        for piece in (b"a", b"b", b"c"):
            await anyio.wait_all_tasks_blocked()
            response.feed(piece)
        await anyio.wait_all_tasks_blocked()
        response.end()
    assert got == [b"a", b"b", b"c"]


async def test_the_server_waits_while_much_is_unread():
    transport = Still()
    response = begun(transport)
    half = bytes(module.HIGH_WATER_BYTES // 2 + 1)
    response.feed(half)
    assert transport.is_read
    response.feed(half)
    assert not transport.is_read
    assert len(await response.read()) == 2 * len(half)
    assert transport.is_read


async def test_what_came_before_a_failure_is_read_first():
    response = begun()
    response.feed(b"a")
    response.fail(BrokenError("gone"))
    assert await response.read() == b"a"
    for _ in range(2):
        with pytest.raises(BrokenError, match="gone"):
            await response.read()


async def test_a_failure_after_the_end_is_none():
    response = begun()
    response.feed(b"a")
    response.end()
    response.fail(BrokenError("gone"))
    assert await response.whole(10) == b"a"


async def test_its_time_is_over_whatever_came():
    response = begun()
    with response.within(0.0):
        response.feed(b"a")
        await anyio.sleep(0.01)
        with pytest.raises(ExpiredError):
            await response.read()


async def test_a_whole_answer_may_be_read_late():
    response = begun()
    with response.within(0.0):
        response.feed(b"a")
        response.end()
        await anyio.sleep(0.01)
        assert await response.whole(10) == b"a"
