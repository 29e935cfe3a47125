"""What an implementation of the Network gives to the parts it shares with the others.

A wire has two lanes to each node, one for small frames and one for large ones, and each keeps the
order of its frames or loses the peer.
"""

from collections import Counter
from typing import Protocol

import msgspec

from modelnet.core.identity import NodeId

SMALL_BYTES = 32 * 1024
"""Frames up to this size go through `send`: handing them to the system takes microseconds."""

LIGHT_BYTES = 512 * 1024
"""What a link takes in without waiting, buffers of the system included, even if nobody reads."""


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


class Traffic:
    """How many bytes each peer has been sent that it is not known to have read."""

    def __init__(self) -> None:
        self._unread_bytes: Counter[NodeId] = Counter()

    def add(self, peer: NodeId, size_bytes: int) -> None:
        """Count bytes that were sent, or with a negative size that were read."""
        self._unread_bytes[peer] += size_bytes
        if self._unread_bytes[peer] <= 0:
            del self._unread_bytes[peer]

    def is_heavy(self, peer: NodeId) -> bool:
        """Whether more might fill the link of a peer that reads slowly or not at all."""
        return self._unread_bytes[peer] > LIGHT_BYTES


class Lane:
    """One conversation's way to a peer: its frames arrive in the order in which they are sent.

    Small frames go at once. From the first large one on, or the first on heavy traffic, it keeps
    to the lane of the large, where waiting holds up nobody else.
    """

    def __init__(self, wire: Wire, traffic: Traffic, peer: NodeId) -> None:
        self.peer = peer
        self._wire = wire
        self._traffic = traffic
        self._is_large = False

    @property
    def is_large(self) -> bool:
        """Whether the next frame, however small, takes the lane of the large."""
        return self._is_large or self._traffic.is_heavy(self.peer)

    async def send(self, frame: bytes) -> None:
        """Send a frame of any size."""
        self._is_large = self.is_large or len(frame) > SMALL_BYTES
        if self._is_large:
            await self._wire.send_large(self.peer, frame)
        else:
            self._wire.send(self.peer, frame)

    def send_now(self, frame: bytes) -> None:
        """Send a small frame without waiting; it may overtake a large one."""
        self._wire.send(self.peer, frame)
