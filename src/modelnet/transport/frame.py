"""The frames nodes exchange: msgpack arrays whose first element says which frame it is.

Whoever asks sends ASK, CREDIT and CANCEL; whoever answers sends DATA, END and ERROR; everybody
sends STATE. What must be believed later is sealed by the Guard; the rest only moves bytes, and the
seal of END covers them all.
"""

from typing import Annotated, TypeAlias

import msgspec

from modelnet.core.error import MalformedError
from modelnet.core.identity import NodeId, RequestId

MAX_PIECE_BYTES = 64 * 1024 * 1024
"""The largest piece of a reply, and the largest body of a request."""

MAX_FRAME_BYTES = MAX_PIECE_BYTES + 1024 * 1024
"""The largest frame: room for one largest piece and its envelope."""

MAX_STATE_BYTES = 1024 * 1024
"""The largest announced state."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A request. `id` and `sender` stand outside the seal so that a refusal finds its way back."""

    id: RequestId
    sender: NodeId
    credit: Count
    """The cost of pieces that may be sent before the first CREDIT."""
    sealed: bytes


class Data(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Some pieces of a reply, those that were ready together."""

    id: RequestId
    sequence: Count
    """The number of pieces before these."""
    pieces: tuple[bytes, ...]


class End(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The reply is complete. The seal holds a `Summary`."""

    id: RequestId
    sealed: bytes


class Failure(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The reply ends with an error. The seal holds a `modelnet.core.error.ErrorReport`."""

    id: RequestId
    sealed: bytes


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The asker wants no more. The seal holds an empty body."""

    id: RequestId
    sealed: bytes


class Credit(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """More may be sent. The limit counts from the first piece, so a repeat does no harm."""

    id: RequestId
    limit: Count


class State(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """What a node announces, each topic in a seal of its own that holds an `Announcement`."""

    sealed: tuple[bytes, ...]


Frame: TypeAlias = Ask | Data | End | Failure | Cancel | Credit | State


class Summary(msgspec.Struct, frozen=True, array_like=True):
    """What the sealed END vouches for: how many pieces, and the digest of them all."""

    count: Count
    digest: bytes


class Announcement(msgspec.Struct, frozen=True, array_like=True):
    """The newest state of one topic; topics this node does not know are passed over."""

    topic: Annotated[str, msgspec.Meta(max_length=64)]
    state: bytes


_encoder = msgspec.msgpack.Encoder()
_frame = msgspec.msgpack.Decoder(Frame)
_summary = msgspec.msgpack.Decoder(Summary)
_announcement = msgspec.msgpack.Decoder(Announcement)


def encode(value: Frame | Summary | Announcement) -> bytes:
    """Return the bytes of a frame, or of the body inside a seal."""
    return _encoder.encode(value)


def decode_frame(data: bytes) -> Frame:
    """Read a frame that arrived.

    Raises:
        MalformedError: the bytes are not a frame, or too many.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise MalformedError(f"A frame of {len(data)} bytes came; {MAX_FRAME_BYTES} is the most.")
    try:
        return _frame.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The bytes are not a frame of the protocol: {error}.") from error


def decode_summary(body: bytes) -> Summary:
    """Read the body of a sealed END.

    Raises:
        MalformedError: the body is not a summary.
    """
    try:
        return _summary.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The end of the reply does not decode: {error}.") from error


def decode_announcement(body: bytes) -> Announcement:
    """Read the body of a sealed STATE.

    Raises:
        MalformedError: the body is not an announcement, or its state is too large.
    """
    try:
        announcement = _announcement.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The announcement does not decode: {error}.") from error
    if len(announcement.state) > MAX_STATE_BYTES:
        raise MalformedError(f"The announced {announcement.topic} exceeds {MAX_STATE_BYTES} bytes.")
    return announcement
