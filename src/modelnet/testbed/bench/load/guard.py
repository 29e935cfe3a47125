"""Messages without signatures: in one process nobody lies, and a simulation has many messages."""

import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import MalformedError, RecipientError
from modelnet.core.identity import NodeId, RequestId
from modelnet.core.sealed import Kind, Opened


class _Content(msgspec.Struct, frozen=True, array_like=True):
    kind: Kind
    id: RequestId
    sender: NodeId
    to: NodeId | None
    sent_at: float
    deadline: float
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Content)


class UnsignedGuard:
    """A Guard that believes whatever it reads: for simulations only."""

    def __init__(self, node: NodeId, clock: Clock) -> None:
        self._node = node
        self._clock = clock

    @property
    def node(self) -> NodeId:
        """The node that sends."""
        return self._node

    def seal(
        self, kind: Kind, body: bytes, *, to: NodeId | None, id: RequestId, deadline: float
    ) -> bytes:
        """Put `body` into an envelope."""
        return _encoder.encode(_Content(kind, id, self._node, to, self._clock(), deadline, body))

    def open(self, kind: Kind, sealed: bytes) -> Opened:
        """Take it out again.

        Raises:
            MalformedError: these bytes are no such envelope.
            RecipientError: it is for another node.
        """
        try:
            content = _decoder.decode(sealed)
        except msgspec.DecodeError as error:
            raise MalformedError(f"These bytes are not a message: {error}.") from error
        if content.kind != kind:
            raise MalformedError(f"The message is of kind {content.kind!r}, not {kind!r}.")
        if content.to not in (None, self._node):
            raise RecipientError("The message is for another node.")
        return Opened(
            id=content.id,
            sender=content.sender,
            sent_at=content.sent_at,
            deadline=content.deadline,
            body=content.body,
        )
