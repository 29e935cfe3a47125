"""Following the other nodes: one watcher a reader, each with a backlog of its own."""

from collections.abc import Iterable
from typing import Self

import anyio

from modelnet.transport.network import PeerEvent
from modelnet.transport.roster import Backlog


class Watcher:
    """An iterator over events that ends when its node leaves."""

    def __init__(self, events: Iterable[PeerEvent]) -> None:
        self._backlog = Backlog()
        self._bell = anyio.Event()
        self._is_closed = False
        self.add(events)

    def add(self, events: Iterable[PeerEvent]) -> None:
        """Queue events and wake the reader."""
        for event in events:
            self._backlog.add(event)
        self._bell.set()

    def close(self) -> None:
        """Let the reader finish what waits, then stop."""
        self._is_closed = True
        self._bell.set()

    def __aiter__(self) -> Self:
        """Return itself: there is one reader."""
        return self

    async def __anext__(self) -> PeerEvent:
        """Return the next event, waiting for it if need be."""
        while not self._backlog:
            if self._is_closed:
                raise StopAsyncIteration
            self._bell = anyio.Event()
            await self._bell.wait()
        return self._backlog.pop()
