"""Finding lost peers again after a cut, where the engine alone would not.

The engine retries the endpoints it was told to join, nothing else: two nodes that met through a
third stay apart when their link breaks. This node remembers where lost peers were reachable, knocks
there, and when one answers opens a short-lived session to it and to itself, whose gossip makes the
engine link the two, and through them everyone else.
"""

import errno
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import anyio
import msgspec

from modelnet.core.identity import NodeId
from modelnet.transport.zenoh.endpoint import Endpoint, knock_all

PERIOD_S = 1.0

INTRODUCTION_S = 1.0
"""How long an introduction may take: milliseconds, but more on a busy machine."""

KNOCKS_AT_ONCE = 8
"""One that answers is enough: it knows the others."""

MAX_LOST = 64
FORGET_AFTER_S = 3600.0


class Lost(msgspec.Struct, frozen=True):
    """A peer that went, where it was, and when it went on the event loop's time."""

    node: NodeId
    endpoint: Endpoint
    since_s: float


class LostPeers:
    """The peers to look for, longest unsought first. Pure."""

    def __init__(self) -> None:
        self._lost: dict[NodeId, Lost] = {}

    def __bool__(self) -> bool:
        """Whether there is anyone to look for."""
        return bool(self._lost)

    def __contains__(self, lost: Lost) -> bool:
        """Whether a peer is still to be looked for."""
        return self._lost.get(lost.node) == lost

    def add(self, lost: Lost) -> None:
        """Look for a peer; the one sought longest gives way when there are too many."""
        self._lost[lost.node] = lost
        if len(self._lost) > MAX_LOST:
            del self._lost[min(self._lost, key=lambda node: self._lost[node].since_s)]

    def remove(self, node: NodeId) -> None:
        """Look for a peer no more: it is back, or gone for good."""
        self._lost.pop(node, None)

    def next_round(self, now_s: float) -> list[Lost]:
        """Return whom to knock at now; the others come first in the next round."""
        for lost in list(self._lost.values()):
            if now_s - lost.since_s > FORGET_AFTER_S:
                del self._lost[lost.node]
        chosen = list(self._lost.values())[:KNOCKS_AT_ONCE]
        for lost in chosen:
            self._lost[lost.node] = self._lost.pop(lost.node)
        return chosen


class Healer:
    """Looks for lost peers for as long as it runs."""

    def __init__(
        self, introducing: Callable[[list[Endpoint]], AbstractAsyncContextManager[None]]
    ) -> None:
        """Make a healer; while `introducing` is open, this node and those given find each other."""
        self._introducing = introducing
        self._lost = LostPeers()
        self._bell = anyio.Event()

    def lose(self, node: NodeId, endpoint: Endpoint) -> None:
        """Begin to look for a peer."""
        self._lost.add(Lost(node, endpoint, anyio.current_time()))
        self._bell.set()

    def find(self, node: NodeId) -> None:
        """Stop looking for a peer: it is here."""
        self._lost.remove(node)
        self._bell.set()

    async def run(self) -> None:
        """Look for lost peers until cancelled."""
        while True:
            while not self._lost:
                await self._change()
            await anyio.sleep(PERIOD_S)
            await self._look()

    async def _look(self) -> None:
        sought = self._lost.next_round(anyio.current_time())
        outcomes = await knock_all({lost.endpoint for lost in sought})
        for lost in sought:
            error = outcomes[lost.endpoint]
            if error is not None and error.errno == errno.ECONNREFUSED:
                # Its machine answers and its process does not: it left, or died.
                self._lost.remove(lost.node)
        there = [lost for lost in sought if outcomes[lost.endpoint] is None and lost in self._lost]
        if there:
            await self._meet(there)

    async def _meet(self, there: list[Lost]) -> None:
        async with self._introducing([lost.endpoint for lost in there]):
            with anyio.move_on_after(INTRODUCTION_S):
                while any(lost in self._lost for lost in there):
                    await self._change()

    async def _change(self) -> None:
        self._bell = anyio.Event()
        await self._bell.wait()
