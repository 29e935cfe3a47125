"""What a node knows of the network: a pure fold over events, read by everything that decides.

`apply(directory, event) -> directory`. Nothing here does I/O; `modelnet.resource.watcher` feeds it.
"""

from typing import TypeAlias, assert_never

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId, short_node_id
from modelnet.core.load import Load, ModelLoad
from modelnet.core.standing import NEVER_MEASURED, Speed, Standing, Tally


class NodeJoined(msgspec.Struct, frozen=True):
    """A node became reachable."""

    node: NodeId
    at: float


class NodeLeft(msgspec.Struct, frozen=True):
    """A node is gone, and with it all it announced."""

    node: NodeId


class CardsAnnounced(msgspec.Struct, frozen=True):
    """A node told its name and the signed cards of its models; the signatures were checked."""

    node: NodeId
    name: str
    cards: tuple[ModelCard, ...]
    copies: frozenset[str] = frozenset()
    """The digests of files it hands on without serving them."""
    takes_over: bool = False


class LoadAnnounced(msgspec.Struct, frozen=True):
    """A node told how busy its models are."""

    node: NodeId
    load: Load


class StandingAnnounced(msgspec.Struct, frozen=True):
    """A node told what it measured of models, its own or others'."""

    node: NodeId
    standings: tuple[Standing, ...]


DirectoryEvent: TypeAlias = (
    NodeJoined | NodeLeft | CardsAnnounced | LoadAnnounced | StandingAnnounced
)


class NodeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one node."""

    node: NodeId
    since: float
    """When it joined, in Unix seconds: tells a node that came back from the one that left."""
    name: str = ""
    cards: tuple[ModelCard, ...] = ()
    load: Load = Load()
    standings: tuple[Standing, ...] = ()
    """What this node measured, as an examiner."""
    copies: frozenset[str] = frozenset()
    """The digests of files it hands on without serving them."""
    takes_over: bool = False
    """Whether it would serve models that nobody serves any more."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One model of one node, as the directory knows it: what a router chooses among."""

    node: NodeId
    node_name: str = ""
    since: float = 0.0
    """When the node joined: a node that came back is a new offer."""
    card: ModelCard
    load: ModelLoad = ModelLoad()
    own: int = 0
    """Requests of this node that are under way there: part of the load, and known for certain."""
    is_local: bool = False
    skills: dict[str, Tally] = {}
    """What examiners other than its own node measured of it (and this node, of its own)."""
    speed: Speed = NEVER_MEASURED
    """How fast this node believes it to be."""

    @property
    def key(self) -> tuple[NodeId, str]:
        """What tells this model of this node from every other."""
        return self.node, self.card.name


class Directory(msgspec.Struct, frozen=True):
    """The nodes known now, this one included."""

    self_id: NodeId
    entries: dict[NodeId, NodeEntry] = {}

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Every model that can be asked now."""
        measured = self._measured()
        return tuple(
            Offer(
                node=entry.node,
                node_name=entry.name,
                since=entry.since,
                card=card,
                load=entry.load.models.get(card.name, ModelLoad(parallel=card.parallel)),
                is_local=entry.node == self.self_id,
                skills=measured.get((entry.node, card.name), {}),
            )
            for entry in self.entries.values()
            for card in entry.cards
        )

    def holders(self, digest: str) -> tuple[NodeId, ...]:
        """Return the nodes that hand on a file: they serve it and permit copies, or keep one."""
        return tuple(
            entry.node
            for entry in self.entries.values()
            if digest in entry.copies
            or any(
                card.artifact is not None
                and card.artifact.digest == digest
                and card.artifact.may_copy
                for card in entry.cards
            )
        )

    def _measured(self) -> dict[tuple[NodeId, str], dict[str, Tally]]:
        pooled: dict[tuple[NodeId, str], dict[str, Tally]] = {}
        for told in self.standings:
            if told.examiner == told.node != self.self_id:
                continue
            skills = pooled.setdefault((told.node, told.model), {})
            for skill, tally in told.skills.items():
                skills[skill] = skills.get(skill, Tally()) + tally
        return pooled

    @property
    def standings(self) -> tuple[Standing, ...]:
        """Every measurement told by the nodes known now."""
        return tuple(s for entry in self.entries.values() for s in entry.standings)


def apply(directory: Directory, event: DirectoryEvent) -> Directory:
    """Return the directory after an event.

    An announcement of a node that never joined is dropped: its join is still under way, and the
    network repeats announcements after it.
    """
    match event:
        case NodeJoined(node, at):
            entry = NodeEntry(node=node, since=at, name=short_node_id(node))
            return _with(directory, entry)
        case NodeLeft(node):
            rest = {key: entry for key, entry in directory.entries.items() if key != node}
            return Directory(directory.self_id, rest)
        case CardsAnnounced(node, name, cards, copies, takes_over):
            name = name or short_node_id(node)
            changes = {"cards": cards, "copies": copies, "takes_over": takes_over}
            return _changed(directory, node, name=name, **changes)
        case LoadAnnounced(node, load):
            return _changed(directory, node, load=load)
        case StandingAnnounced(node, standings):
            return _changed(directory, node, standings=standings)
        case _:
            assert_never(event)


def _with(directory: Directory, entry: NodeEntry) -> Directory:
    return Directory(directory.self_id, {**directory.entries, entry.node: entry})


def _changed(directory: Directory, node: NodeId, **changes: object) -> Directory:
    known = directory.entries.get(node)
    if known is None:
        return directory
    return _with(directory, msgspec.structs.replace(known, **changes))
