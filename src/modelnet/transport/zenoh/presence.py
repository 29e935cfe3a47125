"""Signed presence: what stands in a liveliness token, so that no node can pretend to be another.

The last chunk of a token is the base64url of a sealed announcement of topic `here`, whose state is
the endpoint where the node can be reached, or empty. Its id tells incarnations of a node apart.
"""

import base64
import binascii

import msgspec

from modelnet.core.clock import Clock
from modelnet.core.error import AddressError, MalformedError
from modelnet.core.identity import NodeId, RequestId, new_request_id
from modelnet.transport.frame import Announcement, decode_announcement, encode
from modelnet.transport.guard import Guard
from modelnet.transport.zenoh.endpoint import Endpoint, parse_endpoint

TOPIC = "here"


class Presence(msgspec.Struct, frozen=True):
    """A node that is here, since when by its own clock, and where."""

    node: NodeId
    incarnation: RequestId
    sent_at: float
    endpoint: Endpoint | None


def show(guard: Guard, clock: Clock, endpoint: Endpoint | None) -> str:
    """Return the token chunk that shows this node's presence."""
    body = encode(Announcement(TOPIC, str(endpoint or "").encode()))
    sealed = guard.seal("state", body, to=None, id=new_request_id(), deadline=clock())
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read(guard: Guard, chunk: str, scheme: str) -> Presence:
    """Read what `show` returned at another node.

    Raises:
        MessageError: it is malformed, or not signed by the node it speaks of.
    """
    try:
        sealed = base64.urlsafe_b64decode(chunk + "=" * (-len(chunk) % 4))
    except (binascii.Error, ValueError) as error:
        raise MalformedError("The presence of a node is not base64url.") from error
    opened = guard.open("state", sealed)
    announcement = decode_announcement(opened.body)
    if announcement.topic != TOPIC:
        raise MalformedError("The presence of a node announces something else.")
    endpoint = _endpoint(announcement.state, scheme)
    return Presence(opened.sender, opened.id, opened.sent_at, endpoint)


def _endpoint(state: bytes, scheme: str) -> Endpoint | None:
    try:
        return parse_endpoint(state.decode(), scheme)
    except (AddressError, UnicodeDecodeError):
        return None


class Tokens:
    """The tokens that count: of each node the newest, so that an old one shown again does not."""

    def __init__(self) -> None:
        self._by_chunk: dict[str, Presence] = {}
        self._current: dict[NodeId, Presence] = {}

    def __contains__(self, node: NodeId) -> bool:
        """Whether a token of the node counts now."""
        return node in self._current

    def appear(self, chunk: str, presence: Presence) -> bool:
        """Note a token; return whether it is the newest of its node."""
        current = self._current.get(presence.node)
        if current is not None and current.sent_at > presence.sent_at:
            return False
        self._by_chunk[chunk] = presence
        self._current[presence.node] = presence
        return True

    def vanish(self, chunk: str) -> Presence | None:
        """Note that a token is gone; return the presence it showed, if it counted."""
        presence = self._by_chunk.pop(chunk, None)
        if presence is not None and self._current.get(presence.node) == presence:
            del self._current[presence.node]
        return presence
