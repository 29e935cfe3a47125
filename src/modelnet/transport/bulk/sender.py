"""The giving end of bulk connections: listens once it is wanted, sends ranges of files."""

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import BinaryIO

import anyio
from anyio.abc import TaskGroup

from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError, OverloadedError, UnsupportedError
from modelnet.transport.bulk.blocking import run_on
from modelnet.transport.bulk.ticket import (
    GREETING_BYTES,
    SECRET_BYTES,
    Place,
    Ticket,
    Tickets,
    hosts_of,
)

RANGE = struct.Struct(">QQ")
"""A request on a bulk connection: offset and length in bytes."""

MAX_RANGE_BYTES = 1 << 30

GREETING_S = 5.0
IDLE_S = 60.0
STALL_S = 20.0
"""How long a reader may take nothing before it is given up."""

MAX_CONNECTIONS = 16
"""At once; each takes a thread."""

_BACKLOG = 32

_log = logging.getLogger(__name__)

OpenFile = Callable[[], BinaryIO]
"""Opens what a ticket is good for; blocks."""


class BulkSender:
    """Sends ranges of files to whoever has a ticket."""

    def __init__(self, endpoints: Callable[[], tuple[str, ...]], clock: Clock) -> None:
        """`endpoints` tells where this node listens, once it has joined: `Network.listen`."""
        self._endpoints = endpoints
        self._clock = clock
        self._tickets: Tickets[OpenFile] = Tickets()
        self._is_wanted = anyio.Event()
        self._is_open = anyio.Event()
        self._places: tuple[Place, ...] = ()
        self._connections = 0

    async def issue(self, open_file: OpenFile) -> Ticket:
        """Return a ticket for one connection; the first one opens the port.

        Raises:
            UnsupportedError: this node cannot be reached in the open.
            OverloadedError: too many fetch at the same time.
        """
        if not hosts_of(self._endpoints()):
            raise UnsupportedError("This node sends files over the network alone.")
        if self._connections >= MAX_CONNECTIONS:
            raise OverloadedError("Too many nodes fetch files here; ask again.", retry_after_s=1.0)
        self._is_wanted.set()
        await self._is_open.wait()
        if not self._places:
            raise UnsupportedError("This node sends files over the network alone.")
        secret = secrets.token_bytes(SECRET_BYTES)
        self._tickets.issue(open_file, secret, self._clock())
        return Ticket(self._places, secret)

    async def run(self) -> None:
        """Listen once a ticket is wanted, until cancelled."""
        await self._is_wanted.wait()
        with ExitStack() as opened:
            threads = opened.enter_context(ThreadPoolExecutor(MAX_CONNECTIONS, "bulk-sender"))
            listening = [opened.enter_context(one) for one in _listen(hosts_of(self._endpoints()))]
            self._places = tuple(Place(*one.getsockname()[:2]) for one in listening)
            self._is_open.set()
            async with anyio.create_task_group() as group:
                for one in listening:
                    group.start_soon(self._accept, one, group, threads)

    async def _accept(
        self, listening: socket.socket, group: TaskGroup, threads: ThreadPoolExecutor
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listening)
            if self._connections >= MAX_CONNECTIONS:
                connection.close()
                continue
            self._connections += 1
            group.start_soon(self._serve, connection, threads)

    async def _serve(self, connection: socket.socket, threads: ThreadPoolExecutor) -> None:
        try:
            with connection:
                await run_on(connection, partial(self._send, connection), threads)
        finally:
            self._connections -= 1

    def _send(self, connection: socket.socket) -> None:
        """Send what is asked for until the other end has enough; in a thread."""
        # The other end may vanish at any moment: nobody here has to be told.
        with suppress(OSError):
            connection.settimeout(GREETING_S)
            shown = _receive(connection, GREETING_BYTES)
            open_file = self._tickets.redeem(shown, self._clock()) if shown else None
            if open_file is None:
                return
            try:
                with open_file() as file:
                    _send_ranges(connection, file)
            except ModelnetError as error:
                _log.info("a file is no longer handed on: %s", error)


def _send_ranges(connection: socket.socket, file: BinaryIO) -> None:
    while True:
        connection.settimeout(IDLE_S)
        if not (wanted := _receive(connection, RANGE.size)):
            return
        offset, length = RANGE.unpack(wanted)
        connection.settimeout(STALL_S)
        is_sane = 0 < length <= MAX_RANGE_BYTES and offset < 1 << 63
        if not is_sane or connection.sendfile(file, offset, length) < length:
            return


def _receive(connection: socket.socket, size_bytes: int) -> bytes:
    """Return so many bytes, or none when the other end has gone."""
    received = b""
    while len(received) < size_bytes:
        more = connection.recv(size_bytes - len(received))
        if not more:
            return b""
        received += more
    return received


def _listen(hosts: tuple[str, ...]) -> list[socket.socket]:
    found: list[socket.socket] = []
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            one = socket.create_server((host, 0), family=family, backlog=_BACKLOG)
        except OSError as error:
            # The address belongs to a relay or has gone: the network itself still carries files.
            _log.info("cannot send files in bulk at %s: %s", host, error)
            continue
        one.setblocking(False)
        found.append(one)
    return found
