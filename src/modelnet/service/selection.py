"""From the names a person gives to the candidates they mean."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from modelnet.core.error import ModelnetError, NoModelError, UnknownModelError
from modelnet.core.identity import short_node_id
from modelnet.core.task import AUTO
from modelnet.resource.directory import Offer
from modelnet.service.preference import BALANCED, PREFERENCES, Preference

SINGLE = "single"
"""The strategy of whoever asks for none."""
STRATEGIES = ("cascade", "race")
"""Those that are asked for by name, wherever a model's name may stand."""

_LISTED_NAMES = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a fallback chain: the candidates a name means, and how to choose among them."""

    name: str
    candidates: tuple[Offer, ...]
    preference: Preference = BALANCED


@dataclass(frozen=True, slots=True)
class Link:
    """One stretch of a fallback chain: which strategy answers, and with which models."""

    strategy: str
    names: tuple[str, ...]
    """As `select` reads them."""
    preference: Preference = BALANCED
    """Of the first name."""


def links(names: Sequence[str]) -> tuple[Link, ...]:
    """Cut a fallback chain where a strategy is asked for: `cascade:cheap, zoo:calc, auto`.

    What follows the name of a strategy is read as after `auto`: what matters most, and which node.
    """
    found: list[Link] = []
    for name in names or (AUTO,):
        strategy, rest = _strategy_in(name)
        if strategy is None and found and found[-1].strategy == SINGLE:
            found[-1] = replace(found[-1], names=(*found[-1].names, name))
        else:
            meant = name if strategy is None else AUTO + rest
            weighs = PREFERENCES.get(meant.partition("@")[0], BALANCED)
            found.append(Link(strategy or SINGLE, (meant,), weighs))
    return tuple(found)


def is_left_open(link: Link) -> bool:
    """Tell whether neither a strategy nor a model was asked for, so that both may be chosen."""
    return link.strategy == SINGLE and link.names[0].partition("@")[0] in PREFERENCES


def _strategy_in(name: str) -> tuple[str | None, str]:
    for strategy in STRATEGIES:
        rest = name.removeprefix(strategy)
        if rest != name and (AUTO + rest).partition("@")[0] in PREFERENCES:
            return strategy, rest
    return None, ""


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
    known = [*dict.fromkeys(c.card.name for c in candidates), *PREFERENCES, *STRATEGIES]
    near = difflib.get_close_matches(model or name, known, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}? Reachable" if near else "reachable"
    return UnknownModelError(f"No reachable node serves '{name}': {hint} are {_listed(known)}.")


def _listed(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    rest = len(unique) - _LISTED_NAMES
    return ", ".join(unique[:_LISTED_NAMES]) + (f" and {rest} more" if rest > 0 else "")
