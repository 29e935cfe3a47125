"""What an implementation of the Network gives to the parts it shares with the others.

A wire has two lanes to each node, one for small frames and one for large ones, and each keeps the
order of its frames or loses the peer.
"""

from typing import Protocol

import msgspec

from modelnet.core.identity import NodeId

SMALL_BYTES = 32 * 1024
"""Frames up to this size go through `send`: handing them to the system takes microseconds."""


class Wire(Protocol):
    """The way out to the other nodes."""

    def send(self, peer: NodeId, frame: bytes) -> None:
        """Send a small frame at once. If the peer is gone the frame is too."""
        ...

    async def send_large(self, peer: NodeId, frame: bytes) -> None:
        """Send a frame of any size without holding up the event loop or the small frames.

        A small frame sent afterwards may overtake it, a frame sent before it may not.
        """
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


class Lane:
    """One conversation's way to a peer: its frames arrive in the order in which they are sent.

    Small frames go at once. From the first large one on it keeps to the lane of the large.
    """

    def __init__(self, wire: Wire, peer: NodeId) -> None:
        self.peer = peer
        self.is_large = False
        self._wire = wire

    async def send(self, frame: bytes) -> None:
        """Send a frame of any size."""
        self.is_large = self.is_large or len(frame) > SMALL_BYTES
        if self.is_large:
            await self._wire.send_large(self.peer, frame)
        else:
            self._wire.send(self.peer, frame)

    def send_now(self, frame: bytes) -> None:
        """Send a small frame without waiting; it may overtake a large one."""
        self._wire.send(self.peer, frame)
