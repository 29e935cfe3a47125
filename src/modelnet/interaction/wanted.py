"""Which model is meant, and where it is to go: from what people say to cards and nodes. Pure."""

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import InvalidRequestError, UnknownModelError
from modelnet.core.identity import NodeId, short_node_id
from modelnet.resource.copy.permission import Cause
from modelnet.resource.directory import Directory, NodeEntry, Offer
from modelnet.service.selection import select


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A model to bring here."""

    card: ModelCard
    cause: Cause
    only: NodeId | None = None
    """The one node to fetch it from."""
    is_to_be_served: bool = True

    @property
    def key(self) -> tuple[str, bool]:
        """What tells transfers apart."""
        return self.card.artifact.digest if self.card.artifact else "", self.is_to_be_served


def node_named(directory: Directory, name: str) -> NodeEntry:
    """Return the node of that id, last eight characters of an id, or name.

    Raises:
        UnknownModelError: there is none.
        InvalidRequestError: several are called so.
    """
    entries = tuple(directory.entries.values())
    by_id = [entry for entry in entries if name in {entry.node, short_node_id(entry.node)}]
    found = by_id or [entry for entry in entries if entry.name == name]
    if not found:
        raise UnknownModelError(f"No node {name!r} is here: `modelnet nodes` lists them.")
    if len(found) > 1:
        raise InvalidRequestError(f"Several nodes are called {name!r}: name one by its id.")
    return found[0]


def offer_named(directory: Directory, model: str, of: NodeId | None = None) -> Offer:
    """Return an offer of a model, best one of a file that may be copied."""
    name = model if of is None else f"{model}@{of}"
    offers = directory.offers
    if model.partition("@")[0].partition(":")[0] == "auto":
        raise InvalidRequestError("Name the model itself: `auto` leaves the choice to the network.")
    candidates = select((name,), offers)[0].candidates
    copied = (one for one in candidates if one.card.artifact and one.card.artifact.may_copy)
    return next(copied, candidates[0])
