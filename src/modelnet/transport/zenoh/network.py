"""The Network seam over an engine session."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

import anyio.to_thread
import zenoh

from modelnet.core.clock import Clock
from modelnet.core.identity import NodeId, new_request_id
from modelnet.transport.guard import Guard
from modelnet.transport.network import Handler, PeerEvent, Topic
from modelnet.transport.station import Station
from modelnet.transport.wire import Limits
from modelnet.transport.zenoh import engine
from modelnet.transport.zenoh.bridge import Bridge
from modelnet.transport.zenoh.opening import Opened, open_session
from modelnet.transport.zenoh.settings import Keys, ZenohSettings, parse_token

_log = logging.getLogger(__name__)


class ZenohNetwork:
    """One node's place in a real network."""

    def __init__(
        self, settings: ZenohSettings, guard: Guard, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._settings = settings
        self._keys = Keys(settings.network)
        self._station = Station(guard, clock, self, limits or Limits())
        self._everyone = zenoh.KeyExpr(self._keys.state)
        self._inboxes: dict[NodeId, zenoh.KeyExpr] = {}
        self._opened: Opened | None = None
        self._stack = AsyncExitStack()

    @property
    def node(self) -> NodeId:
        """The node whose place this is."""
        return self._station.node

    @property
    def listen(self) -> tuple[str, ...]:
        """Endpoints others can join through; known once joined."""
        return self._opened.listen if self._opened else ()

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
            self._declare(self._opened.session)
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

    def _declare(self, session: zenoh.Session) -> None:
        # The token comes last: who sees this node can already reach it.
        session.declare_subscriber(self._keys.inbox(self.node), self._bridge(self._take_frame))
        session.declare_subscriber(self._keys.state, self._bridge(self._take_frame))
        liveliness = session.liveliness()
        liveliness.declare_subscriber(
            self._keys.tokens, self._bridge(self._take_token), history=True
        )
        # The session holds it: closing the session takes the token back.
        self._token = liveliness.declare_token(self._keys.token(self.node, new_request_id()))

    def _bridge(self, take: Callable[[zenoh.Sample], None]) -> Bridge:
        bridge = Bridge(take)
        self._station.start_soon(bridge.run)
        return bridge

    def _take_frame(self, sample: zenoh.Sample) -> None:
        self._station.receive(sample.payload.to_bytes())

    def _take_token(self, sample: zenoh.Sample) -> None:
        node, incarnation = parse_token(str(sample.key_expr))
        if sample.kind == zenoh.SampleKind.PUT:
            self._station.arrive(node, incarnation)
        else:
            self._inboxes.pop(node, None)
            self._station.depart(node, incarnation)

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(engine.close, opened.session)
