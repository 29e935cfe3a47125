"""Multinomial logistic regression over hashed features, fitted by `recipes/task_kind`.

Plain `bytes` and `operator.itemgetter` hold and sum the weights: for a few hundred features that
is quicker than an array library, and needs none.
"""

import functools
import math
from importlib import resources
from operator import itemgetter

import msgspec

from modelnet.service.kind.feature import buckets
from modelnet.service.kind.posterior import TaskKind

ZERO = 128
"""The byte that stands for a weight of zero."""

_TEXTS_KEPT = 128
_LONGEST_KEPT = 2048
"""Characters. A task is read when it is asked, and again when its answer is judged."""


class Weights(msgspec.Struct, frozen=True):
    """The fitted weights: a column a kind, a byte a feature."""

    kinds: tuple[str, ...]
    columns: tuple[bytes, ...]
    step: float
    """What one unit of a byte is worth, the temperature included."""
    biases: tuple[float, ...]


def classify(text: str) -> TaskKind:
    """Return how probable each kind of task is; any text will do, nothing is raised."""
    return _once(text) if len(text) <= _LONGEST_KEPT else _classified(text)


def _classified(text: str) -> TaskKind:
    weights, places = _packaged(), buckets(text)
    picked = itemgetter(*places)
    zero, scale = ZERO * len(places), weights.step / math.sqrt(len(places))
    logits = [
        bias + scale * (sum(picked(column)) - zero)
        for column, bias in zip(weights.columns, weights.biases, strict=True)
    ]
    highest = max(logits)
    odds = [math.exp(logit - highest) for logit in logits]
    total = sum(odds)
    return TaskKind({kind: odd / total for kind, odd in zip(weights.kinds, odds, strict=True)})


_once = functools.lru_cache(_TEXTS_KEPT)(_classified)


@functools.cache
def _packaged() -> Weights:
    packed = resources.files("modelnet.service.kind").joinpath("weights.msgpack").read_bytes()
    return msgspec.msgpack.decode(packed, type=Weights)
