"""What nodes ask each other about files: for a manifest, pieces, a ticket, or a deploy.

A request with a field `call` is one of these; without, it is a model call.
"""

from typing import Annotated, TypeAlias

import msgspec

from modelnet.core.error import MalformedError
from modelnet.transport.bulk.ticket import Ticket

Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]

MAX_PIECES_A_CALL = 64


class ManifestCall(msgspec.Struct, frozen=True, tag_field="call", tag="manifest"):
    """Send the manifest of a file: the reply is one piece."""

    digest: Digest


class PiecesCall(msgspec.Struct, frozen=True, tag_field="call", tag="pieces"):
    """Send so many pieces of a file, each as one piece of the reply."""

    digest: Digest
    first: Annotated[int, msgspec.Meta(ge=0)]
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_PIECES_A_CALL)]


class TicketCall(msgspec.Struct, frozen=True, tag_field="call", tag="ticket"):
    """Let me fetch a file over a bulk connection: the reply is one `Ticket`."""

    digest: Digest


class DeployCall(msgspec.Struct, frozen=True, tag_field="call", tag="deploy"):
    """Fetch this model from the network and serve it: the reply is one `Progress` after another."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    digest: Digest


CopyCall: TypeAlias = ManifestCall | PiecesCall | TicketCall | DeployCall


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a file has come."""

    done_bytes: int
    of_bytes: int
    peers: int = 0
    """How many nodes send it."""


_encoder = msgspec.msgpack.Encoder()
_ticket = msgspec.msgpack.Decoder(Ticket)
_progress = msgspec.msgpack.Decoder(Progress)


def encode(value: CopyCall | Ticket | Progress) -> bytes:
    """Return the msgpack form of a call or of a reply to one."""
    return _encoder.encode(value)


def decode_ticket(piece: bytes) -> Ticket:
    """Read the reply to a `TicketCall`.

    Raises:
        MalformedError: it is not a ticket.
    """
    try:
        return _ticket.decode(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The node sent something that is no ticket: {error}.") from error


def decode_progress(piece: bytes) -> Progress:
    """Read one piece of the reply to a `DeployCall`.

    Raises:
        MalformedError: it is not progress.
    """
    try:
        return _progress.decode(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"The node sent something that is no progress: {error}.") from error
