"""What a way of answering is worth: accuracy, cost and latency, and intervals of differences."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from modelnet.core.error import InvalidRequestError
from modelnet.service.prediction.number import Floats

_RESAMPLES = 2000
_AT_ONCE = 100
"""Resamples, so that memory is bounded."""
_GRID = 4001


class Answered(NamedTuple):
    """What became of `n` queries, each array `(n,)`."""

    right: Floats
    cost: Floats
    """Dollars."""
    latency_s: Floats | None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A way of answering, beside the best single model on the same queries."""

    accuracy: float
    """Percent."""
    cost: float
    """Dollars for 1,000 queries."""
    latency_s: float | None
    """Mean; `None` where the data have no times."""
    delta: float
    """Points of accuracy more than the best single model."""
    ci95: tuple[float, float]
    """Of `delta`, by resampling queries in pairs."""
    cost_change: float
    """A fraction of the best single model's."""
    latency_change: float | None


def joined(parts: Sequence[Answered]) -> Answered:
    """Return what became of the queries of all parts."""
    times = [part.latency_s for part in parts if part.latency_s is not None]
    return Answered(
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.cost for part in parts]),
        np.concatenate(times) if len(times) == len(parts) else None,
    )


def point(ours: Answered, best: Answered, rng: np.random.Generator) -> Point:
    """Compare a way of answering with the best single model, query by query."""
    gain = 100.0 * (ours.right - best.right)
    latency_change = None
    if ours.latency_s is not None and best.latency_s is not None:
        latency_change = _change(ours.latency_s, best.latency_s)
    return Point(
        accuracy=100.0 * float(ours.right.mean()),
        cost=1000.0 * float(ours.cost.mean()),
        latency_s=None if ours.latency_s is None else float(ours.latency_s.mean()),
        delta=float(gain.mean()),
        ci95=interval(gain, rng),
        cost_change=_change(ours.cost, best.cost),
        latency_change=latency_change,
    )


def interval(values: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % interval of a mean by the percentile bootstrap."""
    means = [
        values[rng.integers(0, len(values), (_AT_ONCE, len(values)))].mean(axis=1)
        for _ in range(_RESAMPLES // _AT_ONCE)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def hull(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the upper convex hull of (cost, quality), never falling, cheapest first."""
    kept: list[tuple[float, float]] = []
    for cost, quality in sorted(points, key=lambda point: (point[0], -point[1])):
        if kept and quality <= kept[-1][1]:
            continue
        while len(kept) > 1 and _slope(kept[-2], kept[-1]) <= _slope(kept[-2], (cost, quality)):
            kept.pop()
        kept.append((cost, quality))
    return kept


def hull_area(points: Iterable[tuple[float, float]], low: float, high: float) -> float:
    """Return the mean quality of the hull over costs from `low` to `high`, evenly weighed.

    Between two points of a hull lies what is had by choosing one of them by lot. This is the
    average improvement in quality of RouterBench (Hu et al., 2024).
    """
    costs, qualities = zip(*hull(points), strict=True)
    return float(np.interp(np.linspace(low, high, _GRID), costs, qualities).mean())


def apgr(weak: Floats, strong: Floats, preference: Floats) -> float:
    """Return the average performance gap recovered (RouteLLM, Ong et al., 2024).

    `preference (n,)` says how much a query wants the strong model; the strong one answers a
    growing share of the queries, those that want it most. 0.5 is what a lot gives; more than 1 is
    possible, where the strong model is wrong on what the weak one can.

    Raises:
        InvalidRequestError: the strong model is no better, so that there is no gap to recover.
    """
    if not strong.mean() > weak.mean():
        raise InvalidRequestError("A gap is recovered only where the strong model is better.")
    order = np.argsort(-preference, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((strong - weak)[order])])
    shares = np.linspace(0.0, 1.0, len(gained))
    return float(np.trapezoid(gained / gained[-1], shares))


def choice(right: Floats, cost: Floats, latency_s: Floats | None, picked: np.ndarray) -> Answered:
    """Return what becomes of queries of which each is answered by one model, `picked (n,)`."""
    rows = np.arange(len(picked))
    return Answered(
        right[rows, picked],
        cost[rows, picked],
        None if latency_s is None else latency_s[rows, picked],
    )


def frontier(answered: Sequence[Answered]) -> list[tuple[float, float]]:
    """Return mean cost and quality of several ways of answering."""
    return [(float(way.cost.mean()), float(way.right.mean())) for way in answered]


def _change(ours: Floats, best: Floats) -> float:
    """Return the change of a mean as a fraction; from nothing to nothing there is none."""
    before, after = float(best.mean()), float(ours.mean())
    if before == 0.0:
        return 0.0 if after == 0.0 else math.inf
    return after / before - 1.0


def _slope(one: tuple[float, float], other: tuple[float, float]) -> float:
    return (other[1] - one[1]) / max(other[0] - one[0], 1e-15)
