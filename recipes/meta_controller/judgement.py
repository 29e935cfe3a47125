"""What predictions are worth on queries nobody learnt from, and intervals of differences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from modelnet.service.prediction.number import P_LEAST, Bools, Floats, Ints
from modelnet.testbed.bench.routing.score import hull_area

_RESAMPLES = 400
_PRICES = np.concatenate([[0.0], np.geomspace(0.002, 1.0, 30)])
"""Probability of a right answer that what the best single model costs is taken to be worth."""


class Interval(NamedTuple):
    """A difference and its 95 % interval, queries resampled in pairs."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Field:
    """What happened on `n` queries, and what models were known to cost."""

    right: Floats
    cost: Floats
    """`(n, m)`."""
    charge: Floats
    """`(m,)`, the mean known beforehand, in units of the best single model's."""

    @property
    def everyone(self) -> Floats:
        """Return weights by which every query counts once, `(n,)`."""
        return np.ones(len(self.right))


@dataclass(frozen=True, slots=True)
class Judged:
    """One predictor on a field, query by query."""

    field: Field
    loss: Floats
    """Log loss, `(n,)`, the mean over models."""
    right: Floats
    cost: Floats
    """Of the model chosen at every price, `(n, prices)`; the first price is nothing."""
    auc: float
    """Within a model, which queries it gets right; the mean over models."""

    @classmethod
    def of(cls, p: Floats, field: Field) -> Self:
        """Judge probabilities `(n, m)`."""
        bounded, y = np.clip(p, P_LEAST, 1.0 - P_LEAST), field.right
        loss = -(y * np.log(bounded) + (1.0 - y) * np.log(1.0 - bounded)).mean(axis=1)
        picked: Ints = np.stack([(p - price * field.charge).argmax(1) for price in _PRICES], 1)
        rows = np.arange(len(p))[:, None]
        each = [auc(p[:, k], y[:, k] > 0.5) for k in range(p.shape[1])]
        return cls(field, loss, y[rows, picked], field.cost[rows, picked], float(np.nanmean(each)))


def log_loss(judged: Judged, weights: Floats) -> float:
    """Return the mean log loss, queries weighed."""
    return float(np.average(judged.loss, weights=weights))


def accuracy(judged: Judged, weights: Floats) -> float:
    """Return the share of right answers in percent where the likeliest model is asked."""
    return 100.0 * float(np.average(judged.right[:, 0], weights=weights))


def area(judged: Judged, weights: Floats) -> float:
    """Return the area under the hull of single models and of the choices at every price."""
    field, share = judged.field, weights / weights.sum()
    singles = list(zip(share @ field.cost, share @ field.right, strict=True))
    ways = list(zip(share @ judged.cost, share @ judged.right, strict=True))
    dollars = field.cost.mean(axis=0)
    return hull_area([*singles, *ways], float(dollars.min()), float(dollars.max()))


MEASURES: dict[str, Callable[[Judged, Floats], float]] = {
    "log_loss": log_loss,
    "accuracy": accuracy,
    "hull_area": area,
}


def values(judged: Sequence[Judged]) -> dict[str, float]:
    """Return every measure, the mean over seeds."""
    everyone = judged[0].field.everyone
    means = {
        name: float(np.mean([measure(one, everyone) for one in judged]))
        for name, measure in MEASURES.items()
    }
    return means | {"auc": float(np.mean([one.auc for one in judged]))}


def gains(
    ours: Sequence[Judged], theirs: Sequence[Judged], rng: np.random.Generator
) -> dict[str, Interval]:
    """Return how much more we have than they of every measure, the mean over seeds."""
    n = len(ours[0].loss)
    drawn = [
        np.bincount(rng.integers(0, n, n), minlength=n).astype(float) for _ in range(_RESAMPLES)
    ]
    found: dict[str, Interval] = {}
    for name, measure in MEASURES.items():

        def gain(weights: Floats, measure: Callable[[Judged, Floats], float] = measure) -> float:
            mine, others = ([measure(one, weights) for one in side] for side in (ours, theirs))
            return float(np.mean(mine) - np.mean(others))

        low, high = np.quantile([gain(weights) for weights in drawn], [0.025, 0.975])
        found[name] = Interval(gain(ours[0].field.everyone), float(low), float(high))
    return found


def auc(p: Floats, is_right: Bools) -> float:
    """Return the area under the ROC curve; not a number where all are right, or none."""
    hits = int(is_right.sum())
    if hits in {0, len(p)}:
        return float("nan")
    ranks = p.argsort(kind="stable").argsort(kind="stable") + 1
    return float((ranks[is_right].sum() - hits * (hits + 1) / 2) / (hits * (len(p) - hits)))
