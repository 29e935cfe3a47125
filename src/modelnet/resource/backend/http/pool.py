"""The connections to one server: kept open between requests, closed when they have idled long."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from urllib.parse import urlsplit

import anyio

from modelnet.resource.backend.http.connection import Connection, UnansweredError

CONNECTIONS = 256
"""At once; who comes later waits for one."""

SPARE_CONNECTIONS = 2
"""To a server, besides one for each of its places. llama.cpp has a thread for each of those, and
leaves one who comes with more to wait until another falls silent for five seconds."""

STALE = 3
"""After so many connections in a row that were closed when they were to be used again, those of
streamed answers are not kept."""

CALM = 4
"""So many answers at once are each read as they come."""

CONNECT_TIMEOUT_S = 5.0

IDLE_TIMEOUT_S = 60.0
"""Routers between us and the server forget connections that idle, and tell nobody."""

_PORTS = {"http": 80, "https": 443}


class Pool:
    """Connections to one server. Made on the event loop that uses it."""

    def __init__(self, root: str, connections: int | None = None) -> None:
        """Keep at most so many connections to a server, like `http://127.0.0.1:8080`."""
        parts = urlsplit(root)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._is_secure = parts.scheme == "https"
        self._tls: ssl.SSLContext | None = None
        self._places = asyncio.Semaphore(connections or CONNECTIONS)
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._stale = 0
        self._loop = asyncio.get_running_loop()

    async def ask(self, head: bytes, body: bytes) -> Connection:
        """Send a request; return the connection once the head of its `response` is there.

        Hand it back with `done`.

        Raises:
            OSError: the server cannot be reached.
            BrokenError: no head comes.
        """
        await self._places.acquire()
        try:
            if (pooled := self._take_idle()) is not None:
                # The server may have closed it meanwhile; a fresh one is good.
                with suppress(UnansweredError):
                    self._stale += 1
                    answered = await self._ask(pooled, head, body)
                    self._stale = 0
                    return answered
            return await self._ask(await self._connect(), head, body)
        except BaseException:
            self._places.release()
            raise

    def done(self, connection: Connection) -> None:
        """Take a connection back; one whose answer was not read to its end is closed."""
        self._places.release()
        self._busy.discard(connection)
        if connection.is_reusable and not self._is_closing(connection):
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close all connections; whoever reads from one hears of it."""
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()

    async def _ask(self, connection: Connection, head: bytes, body: bytes) -> Connection:
        self._busy.add(connection)
        try:
            await connection.ask(head, body)
        except BaseException:
            self._busy.discard(connection)
            connection.close()
            raise
        return connection

    def _is_closing(self, connection: Connection) -> bool:
        """Whether the server will close a connection although it does not say so.

        llama.cpp does after every answer that streamed: asking there again is in vain.
        """
        return self._stale >= STALE and "transfer-encoding" in connection.response.headers

    def _is_crowded(self) -> bool:
        return len(self._busy) > CALM

    def _take_idle(self) -> Connection | None:
        """Return the connection used last, and close those that idled too long."""
        oldest = self._loop.time() - IDLE_TIMEOUT_S
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().close()
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        return None

    async def _connect(self) -> Connection:
        try:
            with anyio.fail_after(CONNECT_TIMEOUT_S):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._is_crowded), self._host, self._port, ssl=self._trust()
                )
        except TimeoutError as error:
            raise ConnectionError("it does not answer") from error
        return connection

    def _trust(self) -> ssl.SSLContext | None:
        """Return what the system trusts, for servers that must show who they are."""
        if self._is_secure and self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls
