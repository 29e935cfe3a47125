"""What nodes say to each other above transport: model calls, reply chunks, announcements.

Bytes in, frozen values out; whatever does not decode is refused with one of our errors.
"""

import math

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError, InvalidRequestError, MalformedError
from modelnet.core.identity import NodeId
from modelnet.core.load import Load
from modelnet.core.request import Request
from modelnet.core.standing import Standing
from modelnet.resource.copy.call import CopyCall
from modelnet.resource.directory import (
    CardsAnnounced,
    DirectoryEvent,
    LoadAnnounced,
    StandingAnnounced,
)
from modelnet.transport.network import PeerAnnounced
from modelnet.trust import signed_card
from modelnet.trust.key import NodeKey

MAX_CARDS = 256
MAX_STANDINGS = 1024
MAX_NAME_LENGTH = 64
MAX_COPIES = 1024

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ModelCall(msgspec.Struct, frozen=True):
    """The body of a request to a node: run this on that model of yours."""

    model: str
    request: Request


class NodeCard(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of the `card` topic: a node's name and its signed agent cards, as JSON bytes."""

    name: str
    cards: tuple[msgspec.Raw, ...]
    copies: tuple[str, ...] = ()
    """The digests of files it hands on without serving them."""
    takes_over: bool = False
    """Whether it would serve models that nobody serves any more."""


class _Call(msgspec.Struct, frozen=True):
    """What tells the calls of nodes apart; a model call has no such field."""

    call: str = ""


_encoder = msgspec.msgpack.Encoder()
_kind = msgspec.msgpack.Decoder(_Call)
_call = msgspec.msgpack.Decoder(ModelCall)
_copy_call = msgspec.msgpack.Decoder(CopyCall)
_chunk = msgspec.msgpack.Decoder(Chunk)
_load = msgspec.msgpack.Decoder(Load)
_standings = msgspec.msgpack.Decoder(tuple[Standing, ...])
_node_card = msgspec.json.Decoder(NodeCard)


def encode(value: ModelCall | Chunk | Load | tuple[Standing, ...]) -> bytes:
    """Return the msgpack form of a value that travels between nodes."""
    return _encoder.encode(value)


def decode_call(body: bytes) -> ModelCall | CopyCall:
    """Read what a node asks of another: to run a model, or something about files.

    Raises:
        InvalidRequestError: the body is none of these.
    """
    try:
        return _copy_call.decode(body) if _kind.decode(body).call else _call.decode(body)
    except _UNREADABLE as error:
        raise InvalidRequestError(
            f"The request is not a model call, nor about files: {error}."
        ) from error


def decode_chunk(piece: bytes) -> Chunk:
    """Read one piece of a reply.

    Raises:
        EngineError: the piece is not a chunk.
    """
    try:
        chunk = _chunk.decode(piece)
        for tensor in chunk.tensors:
            tensor.check()
    except (*_UNREADABLE, InvalidRequestError) as error:
        raise EngineError(f"The node answered something that is not a chunk: {error}.") from error
    return chunk


def announce_cards(
    key: NodeKey,
    name: str,
    cards: tuple[ModelCard, ...],
    copies: tuple[str, ...] = (),
    *,
    takes_over: bool = False,
) -> bytes:
    """Return the `card` state of a node: each card signed with the node's key."""
    signed = tuple(msgspec.Raw(signed_card.sign(card, node_name=name, key=key)) for card in cards)
    return msgspec.json.encode(NodeCard(name, signed, copies[:MAX_COPIES], takes_over))


def read_announcement(told: PeerAnnounced) -> DirectoryEvent:
    """Turn what a peer announced into an event of the directory.

    Raises:
        MessageError: it does not decode, a card's signature is wrong, or the node speaks for
            another one.
    """
    try:
        return _read(told)
    except _UNREADABLE as error:
        raise MalformedError(f"The announced {told.topic} does not decode: {error}.") from error


def _read(told: PeerAnnounced) -> DirectoryEvent:
    match told.topic:
        case "card":
            return _read_cards(told.node, told.state)
        case "load":
            return LoadAnnounced(told.node, _load.decode(told.state))
        case "standing":
            return _read_standings(told.node, told.state)


def _read_cards(node: NodeId, state: bytes) -> CardsAnnounced:
    told = _node_card.decode(state)
    if len(told.cards) > MAX_CARDS:
        raise MalformedError(f"The node announces {len(told.cards)} models; {MAX_CARDS} is enough.")
    cards = tuple(signed_card.verify(bytes(raw)) for raw in told.cards)
    if any(card.node != node for card in cards):
        raise MalformedError("The node announces a model of another node.")
    if len({card.model.name for card in cards}) < len(cards):
        raise MalformedError("The node announces two models of one name.")
    return CardsAnnounced(
        node,
        told.name[:MAX_NAME_LENGTH],
        tuple(card.model for card in cards),
        frozenset(told.copies[:MAX_COPIES]),
        told.takes_over,
    )


def _read_standings(node: NodeId, state: bytes) -> StandingAnnounced:
    standings = _standings.decode(state)[:MAX_STANDINGS]
    if any(standing.examiner != node for standing in standings):
        raise MalformedError("The node reports an exam held by another node.")
    tallies = [tally for standing in standings for tally in standing.skills.values()]
    if not all(0.0 <= tally.right <= tally.asked < math.inf for tally in tallies):
        raise MalformedError("The node reports a tally that no exam can have.")
    return StandingAnnounced(node, standings)
