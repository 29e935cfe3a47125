"""What an implementation of the Network gives to the parts it shares with the others.

A wire carries frames between two nodes in the order they were sent, or loses the peer.
"""

from typing import Protocol

import msgspec

from modelnet.core.identity import NodeId

INLINE_BYTES = 64 * 1024
"""Frames up to this size go through `send`: handing them to the system takes microseconds."""


class Wire(Protocol):
    """The way out to the other nodes."""

    def send(self, peer: NodeId, frame: bytes) -> None:
        """Send a small frame at once. If the peer is gone the frame is too."""
        ...

    async def send_large(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame of any size without holding up the event loop."""
        ...

    async def send_all(self, frame: bytes) -> None:
        """Send a frame to every node that is here."""
        ...


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a node its peers may take."""

    streams: int = 1024
    """Requests answered at once."""
    streams_per_peer: int = 256
    """Requests of one peer answered at once."""
    retry_after_s: float = 0.5
    """What a peer that asks for more is told."""


async def send(wire: Wire, peer: NodeId, frame: bytes) -> None:
    """Send a frame the way that suits its size."""
    if len(frame) <= INLINE_BYTES:
        wire.send(peer, frame)
    else:
        await wire.send_large(peer, frame)
