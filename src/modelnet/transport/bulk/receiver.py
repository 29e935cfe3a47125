"""The taking end of a bulk connection."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import anyio

from modelnet.core.error import PeerLostError
from modelnet.transport.bulk.blocking import run_on
from modelnet.transport.bulk.sender import RANGE
from modelnet.transport.bulk.ticket import Place, Ticket, greeting, is_to_be_tried

CONNECT_S = 2.0
STALL_S = 10.0
"""How long a sender may send nothing before it is given up."""

Take = Callable[[int, memoryview], None]
"""Is given the number of a piece and its bytes, in a thread; they are good until it returns."""


class BulkReceiver:
    """A connection to a node that sends ranges of one file."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._threads = ThreadPoolExecutor(1, "bulk-receiver")
        self._buffer = bytearray()

    async def fetch(self, offset: int, sizes: Sequence[int], take: Take) -> None:
        """Fetch the bytes from `offset` on and hand them over in pieces of these sizes.

        Raises:
            PeerLostError: the other end has gone or fell silent.
            ModelnetError: whatever `take` raised.
        """
        work = partial(self._fetch, offset, sizes, take)
        await run_on(self._connection, work, self._threads)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
        self._threads.shutdown(wait=False)

    def _fetch(self, offset: int, sizes: Sequence[int], take: Take) -> None:
        if len(self._buffer) < max(sizes):
            self._buffer = bytearray(max(sizes))
        with memoryview(self._buffer) as whole:
            self._send(RANGE.pack(offset, sum(sizes)))
            for number, size in enumerate(sizes):
                self._receive(whole[:size])
                take(number, whole[:size])

    def _send(self, request: bytes) -> None:
        try:
            self._connection.sendall(request)
        except OSError as error:
            raise _gone() from error

    def _receive(self, view: memoryview) -> None:
        got = 0
        while got < len(view):
            try:
                more = self._connection.recv_into(view[got:])
            except OSError as error:
                raise _gone() from error
            if not more:
                raise _gone()
            got += more


async def connect(ticket: Ticket, own_hosts: tuple[str, ...]) -> BulkReceiver | None:
    """Return a connection that the ticket is good for; nothing where there is no way."""
    for place in ticket.places:
        if is_to_be_tried(place, own_hosts):
            with suppress(OSError):
                connection = await _connect(place)
                connection.sendall(greeting(ticket.secret))
                return BulkReceiver(connection)
    return None


async def _connect(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        with anyio.fail_after(CONNECT_S):
            await asyncio.get_running_loop().sock_connect(connection, (place.host, place.port))
        connection.settimeout(STALL_S)
    except BaseException:
        connection.close()
        raise
    return connection


def _gone() -> PeerLostError:
    return PeerLostError("The node stopped sending the file.")
