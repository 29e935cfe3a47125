"""Likeness: which known models a newcomer seems to be, by what its card says. Pure.

A card that names the file of known models, or their family and size, raises or lowers what is
expected at first. Both are only claims: whoever lies gains as much as a claim gains, two questions'
worth, and loses it with two answers.
"""

import re
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.core.standing import Tally

Key: TypeAlias = tuple[NodeId, str]


class Family(NamedTuple):
    """What models of one family and size have in common."""

    stem: str
    size: str


BY_FILE = 0.75
"""Share of a first guess that follows models of the same file; the rest follows the claim."""
BY_FAMILY = 0.5

ENOUGH = 8.0
"""Questions a known model must have been asked on a kind before others are guessed from it."""
_RELATIVES = 16
"""Models of one file or family that are looked at: those met last."""
_APART = "-_:. @"
_FORM = re.compile(
    rf"[{_APART}](i?q\d+(_(k|0|1|xxs|xs|s|m|l|nl))*|[bf]p?f?(8|16|32)|u?int\d+|w\d+a\d+|gguf|onnx"
    rf"|awq|gptq|mlx|latest|\d+(\.\d+)?[bm])(?=[{_APART}]|$)"
)
"""Words of a name that tell how it is stored, or how large it is, and not what it is."""


def family(card: ModelCard) -> Family | None:
    """Return what models of one family and size have in common; `None`: not told."""
    stem = _stem(card.name)
    if not stem or not card.parameters or card.parameters < 0:
        return None
    # Two digits: engines count the same weights a little differently.
    return Family(stem, f"{card.parameters:.1e}")


@lru_cache(maxsize=4096)
def _stem(name: str) -> str:
    """Return a name without its publisher, its size and the form it is stored in."""
    bare = _FORM.sub("", f"-{name.rpartition('/')[2].lower()}")
    return re.sub(rf"[{_APART}]+", "-", bare).strip("-")


class Relatives:
    """Which known models are of which file and which family."""

    def __init__(self) -> None:
        self._of: dict[Hashable, OrderedDict[Key, None]] = {}
        self._traits: dict[Key, tuple[Hashable, ...]] = {}

    def add(self, key: Key, card: ModelCard) -> None:
        """Remember a model by what its card says now."""
        traits = _traits(card)
        if self._traits.get(key) == traits:
            return
        self.drop(key)
        self._traits[key] = traits
        for trait in traits:
            alike = self._of.setdefault(trait, OrderedDict())
            alike[key] = None

    def drop(self, key: Key) -> None:
        """Forget a model."""
        for trait in self._traits.pop(key, ()):
            alike = self._of[trait]
            del alike[key]
            if not alike:
                del self._of[trait]

    def find(self, key: Key, card: ModelCard) -> tuple[float, tuple[Key, ...]]:
        """Return the models this one seems to be, at most one a node, and how far that is trusted.

        Models on its own node are left out: nobody vouches for itself.
        """
        for trait in _traits(card):
            share = BY_FAMILY if isinstance(trait, Family) else BY_FILE
            if others := self._others(trait, key[0]):
                return share, others
        return 0.0, ()

    def _others(self, trait: Hashable, node: NodeId) -> tuple[Key, ...]:
        others: dict[NodeId, Key] = {}
        for other in reversed(self._of.get(trait, OrderedDict())):
            if other[0] != node:
                others.setdefault(other[0], other)
            if len(others) == _RELATIVES:
                break
        return tuple(others.values())


def expected(claimed: float, share: float, known: Sequence[Tally]) -> float:
    """Return the first guess of a rate: the claim, and the average of models it seems to be."""
    rates = [tally.mean() for tally in known if tally.asked >= ENOUGH]
    if not rates:
        return claimed
    return claimed + share * (sum(rates) / len(rates) - claimed)


def _traits(card: ModelCard) -> tuple[Hashable, ...]:
    """Return what a model may have in common with others, the surest first."""
    told = (card.artifact.digest if card.artifact else None, family(card))
    return tuple(trait for trait in told if trait is not None)
