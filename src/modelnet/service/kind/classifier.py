"""Multinomial logistic regression over hashed features, fitted by `recipes/task_kind`."""

import functools
import math
from array import array
from importlib import resources
from typing import NamedTuple

import msgspec

from modelnet.service.kind.feature import buckets
from modelnet.service.kind.posterior import TaskKind


class Weights(msgspec.Struct, frozen=True):
    """The fitted weights as they are packed: one column of signed bytes a kind."""

    kinds: tuple[str, ...]
    columns: tuple[bytes, ...]
    step: float
    """What one unit of a signed byte is worth, the temperature included."""
    biases: tuple[float, ...]


class _Classifier(NamedTuple):
    kinds: tuple[str, ...]
    columns: tuple["array[int]", ...]
    step: float
    biases: tuple[float, ...]


def classify(text: str) -> TaskKind:
    """Return how probable each kind of task is; any text will do, nothing is raised."""
    kinds, columns, step, biases = _packaged()
    places = buckets(text)
    scale = step / math.sqrt(len(places))
    logits = [
        bias + scale * sum(map(column.__getitem__, places))
        for column, bias in zip(columns, biases, strict=True)
    ]
    highest = max(logits)
    odds = [math.exp(logit - highest) for logit in logits]
    total = sum(odds)
    return TaskKind({kind: odd / total for kind, odd in zip(kinds, odds, strict=True)})


@functools.cache
def _packaged() -> _Classifier:
    packed = resources.files("modelnet.service.kind").joinpath("weights.msgpack").read_bytes()
    weights = msgspec.msgpack.decode(packed, type=Weights)
    columns = tuple(array("b", column) for column in weights.columns)
    return _Classifier(weights.kinds, columns, weights.step, weights.biases)
