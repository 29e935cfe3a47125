"""One request and its response on the wire: ASGI's messages, turned into a body and back."""

from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import aclosing, contextmanager
from typing import Any, Protocol, TypeAlias

import anyio.lowlevel

from modelnet.application.gateway.endpoint import EVENTS, EventStream, Header, Reply
from modelnet.application.gateway.failure import HttpError, failure_of
from modelnet.application.gateway.meter import CLIENT_GONE
from modelnet.core.error import ModelnetError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

LINK = "modelnet.link"
"""Where in the `state` of an ASGI scope the link to the client is."""

_DISCARDED_BODIES = 4
"""How many times the limit is read and thrown away, so that a client writing sees the refusal."""

_STREAM_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}

_EVENTS_A_TURN = 32
"""After this many events that were all ready, other requests get their turn."""


class Link(Protocol):
    """The connection to the client."""

    @property
    def departures(self) -> set[Callable[[], None]]:
        """What to call when the client leaves."""
        ...

    def abort(self) -> None:
        """Drop the connection with all that the client has not read."""
        ...


class ClientGoneError(Exception):
    """The client left before its request had arrived; there is nobody to tell."""


class Exchange:
    """Reads one request and writes one response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.has_arrived = False
        self._link: Link = scope["state"][LINK]
        self._receive = receive
        self._send = send
        self._status = 0
        self._streamed: bytes | None = None
        self._is_complete = False
        self._is_gone = False

    @property
    def status(self) -> int:
        """The status to count: what was sent, or that the client did not get all of it."""
        return self._status if self._is_complete else CLIENT_GONE

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to send, or nobody to send it to."""
        return self._is_complete or self._is_gone

    @contextmanager
    def until_gone(self, stop: Callable[[], None]) -> Generator[None]:
        """Call `stop` if the client leaves while the context is open."""

        def leave() -> None:
            self._is_gone = True
            stop()

        self._link.departures.add(leave)
        try:
            yield
        finally:
            self._link.departures.discard(leave)

    def abort(self) -> None:
        """Drop the connection: the client does not read."""
        self._link.abort()

    async def body(self, limit_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            HttpError: it is too large.
            ClientGoneError: the client left first.
        """
        declared = self.headers.get(b"content-length", b"")
        is_too_large = declared.isdigit() and int(declared[:20]) > limit_bytes
        if is_too_large and self.headers.get(b"expect", b"").lower() == b"100-continue":
            raise _too_large(limit_bytes)
        parts: list[bytes] = []
        size_bytes = 0
        has_more = True
        while has_more and size_bytes <= _DISCARDED_BODIES * limit_bytes:
            part, has_more = await self._part()
            size_bytes += len(part)
            if size_bytes <= limit_bytes:
                parts.append(part)
            else:
                parts.clear()
        self.has_arrived = True
        if size_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _part(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_gone = True
            raise ClientGoneError
        return message.get("body", b""), message.get("more_body", False)

    async def reply(self, reply: Reply) -> None:
        """Send a whole response."""
        headers = (
            (b"content-type", reply.media_type),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        )
        await self._start(reply.status, headers)
        await self._send({"type": "http.response.body", "body": reply.body})
        self._is_complete = True

    async def stream(self, stream: EventStream) -> None:
        """Send every event as it comes; a slow reader holds the stream back."""
        async with aclosing(stream.events) as events:
            count = 0
            async for event in events:
                await self._begin(stream)
                await self._send({"type": "http.response.body", "body": event, "more_body": True})
                count += 1
                if count % _EVENTS_A_TURN == 0:
                    await anyio.lowlevel.checkpoint()
        await self._begin(stream)
        await self._end()

    async def fail(self, error: ModelnetError) -> None:
        """Tell the client of an error: as a reply, or as the last event of a stream begun."""
        failure = failure_of(error, self.path)
        if self._streamed is not None and not self.is_over:
            told = failure.event if self._streamed == EVENTS else failure.body + b"\n"
            event: Message = {"type": "http.response.body", "body": told}
            await self._send({**event, "more_body": True})
            await self._end()
        elif not self._status and not self.is_over:
            await self.reply(
                Reply(body=failure.body, status=failure.status, headers=failure.headers)
            )

    async def _begin(self, stream: EventStream) -> None:
        if self._streamed is None:
            kind: Header = (b"content-type", stream.media_type)
            await self._start(200, (kind, *_STREAM_HEADERS, *stream.headers))
            self._streamed = stream.media_type

    async def _start(self, status: int, headers: tuple[Header, ...]) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        self._status = status

    async def _end(self) -> None:
        await self._send(_END)
        self._is_complete = True


def _too_large(limit_bytes: int) -> HttpError:
    return HttpError(
        413,
        f"The body is larger than {limit_bytes} bytes; send less.",
        code="request_too_large",
        headers=((b"connection", b"close"),),
    )
