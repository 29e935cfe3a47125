"""Who keeps a copy of a model that only one node serves, and who serves it when that one is gone.

Pure. Every node decides for itself from what all of them know, so they agree without talking: the
nodes that are willing are ranked by hashing, and the next in line waits a little longer, so that
it acts only where the one before it did not. Two that act at once do no harm.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.resource.copy.permission import FORMS, is_free
from modelnet.resource.directory import Directory, DirectoryEvent, LoadAnnounced, NodeLeft

WANTED_S = 3600.0
"""A model that was asked for in this time is wanted."""

MAX_NAMES = 4096
"""Models remembered as asked for: names come from other nodes."""

KEEP_TURN_S = 5.0
"""How much longer each node in line waits before it fetches a copy to keep."""

SERVE_TURN_S = 1.0
"""How much longer each node in line waits before it serves its copy."""

Duty: TypeAlias = Literal["keep", "serve"]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Something for this node to do once its turn has come, if it is still needed then."""

    duty: Duty
    card: ModelCard
    wait_s: float
    """From when it began to be needed."""

    @property
    def key(self) -> tuple[Duty, str]:
        """What tells it from other duties."""
        return self.duty, self.card.artifact.digest if self.card.artifact else ""


class Demand:
    """When each model was last asked for, on any node."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        self._begun: dict[NodeId, dict[str, int]] = {}

    def hear(self, event: DirectoryEvent, now: float) -> None:
        """Take in an event of the directory: load beacons tell what is asked for."""
        match event:
            case LoadAnnounced(node, load):
                before = self._begun.get(node, {})
                self._begun[node] = {name: model.begun for name, model in load.models.items()}
                for name, model in load.models.items():
                    if model.running or model.waiting or model.begun > before.get(name, 0):
                        self._note(name, now)
            case NodeLeft(node):
                self._begun.pop(node, None)
            case _:
                pass

    def _note(self, name: str, now: float) -> None:
        self._asked.pop(name, None)
        self._asked[name] = now
        if len(self._asked) > MAX_NAMES:
            del self._asked[next(iter(self._asked))]

    def wanted(self, now: float) -> frozenset[str]:
        """Return the models that were asked for lately; older ones are forgotten."""
        self._asked = {name: at for name, at in self._asked.items() if now - at < WANTED_S}
        return frozenset(self._asked)


def duties(
    directory: Directory, copies: Mapping[str, ModelCard], wanted: Collection[str]
) -> list[Due]:
    """Return what this node should do for models that are wanted, being one that is willing."""
    return [*_to_keep(directory, copies, wanted), *_to_serve(directory, copies, wanted)]


def _to_keep(
    directory: Directory, copies: Mapping[str, ModelCard], wanted: Collection[str]
) -> Iterable[Due]:
    """Yield the models that hang on one node, and of which no willing node has a copy."""
    willing = _willing(directory)
    for digest, (card, nodes) in _served(directory).items():
        is_kept = any(digest in directory.entries[node].copies for node in willing)
        if card.name in wanted and len(nodes) == 1 and not is_kept and digest not in copies:
            heirs = [node for node in willing if node not in nodes]
            if directory.self_id in heirs:
                place = _place(directory.self_id, heirs, digest)
                yield Due(duty="keep", card=card, wait_s=place * KEEP_TURN_S)


def _to_serve(
    directory: Directory, copies: Mapping[str, ModelCard], wanted: Collection[str]
) -> Iterable[Due]:
    """Yield the copies of models that nobody serves."""
    served = _served(directory)
    names = {offer.card.name for offer in directory.offers}
    for digest, card in copies.items():
        if digest not in served and card.name in wanted and card.name not in names:
            heirs = [n for n in _willing(directory) if digest in directory.entries[n].copies]
            place = _place(directory.self_id, [*heirs, directory.self_id], digest)
            yield Due(duty="serve", card=card, wait_s=place * SERVE_TURN_S)


def _willing(directory: Directory) -> list[NodeId]:
    return [node for node, entry in directory.entries.items() if entry.takes_over]


def _served(directory: Directory) -> dict[str, tuple[ModelCard, set[NodeId]]]:
    """Return which nodes serve each file that may be copied, by its digest."""
    served: dict[str, tuple[ModelCard, set[NodeId]]] = {}
    for offer in directory.offers:
        artifact = offer.card.artifact
        is_free_file = artifact and artifact.may_copy and artifact.form in FORMS
        if artifact and is_free_file and is_free(offer.card.licence):
            served.setdefault(artifact.digest, (offer.card, set()))[1].add(offer.node)
    return served


def _place(node: NodeId, nodes: Iterable[NodeId], digest: str) -> int:
    """Return how many of the nodes come before one in the line for a file."""
    return sorted(set(nodes), key=lambda one: _rank(one, digest)).index(node)


def _rank(node: NodeId, digest: str) -> bytes:
    return hashlib.sha256(f"{node}/{digest}".encode()).digest()
