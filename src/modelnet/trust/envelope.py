"""Sealed messages: who said this, to whom, when, once. The Guard that real networks use.

A sealed message is the content, a canonical msgpack array

    [version, kind, id, from, to, sent_at, deadline, body]

followed by the 64 bytes of an Ed25519 signature over `modelnet/1/` + kind + content.
"""

import math
from typing import Annotated, Final

import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import (
    MalformedError,
    MessageError,
    RecipientError,
    ReplayError,
    StaleError,
    VersionError,
)
from modelnet.core.identity import REQUEST_ID_LENGTH, NodeId, RequestId, short_node_id
from modelnet.core.sealed import Kind, Opened
from modelnet.trust.key import SIGNATURE_SIZE_BYTES, NodeKey, verify
from modelnet.trust.replay import ReplayWindow

VERSION: Final = 1
"""The version of the protocol between nodes: 1 to 127."""

TOLERANCE_S: Final = 30.0
"""How far the clocks of two nodes, and the way between them, may be apart."""

_DOMAIN: Final = f"modelnet/{VERSION}/"
_ARRAY_OF_8: Final = 0x98
_ONCE_ONLY: Final[tuple[Kind, ...]] = ("ask", "cancel")

_HexId = Annotated[str, msgspec.Meta(pattern=rf"\A[0-9a-f]{{{REQUEST_ID_LENGTH}}}\Z")]


class _Content(msgspec.Struct, frozen=True, array_like=True):
    version: int
    kind: Kind
    id: _HexId
    sender: NodeId
    to: NodeId | None
    sent_at: float
    deadline: float
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Content)


class Envelope:
    """Seals what one node sends and opens what it receives."""

    def __init__(self, key: NodeKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        # An id is kept until a message that carries it would be refused as stale.
        self._taken = {kind: ReplayWindow(horizon_s=TOLERANCE_S) for kind in _ONCE_ONLY}

    @property
    def node(self) -> NodeId:
        """The node that seals."""
        return self._key.node

    def seal(
        self, kind: Kind, body: bytes, *, to: NodeId | None, id: RequestId, deadline: float
    ) -> bytes:
        """Sign `body` for one recipient, or for everybody (`None`: `state` only)."""
        content = _encoder.encode(
            _Content(VERSION, kind, id, self.node, to, float(self._clock()), float(deadline), body)
        )
        return content + self._key.sign(_signed_bytes(kind, content))

    def open(self, kind: Kind, sealed: bytes) -> Opened:
        """Check and unwrap.

        Raises:
            MessageError: in this order of checks `MalformedError`, `VersionError`,
                `SignatureError`, `RecipientError`, `StaleError`, `ReplayError`.
        """
        content_bytes, signature = sealed[:-SIGNATURE_SIZE_BYTES], sealed[-SIGNATURE_SIZE_BYTES:]
        content = _parse(kind, content_bytes)
        verify(content.sender, signature, _signed_bytes(kind, content_bytes))
        self._check_recipient(content)
        if kind in _ONCE_ONLY:
            self._check_once(content)
        return Opened(
            id=RequestId(content.id),
            sender=content.sender,
            sent_at=content.sent_at,
            deadline=content.deadline,
            body=content.body,
        )

    def _check_recipient(self, content: _Content) -> None:
        expected = None if content.kind == "state" else self.node
        if content.to != expected:
            raise RecipientError(
                f"The message is for {_shown(content.to)}, not for {_shown(expected)}:"
                " send it to the node it names."
            )

    def _check_once(self, content: _Content) -> None:
        now = self._clock()
        ahead_s = content.sent_at - now
        if abs(ahead_s) > TOLERANCE_S:
            raise StaleError(
                f"The clock of {_shown(content.sender)} is {abs(ahead_s):.0f} s"
                f" {'ahead of' if ahead_s > 0 else 'behind'} that of {_shown(self.node)}, or the"
                f" message was under way too long ({TOLERANCE_S:.0f} s are allowed): find the clock"
                " that is wrong and set it with NTP."
            )
        is_new = self._taken[content.kind].take(
            content.sender, RequestId(content.id), sent_at=content.sent_at, now=now
        )
        if not is_new:
            raise ReplayError(
                f"A message {content.kind} {content.id} of {_shown(content.sender)}"
                " was already taken: draw a fresh id for every request."
            )


def _signed_bytes(kind: Kind, content: bytes) -> bytes:
    """Return what the signature covers: one key signs many things, none may pass for another."""
    return f"{_DOMAIN}{kind}".encode() + content


def _parse(kind: Kind, content_bytes: bytes) -> _Content:
    if content_bytes[:2] != bytes([_ARRAY_OF_8, VERSION]):
        raise _of_other_version(content_bytes)
    try:
        content = _decoder.decode(content_bytes)
    except ValueError as error:
        raise MalformedError(f"These bytes are not a sealed message: {error}.") from error
    if _encoder.encode(content) != content_bytes:
        raise MalformedError("The sealed message is not in canonical form: encode it as specified.")
    if not (math.isfinite(content.sent_at) and math.isfinite(content.deadline)):
        raise MalformedError("The sealed message has a time that is no number: send Unix seconds.")
    if content.kind != kind:
        raise MalformedError(f"The sealed message is of kind {content.kind!r}, not {kind!r}.")
    return content


def _of_other_version(content: bytes) -> MessageError:
    """Tell a message of another version from garbage: every version begins `[version, ...`."""
    is_short_array = len(content) > 1 and content[0] & 0xF0 == 0x90
    if is_short_array and content[1] < 0x80 and content[1] != VERSION:
        return VersionError(
            f"The message is of protocol version {content[1]} and this node speaks version"
            f" {VERSION}: update the older of the two nodes."
        )
    return MalformedError("These bytes are not a sealed message of the modelnet protocol.")


def _shown(node: NodeId | None) -> str:
    return "everybody" if node is None else f"node {short_node_id(node)}"
