"""A node that sends pieces, in either of two ways: over the network, or a bulk connection."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

from modelnet.core.clock import Clock
from modelnet.core.error import MalformedError, ModelnetError, PeerLostError
from modelnet.core.identity import NodeId
from modelnet.resource.copy.asking import ask_for_one
from modelnet.resource.copy.call import PiecesCall, TicketCall, decode_ticket, encode
from modelnet.resource.copy.download import Span
from modelnet.resource.copy.offload import Offload
from modelnet.resource.copy.part import Part
from modelnet.transport.bulk.receiver import BulkReceiver, connect
from modelnet.transport.bulk.ticket import hosts_of
from modelnet.transport.network import Network

SPAN_DEADLINE_S = 60.0
TICKET_S = 10.0

Landed = Callable[[int], None]
"""Is told of every piece that was checked and written; may be called in a thread."""


class Source(Protocol):
    """Where pieces come from."""

    async def fetch(self, span: Span, landed: Landed) -> None:
        """Fetch some pieces, check and write each.

        Raises:
            MalformedError: a piece has wrong bytes.
            StorageError: the disk is full or cannot be written.
            ModelnetError: the node is gone, busy, or no longer has the file.
        """
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class NetworkSource:
    """Pieces as pieces of a reply: works wherever the network does."""

    def __init__(
        self,
        network: Network,
        peer: NodeId,
        digest: str,
        part: Part,
        clock: Clock,
        offload: Offload,
    ) -> None:
        self._network = network
        self._peer = peer
        self._digest = digest
        self._part = part
        self._clock = clock
        self._offload = offload

    async def fetch(self, span: Span, landed: Landed) -> None:
        """Fetch some pieces: `Source.fetch`."""
        call = encode(PiecesCall(self._digest, span.first, span.count))
        deadline = self._clock() + SPAN_DEADLINE_S
        index = span.first
        async with aclosing(self._network.ask(self._peer, call, deadline=deadline)) as pieces:
            async for piece in pieces:
                if index not in span.pieces:
                    raise MalformedError("The node sent more pieces than it was asked for.")
                await self._offload(self._part.put, index, piece)
                landed(index)
                index += 1
        if index != span.first + span.count:
            raise MalformedError("The node sent fewer pieces than it was asked for.")

    def close(self) -> None:
        """Nothing is left open between requests."""


class BulkSource:
    """Pieces from a bulk connection."""

    def __init__(self, receiver: BulkReceiver, part: Part) -> None:
        self._receiver = receiver
        self._part = part

    async def fetch(self, span: Span, landed: Landed) -> None:
        """Fetch some pieces: `Source.fetch`."""
        manifest, part = self._part.manifest, self._part

        def take(number: int, data: memoryview) -> None:
            part.put(span.first + number, data)
            landed(span.first + number)

        sizes = [manifest.size_of(index) for index in span.pieces]
        await self._receiver.fetch(manifest.offset(span.first), sizes, take)

    def close(self) -> None:
        """Hang up."""
        self._receiver.close()


async def bulk_source(
    network: Network, peer: NodeId, digest: str, part: Part, clock: Clock
) -> BulkSource | None:
    """Return a bulk connection to a node; nothing where there is no way to have one.

    Raises:
        PeerLostError: the node is gone.
    """
    if not _is_open(network):
        return None
    call, deadline = TicketCall(digest), clock() + TICKET_S
    try:
        ticket = decode_ticket(await ask_for_one(network, peer, call, deadline=deadline))
        receiver = await connect(ticket, hosts_of(network.listen))
    except PeerLostError:
        raise
    except ModelnetError:
        # An older node, one behind a relay, or in a closed network: the other way is always there.
        return None
    return None if receiver is None else BulkSource(receiver, part)


def _is_open(network: Network) -> bool:
    """Whether this node's network is on TCP in the open; a closed one keeps to its own links."""
    return all(endpoint.startswith("tcp/") for endpoint in network.listen)
