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
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.healing import Healer
from modelnet.transport.zenoh.opening import Opened, close_session, introducing, open_session
from modelnet.transport.zenoh.presence import Presence, Tokens, read, show
from modelnet.transport.zenoh.settings import Keys, ZenohSettings

_log = logging.getLogger(__name__)


class ZenohNetwork:
    """One node's place in a real network."""

    def __init__(
        self, settings: ZenohSettings, guard: Guard, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._clock = clock
        self._tokens = Tokens()
        self._healer = Healer(self._introducing)
        self._keys = Keys(settings.network)
        self._station = Station(guard, clock, self, limits or Limits())
        self._everyone = zenoh.KeyExpr(self._keys.state)
        self._inboxes: dict[NodeId, zenoh.KeyExpr] = {}
        self._opened: Opened | None = None
        self._token: zenoh.LivelinessToken | None = None
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
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._station.working())
            self._opened = await open_session(self._settings)
            stack.push_async_callback(self._close)
            self._declare(self._opened)
            if self._opened.listen:
                self._station.start_soon(self._healer.run)
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
        self._put(self._inbox(peer), frame, zenoh.Priority.DATA)

    async def send_large(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame: `Wire.send_large`. It keeps to a lane of its own beside the small ones."""
        inbox = self._inbox(peer)
        await anyio.to_thread.run_sync(self._put, inbox, frame, zenoh.Priority.DATA_LOW)

    async def send_all(self, frame: bytes) -> None:
        """Send a frame to everyone: `Wire.send_all`."""
        await anyio.to_thread.run_sync(self._put, self._everyone, frame, zenoh.Priority.DATA_LOW)

    def _inbox(self, peer: NodeId) -> zenoh.KeyExpr:
        inbox = self._inboxes.get(peer)
        if inbox is None:
            inbox = self._inboxes[peer] = zenoh.KeyExpr(self._keys.inbox(peer))
        return inbox

    def _put(self, key: zenoh.KeyExpr, frame: bytes, priority: zenoh.Priority) -> None:
        if self._opened is None:
            return
        try:
            engine.put(self._opened.session, key, frame, priority)
        except zenoh.ZError as error:
            # The session is closing under this frame: like any frame to a peer that is gone.
            _log.debug("could not send a frame: %s", error)

    def _declare(self, opened: Opened) -> None:
        session = opened.session
        # The token comes last: who sees this node can already reach it.
        session.declare_subscriber(self._keys.inbox(self.node), self._bridge(self._take_frame))
        session.declare_subscriber(self._keys.state, self._bridge(self._take_frame))
        liveliness = session.liveliness()
        liveliness.declare_subscriber(
            self._keys.tokens, self._bridge(self._take_token), history=True
        )
        place = opened.listen[0] if opened.listen else None
        chunk = show(self._guard, self._clock, place)
        # Kept, for a token lives no longer than its object. Closing the session takes it back.
        self._token = liveliness.declare_token(self._keys.token(chunk))

    def _bridge(self, take: Callable[[zenoh.Sample], None]) -> Bridge:
        bridge = Bridge(take)
        self._station.start_soon(bridge.run)
        return bridge

    def _take_frame(self, sample: zenoh.Sample) -> None:
        self._station.receive(sample.payload.to_bytes())

    def _take_token(self, sample: zenoh.Sample) -> None:
        chunk = str(sample.key_expr).rsplit("/", 1)[-1]
        if sample.kind == zenoh.SampleKind.PUT:
            with self._station.doubting():
                self._arrive(chunk, read(self._guard, chunk, self._settings.scheme))
        elif presence := self._tokens.vanish(chunk):
            self._depart(presence)

    def _arrive(self, chunk: str, presence: Presence) -> None:
        if presence.node != self.node and self._tokens.appear(chunk, presence):
            self._healer.find(presence.node)
            self._station.arrive(presence.node, presence.incarnation)

    def _depart(self, presence: Presence) -> None:
        self._station.depart(presence.node, presence.incarnation)
        if presence.node not in self._tokens and presence.endpoint is not None:
            self._inboxes.pop(presence.node, None)
            self._healer.lose(presence.node, presence.endpoint)

    def _introducing(self, endpoints: list[Endpoint]) -> AbstractAsyncContextManager[None]:
        own = self._opened.listen if self._opened else ()
        return introducing(self._settings, [*own, *endpoints])

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await close_session(opened.session)
