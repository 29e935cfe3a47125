"""The Network seam over a hub."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from types import TracebackType
from typing import Self

import anyio.lowlevel

from modelnet.core.clock import Clock
from modelnet.core.identity import NodeId
from modelnet.transport.guard import Guard
from modelnet.transport.memory.hub import MemoryHub
from modelnet.transport.memory.inbox import Arrival, Departure, Inbox, Item, LeaseEnd, Mail
from modelnet.transport.network import Handler, PeerEvent, Topic
from modelnet.transport.station import Station
from modelnet.transport.wire import Limits


class MemoryNetwork:
    """One node's place in the network of a hub."""

    def __init__(
        self, hub: MemoryHub, guard: Guard, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._hub = hub
        self._station = Station(guard, clock, self, limits or Limits())
        self._incarnation = hub.next_incarnation()
        self._inbox = Inbox()
        self._is_alive = False
        self._stack = AsyncExitStack()

    @property
    def node(self) -> NodeId:
        """The node whose place this is."""
        return self._station.node

    @property
    def listen(self) -> tuple[str, ...]:
        """One endpoint of its own, for show: whoever has the hub has joined."""
        return (f"memory/{self.node}",)

    @property
    def incarnation(self) -> str:
        """Tells this place from another one of the same node."""
        return self._incarnation

    @property
    def inbox(self) -> Inbox:
        """Where the hub puts what is sent here."""
        return self._inbox

    @property
    def station(self) -> Station:
        """What this network shares with others; its counters are for tests and metrics."""
        return self._station

    async def __aenter__(self) -> Self:
        """Join the hub."""
        await self._stack.enter_async_context(self._station.working())
        self._station.start_soon(self._pump)
        self._is_alive = True
        self._hub.attach(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say goodbye, unless this node was crashed, and stop."""
        self._hub.detach(self)
        self._is_alive = False
        await self._stack.aclose()

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[PeerEvent]]:
        """Follow the other nodes: `Network.watch`."""
        return self._station.watch()

    async def announce(self, topic: Topic, state: bytes) -> None:
        """Tell everyone: `Network.announce`."""
        await self._station.announce(topic, state)

    def ask(self, peer: NodeId, body: bytes, *, deadline: float) -> AsyncGenerator[bytes, None]:
        """Ask a peer: `Network.ask`."""
        return self._station.ask(peer, body, deadline=deadline)

    def serve(self, handler: Handler) -> None:
        """Answer requests: `Network.serve`."""
        self._station.serve(handler)

    def die(self) -> None:
        """Stop at once; called by the hub that crashes this node."""
        self._is_alive = False
        self._station.close()

    def send(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame: `Wire.send`."""
        if self._is_alive:
            self._hub.post(self.node, peer, Mail(self.node, frame))

    async def send_large(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame: `Wire.send_large`."""
        self.send(peer, frame)
        await anyio.lowlevel.checkpoint()

    async def send_all(self, frame: bytes) -> None:
        """Send a frame to everyone: `Wire.send_all`."""
        for peer in self._hub.nodes:
            if peer != self.node:
                self.send(peer, frame)
        await anyio.lowlevel.checkpoint()

    async def _pump(self) -> None:
        async with aclosing(self._inbox.items()) as items:
            async for item in items:
                if not self._hub.intercept(item, self.node):
                    self._deliver(item)

    def _deliver(self, item: Item) -> None:
        match item:
            case Mail(_, frame):
                self._station.receive(frame)
            case Arrival(sender, incarnation):
                self._station.arrive(sender, incarnation)
            case Departure(sender, incarnation) | LeaseEnd(sender, incarnation):
                self._station.depart(sender, incarnation)
