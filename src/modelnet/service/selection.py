"""From the names a person gives to the candidates they mean."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelnet.core.error import ModelnetError, NoModelError, UnknownModelError
from modelnet.core.identity import short_node_id
from modelnet.resource.directory import Offer
from modelnet.service.preference import BALANCED, PREFERENCES, Preference

_LISTED_NAMES = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a fallback chain: the candidates a name means, and how to choose among them."""

    name: str
    candidates: tuple[Offer, ...]
    preference: Preference = BALANCED


def select(names: Sequence[str], candidates: Sequence[Offer]) -> tuple[Choice, ...]:
    """Resolve a fallback chain in order; links that mean nothing reachable are left out.

    A name is `auto` (or `auto:cheap`, `auto:fast`, `auto:best`) or a model, each also of one node:
    `zoo:calc@alice`, where the node is given by id, by the last eight characters of it, or by name.

    Raises:
        NoModelError: no model at all is reachable.
        UnknownModelError: no link of the chain is reachable; the message says what is.
    """
    if not candidates:
        raise NoModelError(
            "No model is reachable now: start one with 'modelnet up', or join a node that has some."
        )
    choices = (_resolve(name, candidates) for name in names)
    found = tuple(choice for choice in choices if choice.candidates)
    if not found:
        raise _unknown(names[0] if names else "", candidates)
    return found


def _resolve(name: str, candidates: Sequence[Offer]) -> Choice:
    model, _, node = name.rpartition("@")
    # First a model of a node: whoever calls a model `calc@alice` must not be asked in her place.
    if of_node := _of_node(node, _named(model, candidates)):
        return Choice(name, of_node, PREFERENCES.get(model, BALANCED))
    return Choice(name, _named(name, candidates), PREFERENCES.get(name, BALANCED))


def _named(model: str, candidates: Sequence[Offer]) -> tuple[Offer, ...]:
    if model in PREFERENCES:
        return tuple(candidates)
    return tuple(c for c in candidates if c.card.name == model)


def _of_node(node: str, candidates: Sequence[Offer]) -> tuple[Offer, ...]:
    """Match ids before names: a name is only a claim, and anyone may claim another's id as one."""
    by_id = tuple(c for c in candidates if node in {c.node, short_node_id(c.node)})
    return by_id or tuple(c for c in candidates if c.node_name == node)


def _unknown(name: str, candidates: Sequence[Offer]) -> ModelnetError:
    model, _, node = name.rpartition("@")
    if elsewhere := _named(model, candidates):
        return UnknownModelError(
            f"No reachable node '{node}' serves '{model}': "
            f"it is served by {_listed(c.node_name or short_node_id(c.node) for c in elsewhere)}."
        )
    known = [*dict.fromkeys(c.card.name for c in candidates), *PREFERENCES]
    near = difflib.get_close_matches(model or name, known, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}? Reachable" if near else "reachable"
    return UnknownModelError(f"No reachable node serves '{name}': {hint} are {_listed(known)}.")


def _listed(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    rest = len(unique) - _LISTED_NAMES
    return ", ".join(unique[:_LISTED_NAMES]) + (f" and {rest} more" if rest > 0 else "")
