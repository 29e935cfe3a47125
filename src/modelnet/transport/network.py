"""The Network seam: who is here, what they announce, and asking one of them for a streamed reply.

Implementations: `modelnet.transport.zenoh` (real networks) and `modelnet.transport.memory`
(scripted delay, loss, partition and crash). Both pass `tests/conformance/test_network.py`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

import msgspec

from modelnet.core.identity import NodeId, RequestId

Topic: TypeAlias = Literal["card", "load", "standing"]
"""What a node tells everyone. The last state of each topic is kept for those who come later."""


class PeerJoined(msgspec.Struct, frozen=True, tag=True):
    """A node is reachable. Its announcements follow."""

    node: NodeId


class PeerLeft(msgspec.Struct, frozen=True, tag=True):
    """A node is gone: it said so, its connection broke, or it fell silent."""

    node: NodeId


class PeerAnnounced(msgspec.Struct, frozen=True, tag=True):
    """A node told its newest state of a topic; the sender is verified, the state is only data."""

    node: NodeId
    topic: Topic
    state: bytes


PeerEvent: TypeAlias = PeerJoined | PeerLeft | PeerAnnounced


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A request that arrived, its sender verified."""

    id: RequestId
    sender: NodeId
    deadline: float
    """Unix seconds; the handler is cancelled when it passes."""
    body: bytes


Handler: TypeAlias = Callable[[Incoming], AsyncGenerator[bytes, None]]
"""Answers a request piece by piece.

Raising a `ModelnetError` tells the asker so. The generator is closed when the asker cancels or
vanishes, when the deadline passes, and when this node leaves.
"""


class Network(Protocol):
    """One node's place in one named network. Entering it joins, leaving it says goodbye."""

    @property
    def node(self) -> NodeId:
        """The node whose place this is."""
        ...

    @property
    def listen(self) -> tuple[str, ...]:
        """Endpoints others can join through, like `tcp/127.0.0.1:7447`; known once joined."""
        ...

    async def __aenter__(self) -> Self:
        """Join.

        Raises:
            AddressError: an address is in use, malformed, or nobody answers at a join address.
        """
        ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave: peers see it at once, replies under way end, handlers are cancelled."""
        ...

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[PeerEvent]]:
        """Follow the other nodes, beginning with those already here and all they announced."""
        ...

    async def announce(self, topic: Topic, state: bytes) -> None:
        """Tell everyone, now and later, this node's newest state of a topic."""
        ...

    def ask(self, peer: NodeId, body: bytes, *, deadline: float) -> AsyncGenerator[bytes, None]:
        """Send a request and yield the pieces of the reply in order, none missing, none twice.

        Close the generator (`contextlib.aclosing`) to stop the work at the far end. A slow reader
        holds the far end back; nothing piles up.

        Raises:
            PeerLostError: the peer is not here, or went away before the end.
            DeadlineError: the deadline (Unix seconds) passed.
            ModelnetError: whatever the far end's handler raised, or a reply not to be believed.
        """
        ...

    def serve(self, handler: Handler) -> None:
        """Answer requests from now on with `handler`; call it before joining."""
        ...
