"""Cascades: ask one group of models after another, and stop when asking on is not worth it.

Where to stop is an optimal stopping problem, solved backwards over the steps by regression of the
value of going on upon what is known (Longstaff and Schwartz 2001, there for options). The value of
an outcome is the probability of a right answer less a charge for what it cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.confidence import Answers
from modelnet.service.prediction.number import Floats, Ints, log_odds, logistic, ridge, sigmoid

Order = tuple[tuple[int, ...], ...]
"""Groups of models, asked one after another; the models of a group are asked at once."""

_PENALTY = 5.0
_CALIBRATION_PENALTY = np.array([5.0, 5.0, 10.0])
_TRUST = 0.5
"""Share of a value that is predicted; the rest is what happened: less noise, some bias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that models did on `n` queries, asked or not: cascades are run over it."""

    before: Floats
    """Probability of a right answer before asking, `(n, m)`."""
    after: Floats
    """And once the answer is seen, `(n, m)`."""
    answers: Answers
    right: Floats
    """Verdicts, `(n, m)`."""
    cost: Floats
    """Dollars, `(n, m)`."""
    latency_s: Floats | None = None

    def rows(self, which: np.ndarray) -> "Table":
        """Return the table of some of the queries."""
        return Table(
            before=self.before[which],
            after=self.after[which],
            answers=self.answers.rows(which),
            right=self.right[which],
            cost=self.cost[which],
            latency_s=None if self.latency_s is None else self.latency_s[which],
        )


class Charge(NamedTuple):
    """What probability of a right answer a dollar and a second are worth."""

    per_dollar: float
    per_second: float = 0.0


class Step(NamedTuple):
    """What is known and spent when a group has answered, each array `(n,)`."""

    p: Floats
    runner_up: Floats
    right: Floats
    cost: Floats
    """Of this group alone."""
    latency_s: Floats

    def charged(self, charge: Charge) -> Floats:
        """Return what the step costs in probability."""
        return charge.per_dollar * self.cost + charge.per_second * self.latency_s


class Judged(NamedTuple):
    """A step, and how sure it is, each array `(n,)` but one."""

    step: Step
    calibration: Floats
    """Constant, weight of the log-odds, weight of the runner-up's."""
    sure: Floats
    odds: Floats
    """The log-odds of `sure`."""
    rival: Floats
    """The log-odds of the runner-up."""


class Run(NamedTuple):
    """What became of queries, each array `(n,)`."""

    right: Floats
    predicted: Floats
    cost: Floats
    latency_s: Floats
    groups: Ints
    """Groups that were asked."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """An order of groups, how sure each step is, and when it stops."""

    order: Order
    calibration: tuple[Floats, ...]
    """One a step; see `Judged`."""
    going_on: tuple[Floats, ...]
    """One a step but the last: weights of the expected value of asking the next group."""

    @classmethod
    def fit(
        cls, order: Order, agreement: Agreement, table: Table, charge: Charge
    ) -> tuple[Self, Floats]:
        """Return the cascade, and what it was worth on each query of the table, `(n,)`."""
        judged = [judge(step) for step in trace(order, agreement, table)]
        return cls.stopping(order, judged, log_odds(table.before), charge)

    @classmethod
    def stopping(
        cls, order: Order, judged: Sequence[Judged], before: Floats, charge: Charge
    ) -> tuple[Self, Floats]:
        """Return the cascade with the stops that a charge makes best, and its values `(n,)`.

        `before (n, m)` are the log-odds of a right answer before asking.
        """
        value = _value(judged[-1])
        going_on: list[Floats] = []
        for k in range(len(judged) - 2, -1, -1):
            known = _known(judged[k], before, order[k + 1 :])
            later = value - judged[k + 1].step.charged(charge)
            penalty = np.full(int(known.shape[1]), _PENALTY)
            penalty[0] = 0.05
            weights = ridge(known, later, penalty)
            going_on.insert(0, weights)
            value = np.where(judged[k].sure >= known @ weights, _value(judged[k]), later)
        calibration = tuple(step.calibration for step in judged)
        cascade = cls(order, calibration, tuple(going_on))
        return cascade, value - judged[0].step.charged(charge)

    def run(self, agreement: Agreement, table: Table) -> Run:
        """Return what becomes of the queries of a table."""
        steps = trace(self.order, agreement, table)
        before = log_odds(table.before)
        n = len(before)
        is_open = np.ones(n, dtype=np.bool_)
        right, predicted = np.zeros(n), np.zeros(n)
        cost, latency_s = np.zeros(n), np.zeros(n)
        groups = np.zeros(n, dtype=np.int64)
        for k, step in enumerate(steps):
            cost[is_open] += step.cost[is_open]
            latency_s[is_open] += step.latency_s[is_open]
            groups[is_open] += 1
            judged = judge(step, self.calibration[k])
            ends = is_open.copy()
            if k < len(self.going_on):
                known = _known(judged, before, self.order[k + 1 :])
                ends &= judged.sure >= known @ self.going_on[k]
            right[ends], predicted[ends] = step.right[ends], judged.sure[ends]
            is_open &= ~ends
        return Run(right, predicted, cost, latency_s, groups)


def trace(order: Order, agreement: Agreement, table: Table) -> list[Step]:
    """Return what would be known after every group of an order if none was a stop."""
    return [reached(order[: k + 1], agreement, table) for k in range(len(order))]


def reached(order: Order, agreement: Agreement, table: Table) -> Step:
    """Return what is known when all groups of an order have answered."""
    asked = [model for group in order for model in group]
    members = list(order[-1])
    rows = np.arange(len(table.before))
    p, runner_up, leader = agreement.opinion(table.after, table.answers.distinct, asked)
    waited = np.zeros(len(rows))
    if table.latency_s is not None:
        waited = table.latency_s[:, members].max(axis=1)
    cost = table.cost[:, members].sum(axis=1)
    return Step(p, runner_up, table.right[rows, leader], cost, waited)


def judge(step: Step, calibration: Floats | None = None) -> Judged:
    """Return how sure a step is, by a calibration or one that is fitted on the step itself."""
    has_rival = (step.runner_up > 0.0).astype(np.float64)
    rival = log_odds(step.runner_up)
    opinion = np.stack([np.ones_like(step.p), log_odds(step.p), rival * has_rival], axis=1)
    if calibration is None:
        prior = np.array([0.0, 1.0, 0.0])
        calibration = logistic(opinion, step.right, _CALIBRATION_PENALTY, prior)
    sure = sigmoid(opinion @ calibration)
    return Judged(step, calibration, sure, log_odds(sure), rival)


def _value(judged: Judged) -> Floats:
    return _TRUST * judged.sure + (1.0 - _TRUST) * judged.step.right


def _known(judged: Judged, before: Floats, rest: Order) -> Floats:
    """Return what the value of going on is regressed on, `(n, 10)`."""
    left = before[:, [model for group in rest for model in group]]
    best, following = left.max(axis=1), left[:, : len(rest[0])].max(axis=1)
    now, sure = judged.odds, judged.sure
    parts = [
        np.ones_like(now),
        now,
        now**2,
        best,
        following,
        now * best,
        judged.rival,
        np.maximum(best - now, 0.0),
        sure,
        sure**2,
    ]
    return np.stack(parts, axis=1)
