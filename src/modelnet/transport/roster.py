"""Who is here and what they announced, as pure state: what arrives goes in, events come out."""

from collections.abc import Iterator

import msgspec

from modelnet.core.identity import NodeId
from modelnet.transport.network import PeerAnnounced, PeerEvent, PeerJoined, PeerLeft, Topic

MAX_EARLY_BYTES = 8 * 1024 * 1024
"""How much announced state is kept of nodes whose arrival has not been seen yet."""


class Told(msgspec.Struct, frozen=True):
    """A verified state, and when its node says it sent it: of two the newer counts."""

    sent_at: float
    state: bytes


class Roster:
    """The other nodes, told apart by their place in time: a restarted node is another incarnation.

    Announcements may overtake the arrival of their node; they wait for it, and are forgotten when
    too much waits: a node that arrives is told again by whoever it meets.
    """

    def __init__(self) -> None:
        self._here: dict[NodeId, str] = {}
        self._told: dict[NodeId, dict[Topic, Told]] = {}
        self._early_bytes = 0

    def __contains__(self, node: NodeId) -> bool:
        """Whether a node is here now."""
        return node in self._here

    @property
    def nodes(self) -> tuple[NodeId, ...]:
        """The nodes here now."""
        return tuple(self._here)

    def arrive(self, node: NodeId, incarnation: str) -> list[PeerEvent]:
        """Note that a node was seen; return what changed."""
        known = self._here.get(node)
        if known == incarnation:
            return []
        gone = self._forget(node) if known is not None else []
        self._here[node] = incarnation
        states = self._told.get(node, {})
        self._early_bytes -= sum(len(told.state) for told in states.values())
        return [*gone, *_introduction(node, states)]

    def depart(self, node: NodeId, incarnation: str) -> list[PeerEvent]:
        """Note that a node went; an incarnation that was replaced goes without notice."""
        if self._here.get(node) != incarnation:
            return []
        return self._forget(node)

    def tell(self, node: NodeId, topic: Topic, told: Told) -> list[PeerEvent]:
        """Note a state unless a newer one is known; return what changed."""
        known = self._told.get(node, {}).get(topic)
        if known is not None and known.sent_at > told.sent_at:
            return []
        if node not in self._here:
            self._make_room(len(told.state) - (len(known.state) if known else 0))
        self._told.setdefault(node, {})[topic] = told
        is_news = node in self._here and (known is None or known.state != told.state)
        return [PeerAnnounced(node, topic, told.state)] if is_news else []

    def snapshot(self) -> Iterator[PeerEvent]:
        """Yield the events that bring a newcomer up to date."""
        for node in self._here:
            yield from _introduction(node, self._told.get(node, {}))

    def _forget(self, node: NodeId) -> list[PeerEvent]:
        del self._here[node]
        self._told.pop(node, None)
        return [PeerLeft(node)]

    def _make_room(self, grown_bytes: int) -> None:
        self._early_bytes += grown_bytes
        if self._early_bytes > MAX_EARLY_BYTES:
            self._told = {node: told for node, told in self._told.items() if node in self._here}
            self._early_bytes = grown_bytes


def _introduction(node: NodeId, states: dict[Topic, Told]) -> list[PeerEvent]:
    announced = [PeerAnnounced(node, topic, told.state) for topic, told in states.items()]
    return [PeerJoined(node), *announced]


class Backlog:
    """The events one watcher has yet to read, without those that newer ones made pointless.

    However slow the watcher, it holds at most one arrival, one departure and one state of each
    topic a node.
    """

    def __init__(self) -> None:
        self._events: dict[tuple[NodeId, str], PeerEvent] = {}

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._events)

    def add(self, event: PeerEvent) -> None:
        """Queue an event and drop what it makes pointless."""
        match event:
            case PeerJoined(node):
                self._events[node, "joined"] = event
            case PeerAnnounced(node, topic):
                self._events.pop((node, topic), None)
                self._events[node, topic] = event
            case PeerLeft(node):
                self._leave(event)

    def pop(self) -> PeerEvent:
        """Return the oldest event."""
        return self._events.pop(next(iter(self._events)))

    def _leave(self, event: PeerLeft) -> None:
        mine = [key for key in self._events if key[0] == event.node]
        was_told_of = (event.node, "joined") not in self._events
        for key in mine:
            if key[1] != "left":
                del self._events[key]
        if was_told_of:
            self._events[event.node, "left"] = event
