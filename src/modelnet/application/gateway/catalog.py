"""The models and nodes that can be asked now: in OpenAI's shape, and in ours with all we know."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

import msgspec

from modelnet.application.gateway.answering import Answering
from modelnet.application.gateway.endpoint import HttpRequest, Reply, json_reply
from modelnet.core.card import ModelCard
from modelnet.core.error import UnknownModelError
from modelnet.core.identity import NodeId, short_node_id
from modelnet.core.machine import Machine
from modelnet.core.standing import NEVER_MEASURED, Speed
from modelnet.resource.directory import Directory, Offer
from modelnet.service.preference import PREFERENCES
from modelnet.service.selection import STRATEGIES
from modelnet.service.timing import STREAMED

AUTO_NAMES = tuple(PREFERENCES)
_OWNER = "modelnet"


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a request's `model` may hold, as OpenAI lists it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class SkillView(msgspec.Struct, frozen=True):
    """What was measured of a model on one skill."""

    right: float
    asked: float


class LoadView(msgspec.Struct, frozen=True):
    """How busy a model is."""

    running: int
    waiting: int
    parallel: int


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a node, as `/modelnet/v1/models` lists it."""

    id: str
    node: NodeId
    node_name: str
    is_local: bool
    card: ModelCard
    load: LoadView
    skills: dict[str, SkillView]
    speed: Speed = NEVER_MEASURED
    """How fast it was, as measured by this node, or else told by its examiners."""


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A node and its models, as `/modelnet/v1/nodes` lists it."""

    id: NodeId
    name: str
    is_local: bool
    models: tuple[str, ...]
    machine: Machine | None = None
    """What it tells of its machine, in the steps in which it is told."""


class Catalog:
    """Answers what models and nodes there are."""

    def __init__(self, answering: Answering, *, created_at: float) -> None:
        self._answering = answering
        self._created = int(created_at)

    async def models(self, _: HttpRequest) -> Reply:
        """List every name that `model` may hold."""
        entries = model_entries(self._answering.offers(), self._created)
        return json_reply({"object": "list", "data": entries})

    async def model(self, request: HttpRequest) -> Reply:
        """Describe one of them."""
        for entry in model_entries(self._answering.offers(), self._created):
            if entry.id == request.tail:
                return json_reply(entry)
        raise UnknownModelError(
            f"No model {request.tail[:200]!r} is reachable; GET /v1/models lists those that are.",
            param="model",
        )

    async def offers(self, _: HttpRequest) -> Reply:
        """List every model of every node with its card, load and measured skills."""
        return json_reply({"object": "list", "data": offer_views(self._answering.offers())})

    async def nodes(self, _: HttpRequest) -> Reply:
        """List every node, those that serve nothing included."""
        return json_reply({"object": "list", "data": node_views(self._answering.directory)})


def full_names(offers: Sequence[Offer]) -> list[str]:
    """Return `model@node` for each offer; nodes of the same name go by the end of their id."""
    nodes = {offer.node: offer.node_name for offer in offers}
    bearers = Counter(nodes.values())
    return [f"{offer.card.name}@{_node_label(offer, bearers[offer.node_name])}" for offer in offers]


def _node_label(offer: Offer, bearers: int) -> str:
    return offer.node_name if offer.node_name and bearers == 1 else short_node_id(offer.node)


def model_entries(offers: Sequence[Offer], created: int) -> list[ModelEntry]:
    """Return the `auto` names and strategies, then every model, then every model of every node."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for offer in offers:
        owners[offer.card.name].add(offer.node_name)
    named: dict[str, str] = dict.fromkeys((*AUTO_NAMES, *_strategies(offers)), _OWNER)
    for name in sorted(owners):
        named[name] = next(iter(owners[name])) if len(owners[name]) == 1 else _OWNER
    for name, offer in sorted(zip(full_names(offers), offers, strict=True), key=lambda one: one[0]):
        named[name] = offer.node_name
    return [ModelEntry(id=name, created=created, owned_by=owner) for name, owner in named.items()]


def _strategies(offers: Sequence[Offer]) -> tuple[str, ...]:
    """Return the strategies, where there are models that could answer together."""
    talking = {offer.card.name for offer in offers if STREAMED & set(offer.card.operations)}
    return STRATEGIES if len(talking) > 1 else ()


def offer_views(offers: Sequence[Offer]) -> list[OfferView]:
    """Return all that is known of each model of each node."""
    return [
        OfferView(
            id=name,
            node=offer.node,
            node_name=offer.node_name,
            is_local=offer.is_local,
            card=offer.card,
            load=LoadView(offer.load.running, offer.load.waiting, offer.load.parallel),
            skills={
                skill: SkillView(tally.right, tally.asked) for skill, tally in offer.skills.items()
            },
            speed=offer.speed,
        )
        for name, offer in zip(full_names(offers), offers, strict=True)
    ]


def node_views(directory: Directory) -> list[NodeView]:
    """Return each node that is known, this one first."""
    views = [
        NodeView(
            id=entry.node,
            name=entry.name,
            is_local=entry.node == directory.self_id,
            models=tuple(sorted(card.name for card in entry.cards)),
            machine=entry.load.machine,
        )
        for entry in directory.entries.values()
    ]
    return sorted(views, key=lambda view: (not view.is_local, view.name, view.id))
