"""What is on its way to one node, in the order of arrival on the event loop's time."""

import heapq
from collections.abc import AsyncGenerator
from typing import TypeAlias

import anyio
import anyio.lowlevel
import msgspec

from modelnet.core.identity import NodeId


class Mail(msgspec.Struct, frozen=True):
    """A frame from another node."""

    sender: NodeId
    frame: bytes


class Arrival(msgspec.Struct, frozen=True):
    """The news that a node is here."""

    sender: NodeId
    incarnation: str


class Departure(msgspec.Struct, frozen=True):
    """The news that a node is gone."""

    sender: NodeId
    incarnation: str


class LeaseEnd(msgspec.Struct, frozen=True):
    """The moment when a node that has been silent since a cut is given up."""

    sender: NodeId
    incarnation: str
    cut: int


Item: TypeAlias = Mail | Arrival | Departure | LeaseEnd


class Inbox:
    """A queue whose items come out when their time has come, unless it is paused."""

    def __init__(self) -> None:
        self.is_paused = False
        self._heap: list[tuple[float, int, Item]] = []
        self._added = 0
        self._bell = anyio.Event()

    def add(self, at_s: float, item: Item) -> None:
        """Let an item arrive at a time of the event loop."""
        heapq.heappush(self._heap, (at_s, self._added, item))
        self._added += 1
        self._bell.set()

    def pause(self, *, is_paused: bool) -> None:
        """Hold everything back, or let it out."""
        self.is_paused = is_paused
        self._bell.set()

    async def items(self) -> AsyncGenerator[Item, None]:
        """Yield items for as long as the reader asks."""
        while True:
            await anyio.lowlevel.checkpoint()
            now_s = anyio.current_time()
            while not self.is_paused and self._heap and self._heap[0][0] <= now_s:
                yield heapq.heappop(self._heap)[2]
            await self._wait(now_s)

    async def _wait(self, now_s: float) -> None:
        self._bell = anyio.Event()
        is_due_later = self._heap and not self.is_paused
        timeout_s = self._heap[0][0] - now_s if is_due_later else float("inf")
        with anyio.move_on_after(timeout_s):
            await self._bell.wait()
