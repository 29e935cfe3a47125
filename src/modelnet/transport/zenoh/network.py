"""The Network seam over an engine session."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

import anyio.to_thread
import zenoh

from modelnet.core.clock import Clock
from modelnet.core.identity import NodeId
from modelnet.transport.guard import Guard
from modelnet.transport.network import Handler, PeerEvent, Topic
from modelnet.transport.station import Station
from modelnet.transport.wire import Limits
from modelnet.transport.zenoh import engine
from modelnet.transport.zenoh.bridge import Bridge
from modelnet.transport.zenoh.neighbourhood import Neighbourhood
from modelnet.transport.zenoh.opening import Opened, close_session, open_session
from modelnet.transport.zenoh.settings import Keys, ZenohSettings

MAX_INBOXES = 4096
"""How many peers' key expressions are kept parsed."""

THREADS_PER_PEER = 2

_log = logging.getLogger(__name__)


class Inbox:
    """Where a peer reads, and the threads that may wait for it at once."""

    def __init__(self, key: str) -> None:
        self.key = zenoh.KeyExpr(key)
        # Its own: a peer that does not read must not take the threads of the others.
        self.limiter = anyio.CapacityLimiter(THREADS_PER_PEER)


class ZenohNetwork:
    """One node's place in a real network."""

    def __init__(
        self, settings: ZenohSettings, guard: Guard, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._clock = clock
        self._keys = Keys(settings.network)
        self._station = Station(guard, clock, self, limits or Limits())
        self._everyone = Inbox(self._keys.state)
        self._inboxes: dict[NodeId, Inbox] = {}
        self._opened: Opened | None = None
        self._stack = AsyncExitStack()

    @property
    def node(self) -> NodeId:
        """The node whose place this is."""
        return self._station.node

    @property
    def listen(self) -> tuple[str, ...]:
        """Endpoints others can join through; known once joined."""
        return tuple(map(str, self._opened.listen)) if self._opened else ()

    @property
    def station(self) -> Station:
        """What this network shares with others; its counters are for tests and metrics."""
        return self._station

    async def __aenter__(self) -> Self:
        """Open the session, then show this node to the others.

        Raises:
            AddressError: an address is in use, malformed, or nobody answers at a join address.
        """
        # Outside of the station's task group, which would wrap the error in a group of errors.
        self._opened = await open_session(self._settings)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            await stack.enter_async_context(self._station.working())
            stack.callback(self._declare(self._opened).leave)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say goodbye and close the session."""
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

    def send(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame: `Wire.send`."""
        self._put(self._inbox(peer).key, frame, zenoh.Priority.DATA)

    async def send_large(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame: `Wire.send_large`. It has a lane of its own beside the small ones."""
        await self._put_aside(self._inbox(peer), frame)

    async def send_all(self, frame: bytes) -> None:
        """Send a frame to everyone: `Wire.send_all`."""
        await self._put_aside(self._everyone, frame)

    async def _put_aside(self, inbox: Inbox, frame: bytes) -> None:
        low = zenoh.Priority.DATA_LOW
        await anyio.to_thread.run_sync(self._put, inbox.key, frame, low, limiter=inbox.limiter)

    def _inbox(self, peer: NodeId) -> Inbox:
        inbox = self._inboxes.get(peer)
        if inbox is None:
            if len(self._inboxes) >= MAX_INBOXES:
                self._inboxes.clear()
            inbox = self._inboxes[peer] = Inbox(self._keys.inbox(peer))
        return inbox

    def _put(self, key: zenoh.KeyExpr, frame: bytes, priority: zenoh.Priority) -> None:
        if self._opened is None:
            return
        try:
            engine.put(self._opened.session, key, frame, priority)
        except zenoh.ZError as error:
            # The session is closing under this frame: like any frame to a peer that is gone.
            _log.debug("could not send a frame: %s", error)

    def _declare(self, opened: Opened) -> Neighbourhood:
        session = opened.session
        session.declare_subscriber(self._keys.inbox(self.node), self._bridge(self._take_frame))
        session.declare_subscriber(self._keys.state, self._bridge(self._take_frame))
        # Last, so that whoever sees this node can already reach it.
        neighbourhood = Neighbourhood(
            self._settings, opened, self._guard, self._clock, self._station
        )
        neighbourhood.enter()
        return neighbourhood

    def _bridge(self, take: Callable[[zenoh.Sample], None]) -> Bridge:
        bridge = Bridge(take)
        self._station.start_soon(bridge.run)
        return bridge

    def _take_frame(self, sample: zenoh.Sample) -> None:
        self._station.receive(sample.payload.to_bytes())

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await close_session(opened.session)
