"""The least an engine can be asked with still reads every answer to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from modelnet.core.error import EngineError
from modelnet.testbed.bench.engine.direct import http_lane, http_request

pytestmark = pytest.mark.anyio

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nX: max=100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
REFUSED = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def server(answer: bytes, *, closes: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer every request alike, a byte at a time."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked.append(head + await reader.readexactly(2))
                for at in range(len(answer)):
                    writer.write(answer[at : at + 1])
                    await writer.drain()
                if closes:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1/x", asked


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("answer", [WHOLE, CHUNKED])
async def test_each_answer_is_read_to_its_end(answer: bytes, closes: bool):
    async with server(answer, closes=closes) as (url, asked):
        async with http_lane(url, http_request(url, {}, {"x-key": "k"})) as ask:
            for _ in range(3):
                await ask()
        assert len(asked) == 3
        assert asked[0].startswith(b"POST /v1/x HTTP/1.1\r\n")
        assert b"x-key: k\r\n" in asked[0]
        assert asked[0].endswith(b"\r\n\r\n{}")


async def test_a_refusal_is_told():
    async with (
        server(REFUSED) as (url, _),
        http_lane(url, http_request(url, {})) as ask,
    ):
        with pytest.raises(EngineError, match="503"):
            await ask()
