"""The least an engine can be asked with: prepared bytes out, an answer read to its end unparsed.

This is the limit that adapters are measured against, not a client anyone should use.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import msgspec

from modelnet.core.error import EngineError

CONNECT_S = 10.0

_LAST_CHUNK = b"\r\n0\r\n\r\n"
_LENGTH = b"content-length:"


def http_request(
    url: str, body: Any, headers: Mapping[str, str] | None = None, *, is_json: bool = True
) -> bytes:
    """Return the bytes of a POST."""
    parts = urlsplit(url)
    raw = msgspec.json.encode(body) if is_json else body
    lines = [
        f"POST {parts.path or '/'} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Content-Length: {len(raw)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if is_json:
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + raw


class Lane(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer = bytearray()
        self._end: int | None = None
        self._body_at: int | None = None
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return its answer, head and all.

        Raises:
            EngineError: the answer is not 200.
            ConnectionResetError: the engine closed the connection.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        self._answer.clear()
        self._body_at = self._end = None
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._done
        if b" 200 " not in self._answer[:16]:
            raise EngineError(f"The engine refused: {bytes(self._answer[:500])!r}.")
        return bytes(self._answer)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take in what came, and see whether it is all."""
        self._answer += data
        if self._body_at is None:
            self._read_head()
        if self._body_at is not None and self._done is not None and self._is_whole():
            done, self._done = self._done, None
            done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        if self._done is not None:
            self._done.set_exception(exc or ConnectionResetError())
            self._done = None

    def _read_head(self) -> None:
        end = self._answer.find(b"\r\n\r\n")
        if end < 0:
            return
        self._body_at = end + 4
        head = bytes(self._answer[:end]).lower()
        at = head.find(_LENGTH)
        if at >= 0:
            self._end = self._body_at + int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])

    def _is_whole(self) -> bool:
        if self._end is not None:
            return len(self._answer) >= self._end
        return self._answer.endswith(_LAST_CHUNK, self._body_at)


@asynccontextmanager
async def http_lane(url: str, request: bytes) -> AsyncGenerator[Callable[[], Any]]:
    """Yield what asks the server at `url` once, over a connection of its own."""
    lane = await _connected(url)

    async def ask() -> None:
        nonlocal lane
        try:
            await lane.ask(request)
        except ConnectionResetError:
            # llama.cpp closes a connection after a hundred requests.
            lane = await _connected(url)
            await lane.ask(request)

    try:
        yield ask
    finally:
        lane.close()


async def _connected(url: str) -> Lane:
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    with anyio.fail_after(CONNECT_S):
        _, lane = await loop.create_connection(Lane, parts.hostname or "", parts.port or 80)
    return lane
