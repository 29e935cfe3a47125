"""Connections of a server that closes them without saying so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from modelnet.resource.backend.http.pool import STALE, Pool

pytestmark = pytest.mark.anyio

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STREAMED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@asynccontextmanager
async def answering_once(answer: bytes) -> AsyncIterator[tuple[Pool, list[int]]]:
    """Serve connections that end when they are asked again; count how often each is asked."""
    asked: list[int] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        asked.append(1)
        place = len(asked) - 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if await reader.read(1):
            asked[place] += 1
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    pool = Pool(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield pool, asked
    finally:
        pool.close()
        server.close()
        await asyncio.gather(*filter(None, serving))


async def ask(pool: Pool) -> bytes:
    connection = await pool.ask(HEAD, b"")
    try:
        return await connection.response.whole(100)
    finally:
        pool.done(connection)


async def test_a_server_that_closes_after_streams_is_asked_on_fresh_connections():
    async with answering_once(STREAMED) as (pool, asked):
        for _ in range(STALE + 4):
            assert await ask(pool) == b"hi"
        assert asked[:STALE] == [2] * STALE
        assert asked[STALE:] == [1] * 4


async def test_whole_answers_are_asked_for_on_connections_that_are_kept():
    async with answering_once(WHOLE) as (pool, asked):
        for _ in range(STALE + 4):
            assert await ask(pool) == b"hi"
        assert asked[:-1] == [2] * (STALE + 3)
