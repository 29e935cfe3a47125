"""One connection to a server: one exchange after another, read by llhttp."""

import asyncio
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from modelnet.resource.backend.http.response import BrokenError, Response

MAX_OVERHEAD_BYTES = 1 << 16
"""What may come without a byte of a body: heads, trailers, chunks without end."""

_SMALL_BYTES = 1 << 14
"""A body up to this size is cheaper to copy than to send apart."""

_FIRST_FINAL_STATUS = 200


class UnansweredError(BrokenError):
    """The server closed the connection before a byte of an answer."""


class Connection(asyncio.Protocol):
    """One connection; `response` is the answer that is being read."""

    def __init__(self, is_crowded: Callable[[], bool]) -> None:
        """Be one of several connections; `is_crowded` tells whether many of them are busy."""
        self.response: Response
        self._is_crowded = is_crowded
        self.is_open = False
        self.idle_since = 0.0
        """By the clock of the event loop."""
        self._transport: asyncio.Transport
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._overhead_bytes = 0
        self._is_asked = False
        self._is_kept = False

    async def ask(self, head: bytes, body: bytes) -> Response:
        """Send a request, and return its response once its head is there.

        Raises:
            UnansweredError: the connection turned out to be closed.
            BrokenError: no head comes.
        """
        self.response = Response(self._transport, self._is_crowded)
        self._is_asked, self._is_kept = True, False
        self._overhead_bytes = 0
        if not self.is_open:
            raise UnansweredError("the connection is closed")
        if len(body) > _SMALL_BYTES:
            self._transport.write(head)
            self._transport.write(body)
        else:
            self._transport.write(head + body)
        await self.response.head()
        return self.response

    @property
    def is_reusable(self) -> bool:
        """Whether the exchange went so well that another can follow on this connection."""
        return (
            self.is_open
            and self._is_kept
            and self.response.is_complete
            # A server may answer before it has read the whole request.
            and not self._transport.get_write_buffer_size()
        )

    def close(self) -> None:
        """Close at once; whoever reads hears of it."""
        if self.is_open:
            self._lose(BrokenError("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection into use."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if not self._is_asked:
            self.close()  # Whatever this is, it answers nothing we asked.
            return
        self._overhead_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._lose(BrokenError("it does not speak HTTP"))
        if self._overhead_bytes > MAX_OVERHEAD_BYTES:
            self._lose(BrokenError("its headers have no end"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer: in good order where it is one that ends with its connection."""
        self.is_open = False
        if not self._is_asked:
            return
        if exc is None and self.response.status and not self._has_length:
            self.response.end()
        elif self.response.status or self._overhead_bytes:
            self.response.fail(BrokenError("the connection was closed in mid-answer"))
        else:
            self.response.fail(UnansweredError("the connection was closed before an answer"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a repeated one is a list."""
        key, told = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {told}" if key in self._headers else told

    def on_headers_complete(self) -> None:
        """Pass the head on, unless it is an interim one or nobody asked for it."""
        status, headers = self._parser.get_status_code(), self._headers
        self._headers = {}
        if self._is_asked and status >= _FIRST_FINAL_STATUS:
            self.response.begin(status, headers)

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._overhead_bytes = 0
        if self._is_asked:
            self.response.feed(body)

    def on_message_begin(self) -> None:
        """Notice an answer to nothing: the connection is not to be used again."""
        if not self._is_asked:
            self._is_kept = False

    def on_message_complete(self) -> None:
        """Note that the answer is whole."""
        self._headers = {}
        if self._is_asked and self.response.status:
            self._is_asked, self._is_kept = False, self._parser.should_keep_alive()
            self._overhead_bytes = 0
            self.response.end()

    @property
    def _has_length(self) -> bool:
        headers = self.response.headers
        return "content-length" in headers or "transfer-encoding" in headers

    def _lose(self, error: BrokenError) -> None:
        self.is_open = False
        if self._is_asked:
            self.response.fail(error)
        self._transport.abort()
