"""A few cascades, and which of them to run on a query.

The cascades are found by local search over orders; which of them is worth most on a query is
regressed on what the predictors say of its models.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import (
    Cascade,
    Charge,
    Judged,
    Order,
    Run,
    Table,
    judge,
    reached,
)
from modelnet.service.prediction.number import Floats, Ints, log_odds, ridge

_LEAST_GAIN = 5e-5
_STARTS = 4
_CHOICE_PENALTY = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is searched."""

    steps: int = 4
    """Models in an order at most."""
    cascades: int = 8
    """Kept to choose among for each query."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Cascades, and the regression of their values."""

    agreement: Agreement
    pool: tuple[int, ...]
    cascades: tuple[Cascade, ...]
    worth: Floats
    """`(signals, cascades)`."""

    def choose(self, before: Floats) -> Ints:
        """Return which cascade to run on each query, `(n,)`."""
        return (_signals(before, self.pool) @ self.worth).argmax(axis=1)

    def run(self, table: Table) -> Run:
        """Return what becomes of the queries of a table."""
        chosen = self.choose(table.before)
        runs = [cascade.run(self.agreement, table) for cascade in self.cascades]
        return Run(*(np.choose(chosen, field) for field in zip(*runs, strict=True)))


class Search:
    """Finds portfolios for several charges over the same table; what it traced is kept."""

    def __init__(
        self, agreement: Agreement, table: Table, pool: Sequence[int], limits: Limits
    ) -> None:
        """Search among orders of the models of a pool."""
        self._agreement = agreement
        self._table = table
        self._pool = tuple(pool)
        self._limits = limits
        self._before = log_odds(table.before)
        self._judged: dict[Order, Judged] = {}
        """By what has been asked so far: orders that begin alike share it."""

    def portfolio(self, charge: Charge) -> Portfolio:
        """Return the best cascades for a charge, and the choice among them."""
        values: dict[Order, tuple[Cascade, Floats]] = {}

        def worth(order: Order) -> float:
            if order not in values:
                values[order] = self._fitted(order, charge)
            return float(values[order][1].mean())

        singles: list[Order] = [((model,),) for model in self._pool]
        for start in sorted(singles, key=worth, reverse=True)[:_STARTS]:
            self._climb(start, worth)
        best = sorted(values, key=worth, reverse=True)
        kept = _unlike(best, self._limits.cascades)
        signals = _signals(self._table.before, self._pool)
        penalty = np.full(signals.shape[1], _CHOICE_PENALTY)
        penalty[0] = 0.05
        outcomes = np.stack([values[order][1] for order in kept], axis=1)
        return Portfolio(
            self._agreement,
            self._pool,
            tuple(values[order][0] for order in kept),
            ridge(signals, outcomes, penalty),
        )

    def _climb(self, order: Order, worth: Callable[[Order], float]) -> None:
        while True:
            better = max(self._neighbours(order), key=worth, default=order)
            if worth(better) <= worth(order) + _LEAST_GAIN:
                return
            order = better

    def _neighbours(self, order: Order) -> Iterator[Order]:
        """Yield orders with one model less, more or another, or two groups asked at once."""
        asked = {model for group in order for model in group}
        others = [model for model in self._pool if model not in asked]
        has_room = len(asked) < self._limits.steps
        for k, group in enumerate(order):
            if len(order) > 1:
                yield order[:k] + order[k + 1 :]
            for model in others:
                yield (*order[:k], (model,), *order[k + 1 :])
                if has_room:
                    yield (*order[:k], (model,), *order[k:])
            if k + 1 < len(order) and self._table.latency_s is not None:
                yield (*order[:k], group + order[k + 1], *order[k + 2 :])
        if has_room:
            yield from ((*order, (model,)) for model in others)

    def _fitted(self, order: Order, charge: Charge) -> tuple[Cascade, Floats]:
        judged: list[Judged] = []
        for k in range(len(order)):
            asked = order[: k + 1]
            if asked not in self._judged:
                self._judged[asked] = judge(reached(asked, self._agreement, self._table))
            judged.append(self._judged[asked])
        return Cascade.stopping(order, judged, self._before, charge)


def _unlike(orders: Sequence[Order], count: int) -> list[Order]:
    """Return the first orders that differ from each other in more than their tail."""
    kept: list[Order] = []
    for order in orders:
        members = {model for group in order for model in group}
        if all(
            order[0] != other[0] or len(members ^ {m for g in other for m in g}) >= 2
            for other in kept
        ):
            kept.append(order)
        if len(kept) == count:
            break
    return kept


def _signals(before: Floats, pool: Sequence[int]) -> Floats:
    p = before[:, list(pool)]
    odds = log_odds(p)
    return np.concatenate([np.ones((len(p), 1)), odds, odds.max(axis=1, keepdims=True), p], axis=1)
