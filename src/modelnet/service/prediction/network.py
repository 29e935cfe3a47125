"""Small networks: one hidden layer for all models together, an output each.

With a layer that is linear and narrow this is a multidimensional item response model whose
abilities are regressed on the query, or a matrix factorisation with side information; with a wide
one that bends it is a perceptron.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.number import Bools, Floats, log_odds, sigmoid

_Singles = NDArray[np.float32]

_BATCH = 128
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 1e-3
_DROPPED_INPUTS, _DROPPED_HIDDEN = 0.15, 0.3
_DECAY_MEAN, _DECAY_SQUARE = 0.9, 0.99
_QUERIES_SHOWN = 60_000
_LEAST_EPOCHS, _MOST_EPOCHS = 15, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a network looks, and how many are averaged."""

    hidden: int
    is_linear: bool = False
    members: int = 1


PERCEPTRON = Shape(hidden=64, members=4)
ITEM_RESPONSE = Shape(hidden=8, is_linear=True, members=2)


@dataclass(frozen=True, slots=True)
class _Layers:
    """`hidden = bend(x @ inward + shift)`, `log-odds = hidden @ outward + bias`."""

    inward: Floats
    shift: Floats
    outward: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Networks:
    """The mean of a few networks that start from different weights."""

    shape: Shape
    members: tuple[_Layers, ...]

    @classmethod
    def fit(cls, log: OutcomeLog, rng: np.random.Generator, shape: Shape = PERCEPTRON) -> Self:
        """Learn from a log by Adam with dropout and decoupled weight decay."""
        return cls(shape, tuple(_trained(log, rng, shape) for _ in range(shape.members)))

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        picked = columns(models)
        each = [
            sigmoid(_hidden(x, net, self.shape) @ net.outward[:, picked] + net.bias[picked])
            for net in self.members
        ]
        return np.mean(each, axis=0)


def item_response(log: OutcomeLog, rng: np.random.Generator) -> Networks:
    """Fit the linear, narrow network."""
    return Networks.fit(log, rng, ITEM_RESPONSE)


def _hidden(x: Floats, net: _Layers, shape: Shape) -> Floats:
    sums = x @ net.inward + net.shift
    return sums if shape.is_linear else np.maximum(sums, 0.0)


def _trained(log: OutcomeLog, rng: np.random.Generator, shape: Shape) -> _Layers:
    n, d = log.x.shape
    m = len(log.models)
    # What stays of a dropped-out input is scaled up here, once.
    x = (log.x / (1.0 - _DROPPED_INPUTS)).astype(np.float32)
    verdicts, asked = np.nan_to_num(log.right).astype(np.float32), log.asked.astype(np.float32)
    descent = _Adam(
        [
            rng.normal(0.0, d**-0.5, (d, shape.hidden)),
            np.zeros(shape.hidden),
            rng.normal(0.0, 0.01, (shape.hidden, m)),
            log_odds(log.means),
        ]
    )
    epochs = int(np.clip(_QUERIES_SHOWN // n, _LEAST_EPOCHS, _MOST_EPOCHS))
    batches = -(-n // _BATCH)
    for epoch in range(epochs):
        order = rng.permutation(n)
        for batch in range(batches):
            progress = (epoch * batches + batch) / (epochs * batches)
            rate = _LEARNING_RATE * 0.5 * (1.0 + math.cos(math.pi * progress))
            picked = order[batch * _BATCH : (batch + 1) * _BATCH]
            slopes = _slopes(
                descent.weights, x[picked], verdicts[picked], asked[picked], rng, shape
            )
            descent.step(slopes, rate)
    return _Layers(*(w.astype(np.float64) for w in descent.weights))


def _slopes(
    weights: Sequence[_Singles],
    x: _Singles,
    verdicts: _Singles,
    asked: _Singles,
    rng: np.random.Generator,
    shape: Shape,
) -> list[_Singles]:
    """Return the gradient of the mean log-loss over a batch, with dropout."""
    inward, shift, outward, bias = weights
    x = x * _mask(rng, x.shape, _DROPPED_INPUTS)
    sums = x @ inward + shift
    is_on = _mask(rng, sums.shape, _DROPPED_HIDDEN)
    if not shape.is_linear:
        is_on &= sums > 0
    kept = is_on * np.float32(1.0 / (1.0 - _DROPPED_HIDDEN))
    hidden = sums * kept
    odds: _Singles = np.exp(np.clip(hidden @ outward + bias, -30, 30))
    # The gradient of the log-loss at the last sums: probability less verdict.
    error = np.multiply(odds / (1.0 + odds) - verdicts, asked / len(x), dtype=np.float32)
    inner = (error @ outward.T) * kept
    return [x.T @ inner, inner.sum(axis=0), hidden.T @ error, error.sum(axis=0)]


def _mask(rng: np.random.Generator, shape: tuple[int, ...], dropped: float) -> Bools:
    """Return what is kept, drawn from bytes: fine enough, and quicker than from numbers."""
    drawn = np.frombuffer(rng.bytes(math.prod(shape)), dtype=np.uint8).reshape(shape)
    return drawn >= round(256 * dropped)


class _Adam:
    """Adam (Kingma and Ba, 2015) with decoupled decay of the matrices, in place."""

    def __init__(self, weights: Sequence[Floats]) -> None:
        self._flat = np.concatenate([w.ravel() for w in weights]).astype(np.float32)
        ends = np.cumsum([w.size for w in weights])[:-1]
        parts = np.split(self._flat, ends)
        self.weights = [part.reshape(w.shape) for part, w in zip(parts, weights, strict=True)]
        """Views of what is learnt."""
        self._mean, self._square = np.zeros_like(self._flat), np.zeros_like(self._flat)
        self._steps = 0

    def step(self, slopes: Sequence[_Singles], rate: float) -> None:
        self._steps += 1
        slope = np.concatenate([part.ravel() for part in slopes])
        self._mean += (1.0 - _DECAY_MEAN) * (slope - self._mean)
        slope *= slope
        self._square += (1.0 - _DECAY_SQUARE) * (slope - self._square)
        for weight in self.weights:
            if weight.ndim == 2:
                np.multiply(weight, 1.0 - rate * _WEIGHT_DECAY, out=weight)
        scale = np.sqrt(self._square)
        scale *= (1.0 - _DECAY_SQUARE**self._steps) ** -0.5
        scale += 1e-8
        np.divide(self._mean, scale, out=scale)
        scale *= rate / (1.0 - _DECAY_MEAN**self._steps)
        self._flat -= scale
