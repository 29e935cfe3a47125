"""Work on sockets in threads, ended at once when the task that waits for it is cancelled."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import anyio

T = TypeVar("T")


async def run_on(
    connection: socket.socket, work: Callable[[], T], threads: ThreadPoolExecutor
) -> T:
    """Run blocking work on a connection; cancelling hangs up, which ends the work.

    The thread is always waited for: it may hold files that the caller is about to close.
    """
    doing = asyncio.wrap_future(threads.submit(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        hang_up(connection)
        with anyio.CancelScope(shield=True):
            await asyncio.wait((doing,))
        # Looked at, or the event loop complains of a failure that nobody saw.
        doing.exception()
        raise


def hang_up(connection: socket.socket) -> None:
    """End what any thread does on a connection; one that is over already is left so."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
