"""What is left of the accuracy when nodes come and go: every model online with some probability.

A way of answering is told which models are online for a query, and answers with those. Where none
is online nobody answers, and that is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol, Self, TypeAlias

import numpy as np

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import Table, trace
from modelnet.service.prediction.number import Bools, Floats, Ints, log_odds, ridge
from modelnet.testbed.bench.routing.score import Answered, choice

RATES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Probabilities that a model is online, each independent of all others and of other queries."""

Way: TypeAlias = Callable[[Bools], Answered]
"""Answers queries when `online (n, m)` says who is there."""
Pick: TypeAlias = Callable[[Floats, Bools], Ints]
"""Chooses models `(n,)` from probabilities before asking `(n, m)` and who is online `(n, m)`."""


class Outcomes(Protocol):
    """What models did on queries: a `Part` or a `Table`."""

    @property
    def right(self) -> Floats:
        """Verdicts, `(n, m)`."""
        ...

    @property
    def cost(self) -> Floats:
        """Dollars, `(n, m)`."""
        ...

    @property
    def latency_s(self) -> Floats | None:
        """Seconds, `(n, m)`, where they are known."""
        ...


_DRAWS = 8
_POOL = 10
_LARGEST = 3
_DEAREST = 2.0
"""Times the budget that a group may cost: what is saved elsewhere may pay for it."""
_HIGHEST_PRICE = 10.0
"""Probability of a right answer that the budget of a query is worth at most."""
_HALVINGS = 14
_VALUED = 3000
"""Queries at most on which groups are valued."""
_PENALTY = 50.0


def accuracies(
    ways: Mapping[str, Way],
    shape: tuple[int, int],
    rng: np.random.Generator,
    rates: Sequence[float] = RATES,
    draws: int = _DRAWS,
) -> dict[str, dict[str, float]]:
    """Return the accuracy in percent of every way, by its name and the rate, as "0.5".

    All ways meet the same draws, so that their differences are of the ways and not of luck.
    """
    measured: dict[str, dict[str, float]] = {name: {} for name in ways}
    for rate in rates:
        onlines = [rng.random(shape) < rate for _ in range(draws if rate < 1.0 else 1)]
        for name, way in ways.items():
            mean = np.mean([way(online).right.mean() for online in onlines])
            measured[name][f"{rate:.1f}"] = 100.0 * float(mean)
    return measured


def most_probable(before: Floats, online: Bools) -> Ints:
    """Return the model online that is most probably right; the first where none is."""
    return np.where(online, before, -1.0).argmax(axis=1)


def picking(table: Table, pick: Pick = most_probable) -> Way:
    """Return the way that asks the model that is picked."""
    return lambda online: _by_one(table, pick(table.before, online), online)


def ranked(table: Outcomes, order: Ints) -> Way:
    """Return the way that asks the first of an order of models that is online."""
    return lambda online: _by_one(table, order[online[:, order].argmax(axis=1)], online)


def alone(table: Outcomes, model: int) -> Way:
    """Return the way that asks one model, whether it is there or not."""
    return lambda online: _by_one(table, np.full(len(online), model), online)


@dataclass(frozen=True, slots=True)
class Panels:
    """Groups of models, what each is worth on a query, and a budget for all queries together.

    Several that agree lose less when the best is away than the second best alone; what is saved
    while a dear model is away pays for several others.
    """

    agreement: Agreement
    pool: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    worth: Floats
    """Weights of what is known before asking, `(1 + pool, groups)`."""
    cost: Floats
    """Expected of each group, dollars."""
    budget: float
    """Dollars a query on average."""

    @classmethod
    def fit(cls, agreement: Agreement, learnt: Table, budget: float) -> Self:
        """Value every model, and groups of the best that do not cost much more than the budget."""
        cost, right = learnt.cost.mean(axis=0), learnt.right.mean(axis=0)
        ranked = [int(m) for m in np.argsort(-right, kind="stable") if cost[m] <= budget]
        pool = tuple(ranked[:_POOL])
        together = (
            group
            for size in range(2, _LARGEST + 1)
            for group in combinations(pool, size)
            if cost[list(group)].sum() <= _DEAREST * budget
        )
        groups = (*((model,) for model in range(len(cost))), *together)
        rows = np.unique(np.linspace(0, len(learnt.right) - 1, _VALUED).astype(np.int64))
        some = learnt.rows(rows)
        outcomes = [trace((group,), agreement, some)[0].right for group in groups]
        known = _known(some.before, pool)
        penalty = np.full(known.shape[1], _PENALTY)
        penalty[0] = 0.05
        worth = ridge(known, np.stack(outcomes, axis=1), penalty)
        sums = np.array([cost[list(group)].sum() for group in groups])
        return cls(agreement, pool, groups, worth, sums, budget)

    @classmethod
    def proven(
        cls, agreement: Agreement, learnt: Table, budget: float, rng: np.random.Generator
    ) -> Self | None:
        """Return panels where they do better than the most probable model, else `None`.

        Valued on one half of what was learnt and tried on the other, at every rate.
        """
        half = rng.permutation(len(learnt.right)) % 2
        gain = 0.0
        for out in range(2):
            tried = learnt.rows(half == out)
            ways = {
                "panels": cls.fit(agreement, learnt.rows(half != out), budget).way(tried),
                "one": picking(tried),
            }
            seen = accuracies(ways, tried.right.shape, rng, draws=1)
            gain += sum(seen["panels"].values()) - sum(seen["one"].values())
        return cls.fit(agreement, learnt, budget) if gain > 0.0 else None

    def way(self, table: Table) -> Way:
        """Return the way that asks the group worth most, at a price, of which all are online.

        The price of money is the lowest at which the queries are expected to keep the budget.
        """
        steps = [trace((group,), self.agreement, table)[0] for group in self.groups]
        right, cost, latency_s = (
            np.stack([getattr(step, name) for step in steps], axis=1)
            for name in ("right", "cost", "latency_s")
        )
        has_times = table.latency_s is not None
        worth = _known(table.before, self.pool) @ self.worth

        def answer(online: Bools) -> Answered:
            is_open = np.stack([online[:, list(g)].all(axis=1) for g in self.groups], axis=1)
            picked = self._within_budget(np.where(is_open, worth, -np.inf))
            answered = choice(right, cost, latency_s if has_times else None, picked)
            return _if_there(answered, online.sum(axis=1) > 0)

        return answer

    def _within_budget(self, worth: Floats) -> Ints:
        low, high = 0.0, _HIGHEST_PRICE / max(self.budget, 1e-12)
        picked = worth.argmax(axis=1)
        if self.cost[picked].mean() <= self.budget:
            return picked
        for _ in range(_HALVINGS):
            price = (low + high) / 2.0
            picked = (worth - price * self.cost).argmax(axis=1)
            low, high = (low, price) if self.cost[picked].mean() <= self.budget else (price, high)
        return (worth - high * self.cost).argmax(axis=1)


def _known(before: Floats, pool: Sequence[int]) -> Floats:
    return np.concatenate([np.ones((len(before), 1)), log_odds(before[:, list(pool)])], axis=1)


def _by_one(table: Outcomes, picked: Ints, online: Bools) -> Answered:
    is_there = online[np.arange(len(picked)), picked]
    return _if_there(choice(table.right, table.cost, table.latency_s, picked), is_there)


def _if_there(answered: Answered, is_there: Bools) -> Answered:
    """Return answers of those who are there; who is not answers nothing, for nothing."""
    right, cost, latency_s = answered
    return Answered(
        np.where(is_there, right, 0.0),
        np.where(is_there, cost, 0.0),
        None if latency_s is None else np.where(is_there, latency_s, 0.0),
    )
