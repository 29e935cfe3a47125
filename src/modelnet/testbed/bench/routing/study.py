"""Our router on one set: fitted on one part, its operating points chosen on another.

What is chosen: which charges for money and time give the points that are reported. What is then
reported comes from a third part that had no say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import Charge, Run, Table
from modelnet.service.prediction.confidence import Answers, Confidence
from modelnet.service.prediction.design import Design
from modelnet.service.prediction.log import OutcomeLog, Predictor
from modelnet.service.prediction.number import Floats, Ints
from modelnet.service.prediction.portfolio import Limits, Portfolio, Search
from modelnet.service.prediction.stack import Stack
from modelnet.service.prediction.table import KindClassifier, KindTable
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.score import Answered, joined

PointName = Literal["equal_cost", "equal_accuracy", "balanced"]
POINTS: tuple[PointName, ...] = ("equal_cost", "equal_accuracy", "balanced")

_PER_COST = (0.004, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.055, 0.06, 0.065, 0.075, 0.1, 0.2, 0.4)
"""Probability of a right answer that what the best single model costs is worth."""
_PER_LATENCY = (0.0, 0.01, 0.03)
"""The same for the time it takes."""
_WORST_GAP = 0.35
_DEAREST = 1.3
_CHEAPNESS = 0.03
_POOL = 12
_COST_MARGIN = 0.98
"""Costs differ from part to part: "no more cost" is aimed at with a little room."""
_STEPS = 4
_MANY = 1000
"""With fewer queries than these, orders are one model shorter."""
_NEARLY = 0.25
"""Gains that differ by less than this part of a standard error differ by luck."""
_DEVIATIONS = 1.645
"""One-sided, 95 %."""
_POINT_PER_CHANGE = 0.015
"""In the balanced point the whole cost, or the whole time, is worth so much probability."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that was learnt of one set."""

    design: Design
    stack: Stack
    kinds: KindClassifier
    confidence: Confidence
    agreement: Agreement
    best_single: int
    learnt: Table
    """The outcomes it was fitted on, with probabilities by predictors that had not seen them."""
    plan: "Plan"
    portfolios: tuple[Portfolio, ...]
    """One a charge."""

    @classmethod
    def fit(cls, part: Part, rng: np.random.Generator) -> Self:
        """Learn from one part."""
        design = Design.fit(part.surface)
        log = _log(part, design)
        stack = Stack.fit(log, rng)
        kinds = _classifier(stack.members)
        learnt, confidence = _learnt(part, log, stack)
        best = int(log.means.argmax())
        steps = _STEPS if len(part.right) > _MANY else _STEPS - 1
        plan = Plan(tuple(_pool(part)), tuple(charges(part, best)), Limits(steps=steps))
        agreement, portfolios = plan.searched(learnt, rng)
        return cls(design, stack, kinds, confidence, agreement, best, learnt, plan, portfolios)

    def table(self, part: Part) -> Table:
        """Return what is predicted of another part, beside what happened."""
        x = self.design.rows(part.surface, part.embedding)
        before, answers = self.stack.p_right(x), answers_of(part)
        after = self.confidence.p_right(before, self.kinds.posterior(x), answers)
        return _table(part, before, after, answers)

    def runs(self, table: Table) -> list[Run]:
        """Return what becomes of the queries at every charge."""
        return [portfolio.run(table) for portfolio in self.portfolios]

    def alone(self, table: Table) -> Run:
        """Return what becomes of the queries where the best single model answers all."""
        one, groups = self.best_single, np.ones(len(table.right), dtype=np.int64)
        latency_s = np.zeros(len(groups)) if table.latency_s is None else table.latency_s[:, one]
        return Run(table.right[:, one], table.before[:, one], table.cost[:, one], latency_s, groups)

    def unseen(self, rng: np.random.Generator) -> tuple[list[Run], Answered]:
        """Return what becomes of the queries it was fitted on, by cascades that had not seen them.

        Beside it the best single model, chosen likewise. Cascades are searched on one half and
        followed on the other: the best of thousands of orders looks better than it is on the
        queries it was found with, and so does the best of fifty models.
        """
        half = rng.permutation(len(self.learnt.right)) % 2
        runs: list[list[Run]] = []
        best: list[Answered] = []
        for out in range(2):
            seen, table = self.learnt.rows(half != out), self.learnt.rows(half == out)
            _, portfolios = self.plan.searched(seen, rng)
            runs.append([portfolio.run(table) for portfolio in portfolios])
            best.append(_single(table, int(np.nanmean(seen.right, axis=0).argmax())))
        order = np.argsort(np.argsort(half, kind="stable"))
        together = [_reordered(_together(pair), order) for pair in zip(*runs, strict=True)]
        return together, _rows(joined(best), order)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched: models, charges, and how far."""

    pool: tuple[int, ...]
    charges: tuple[Charge, ...]
    limits: Limits

    def searched(
        self, table: Table, rng: np.random.Generator
    ) -> tuple[Agreement, tuple[Portfolio, ...]]:
        """Return how answers weigh together, and a portfolio a charge."""
        distinct = table.answers.distinct
        agreement = Agreement.fit(table.after, distinct, table.right, rng, self.pool)
        search = Search(agreement, table, self.pool, self.limits)
        return agreement, tuple(search.portfolio(charge) for charge in self.charges)


@dataclass(frozen=True, slots=True)
class Study:
    """What our router did on queries it had no say in."""

    runs: tuple[Run, ...]
    """At every charge."""
    points: dict[PointName, Run]
    """At the charges that were chosen."""
    best: Answered
    """The best single model, chosen with the rest."""
    best_model: str
    table: Table
    """What was predicted of the queries, beside what happened."""
    fitted: Fitted


def study(train: Part, dev: Part, test: Part, rng: np.random.Generator) -> Study:
    """Fit on `train`, choose on both, fit once more on both, and tell what happens on `test`."""
    first = Fitted.fit(train, rng)
    on_dev = first.table(dev)
    unseen, best = first.unseen(rng)
    runs = [_together(pair) for pair in zip(unseen, first.runs(on_dev), strict=True)]
    chosen = _chosen(runs, joined([best, _single(on_dev, first.best_single)]))
    final = Fitted.fit(train.joined(dev), rng)
    table = final.table(test)
    shown = final.runs(table)
    return Study(
        runs=tuple(shown),
        points={
            name: final.alone(table) if place is None else shown[place]
            for name, place in chosen.items()
        },
        best=_single(table, final.best_single),
        best_model=test.models[final.best_single],
        table=table,
        fitted=final,
    )


def charges(part: Part, best: int) -> list[Charge]:
    """Return the charges that are tried, in units of what the best single model costs."""
    dollars = float(part.cost[:, best].mean()) or float(part.cost.mean()) or 1.0
    if part.latency_s is None:
        return [Charge(worth / dollars) for worth in _PER_COST]
    seconds = float(part.latency_s[:, best].mean()) or 1.0
    return [Charge(worth / dollars, slow / seconds) for slow in _PER_LATENCY for worth in _PER_COST]


def answers_of(part: Part) -> Answers:
    """Return the answers of a part; where none are recorded, no two are alike."""
    if part.answers is not None:
        return part.answers
    n, m = part.right.shape
    alone = np.tile(np.arange(m, dtype=np.int64), (n, 1))
    return Answers(distinct=alone, form=np.zeros((n, m), dtype=np.int64))


def _log(part: Part, design: Design) -> OutcomeLog:
    names = sorted(set(part.domains))
    return OutcomeLog(
        models=part.models,
        x=design.rows(part.surface, part.embedding),
        right=part.right,
        kinds=np.array([names.index(domain) for domain in part.domains]),
        n_surface=part.surface.shape[1],
    )


def _learnt(part: Part, log: OutcomeLog, stack: Stack) -> tuple[Table, Confidence]:
    """Return the part's own table, every probability of a query from fits without it."""
    before, answers = stack.out_of_fold, answers_of(part)
    kinds = np.zeros((len(log.x), max(1, log.n_kinds)))
    for fold, members in enumerate(stack.fold_members):
        is_out = stack.folds == fold
        posterior = _classifier(members).posterior(log.x[is_out])
        kinds[is_out, : posterior.shape[1]] = posterior
    after = np.zeros_like(before)
    for fold in np.unique(stack.folds):
        is_out = stack.folds == fold
        fitted = Confidence.fit(
            before[~is_out], kinds[~is_out], answers.rows(~is_out), log.right[~is_out]
        )
        after[is_out] = fitted.p_right(before[is_out], kinds[is_out], answers.rows(is_out))
    confidence = Confidence.fit(before, kinds, answers, log.right)
    return _table(part, before, after, answers), confidence


def _classifier(members: Sequence[Predictor]) -> KindClassifier:
    """Return what tells the kind of a query; the stack's table has fitted it."""
    return next(member.classifier for member in members if isinstance(member, KindTable))


def _table(part: Part, before: Floats, after: Floats, answers: Answers) -> Table:
    return Table(
        before=before,
        after=after,
        answers=answers,
        right=part.right,
        cost=part.cost,
        latency_s=part.latency_s,
    )


def _pool(part: Part) -> list[int]:
    """Return the models that cascades are made of: good ones, and cheap ones not much worse."""
    right, cost = part.right.mean(axis=0), part.cost.mean(axis=0)
    best = int(right.argmax())
    worth = right - _CHEAPNESS * np.log(np.maximum(cost, 1e-9) / max(cost[best], 1e-9))
    is_able = (right >= right[best] - _WORST_GAP) & (cost <= _DEAREST * cost[best])
    ranked = [int(model) for model in np.argsort(-worth) if is_able[model]]
    return sorted({best, *ranked[:_POOL]})


def _chosen(runs: Sequence[Run], best: Answered) -> dict[PointName, int | None]:
    """Return which charge gives each point, by what happened on the parts one may look at.

    "Equal cost" does no harm: where no gain is above zero by more than luck it is `None`, and the
    best single model answers.
    """
    gain = _gains(runs, best)
    spent = np.array([run.cost.mean() for run in runs])
    cost = spent / (best.cost.mean() or 1.0)
    latency = np.ones(len(runs))
    if best.latency_s is not None:
        latency = np.array([run.latency_s.mean() for run in runs]) / best.latency_s.mean()
    errors = np.array([(run.right - best.right).std() for run in runs]) / len(best.right) ** 0.5
    error = float(errors.max())
    is_good = gain >= _NEARLY * error
    is_sure = (cost <= _COST_MARGIN) & (gain > _DEVIATIONS * errors)
    most = float(np.max(gain, where=is_sure, initial=-1.0))
    is_best = is_sure & (gain >= most - _NEARLY * error)
    balance: Floats = gain - _POINT_PER_CHANGE * (cost + latency) - (gain < 0.0)
    return {
        "equal_cost": int(np.where(is_best, -cost - latency, -np.inf).argmax())
        if is_best.any()
        else None,
        "equal_accuracy": int(np.where(is_good, -cost, -np.inf).argmax()),
        "balanced": int(balance.argmax()),
    }


def _gains(runs: Sequence[Run], best: Answered) -> Floats:
    """Return how much more often each run is right than the best single model.

    What happened tells by how much all runs are; which are better than others, what was predicted
    tells with far less noise.
    """
    happened = np.array([run.right.mean() for run in runs])
    predicted = np.array([run.predicted.mean() for run in runs])
    return predicted + float((happened - predicted).mean()) - float(best.right.mean())


def _single(table: Table, model: int) -> Answered:
    latency = None if table.latency_s is None else table.latency_s[:, model]
    return Answered(table.right[:, model], table.cost[:, model], latency)


def _together(runs: Sequence[Run]) -> Run:
    return Run(*(np.concatenate(field) for field in zip(*runs, strict=True)))


def _reordered(run: Run, order: Ints) -> Run:
    return Run(
        run.right[order],
        run.predicted[order],
        run.cost[order],
        run.latency_s[order],
        run.groups[order],
    )


def _rows(answered: Answered, order: Ints) -> Answered:
    right, cost, latency_s = answered
    return Answered(right[order], cost[order], None if latency_s is None else latency_s[order])
