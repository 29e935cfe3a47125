"""Baselines that ask several models: a learned cascade, three answers weighed, a race.

What an answer is worth by itself is a logistic regression on a linear prediction, its length and
its form; what several say together is a weighing by log-odds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product
from typing import NamedTuple, Self

import numpy as np

from modelnet.service.prediction.agreement import Agreement
from modelnet.service.prediction.cascade import Step, Table, trace
from modelnet.service.prediction.confidence import Answers, Confidence
from modelnet.service.prediction.design import Design
from modelnet.service.prediction.linear import Linear
from modelnet.service.prediction.log import OutcomeLog, Predictor
from modelnet.service.prediction.number import Floats
from modelnet.service.prediction.stack import Stack
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.score import Answered

_POOL = 8
_CHEAPNESS = 0.03
_THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98, 1.0)
_PAIRS_KEPT = 8
_RACERS = (3, 4)
_MARGIN = 0.005
"""Of many cascades that seem as good, the cheapest was lucky: it must seem better by this."""


def votes(train: Part, dev: Part, test: Part, rng: np.random.Generator) -> dict[str, Answered]:
    """Return what the baselines with several answers do on `test`; none where none are kept."""
    if train.answers is None or dev.answers is None or test.answers is None:
        return {}
    evidence = Evidence.fit(train, rng)
    known = [evidence.learnt, evidence.table(dev)]
    shown = evidence.table(test)
    answered = {
        "learned cascade": _cascade(evidence, known).answered(evidence.agreement, shown),
        "three answers": _three(evidence, known, shown),
    }
    if shown.latency_s is not None:
        answered["race"] = _race(evidence, known, shown)
    return answered


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was learnt of single answers and of several."""

    design: Design
    stack: Stack
    kinds: Predictor
    """Tells the domain of a query, as if each were a model."""
    confidence: Confidence
    agreement: Agreement
    learnt: Table
    """The part it was fitted on, each probability by predictors that had not seen the query."""
    best: int

    @classmethod
    def fit(cls, part: Part, rng: np.random.Generator) -> Self:
        """Learn from a part with answers."""
        design = Design.fit(part.surface)
        x = design.rows(part.surface, part.embedding)
        log = OutcomeLog(models=part.models, x=x, right=part.right, kinds=np.full(len(x), -1))
        stack = Stack.fit(log, rng, members=[Linear.fit])
        kinds = _kinds(part, x, rng)
        before, answers = stack.out_of_fold, _answers(part)
        confidence = Confidence.fit(before, kinds.p_right(x), answers, part.right)
        learnt = _table(part, before, confidence.p_right(before, kinds.p_right(x), answers))
        agreement = Agreement.fit(learnt.after, answers.distinct, part.right, rng)
        best = int(part.right.mean(axis=0).argmax())
        return cls(design, stack, kinds, confidence, agreement, learnt, best)

    def table(self, part: Part) -> Table:
        """Return what is predicted of another part, beside what happened."""
        x = self.design.rows(part.surface, part.embedding)
        before = self.stack.p_right(x)
        after = self.confidence.p_right(before, self.kinds.p_right(x), _answers(part))
        return _table(part, before, after)

    def cheap_and_good(self) -> list[int]:
        """Return the best model, and those with most right answers for their price."""
        right, cost = self.learnt.right.mean(axis=0), self.learnt.cost.mean(axis=0)
        relative = np.maximum(cost, 1e-9) / max(cost[self.best], 1e-9)
        ranked = np.argsort(-(right - _CHEAPNESS * np.log(relative)), kind="stable")
        others = [int(model) for model in ranked if model != self.best]
        return [self.best, *others[: _POOL - 1]]

    def good(self) -> list[int]:
        """Return the models with most right answers."""
        ranked = np.argsort(-self.learnt.right.mean(axis=0), kind="stable")
        return [int(model) for model in ranked[:_POOL]]


class Thresholds(NamedTuple):
    """A cascade as FrugalGPT has it: one model after another, until sure enough.

    Chen, Zaharia and Zou, "FrugalGPT", 2023.
    """

    order: tuple[int, ...]
    least: tuple[float, ...]
    """How sure each step but the last must be to be the last."""

    def answered(self, agreement: Agreement, table: Table) -> Answered:
        """Return what becomes of the queries of a table."""
        steps = trace(tuple((model,) for model in self.order), agreement, table)
        return stopped(steps, self.least, table.latency_s is not None)


def stopped(steps: Sequence[Step], least: Sequence[float], has_times: bool) -> Answered:
    """Return what becomes of queries if each stops at the first step that is sure enough."""
    n = len(steps[0].p)
    right, cost, latency_s = np.zeros(n), np.zeros(n), np.zeros(n)
    is_open = np.ones(n, dtype=np.bool_)
    for step, threshold in zip(steps, (*least, -1.0), strict=True):
        cost += np.where(is_open, step.cost, 0.0)
        latency_s += np.where(is_open, step.latency_s, 0.0)
        ends = is_open & (step.p >= threshold)
        right[ends] = step.right[ends]
        is_open &= ~ends
    return Answered(right, cost, latency_s if has_times else None)


def _cascade(evidence: Evidence, known: Sequence[Table]) -> Thresholds:
    """Return the cheapest cascade that is as good as the best single model; else that model."""
    wanted = float(np.concatenate([table.right[:, evidence.best] for table in known]).mean())
    wanted += _MARGIN
    cost = float(np.concatenate([table.cost[:, evidence.best] for table in known]).mean())
    pool = evidence.cheap_and_good()
    cheapest: dict[tuple[int, ...], tuple[float, Thresholds]] = {}
    for pair in permutations(pool, 2):
        cheapest[pair] = _cheapest(evidence.agreement, known, pair, wanted)
    promising = sorted(cheapest, key=lambda order: cheapest[order][0])[:_PAIRS_KEPT]
    for pair, third in product(promising, pool):
        if third not in pair:
            order = (*pair, third)
            cheapest[order] = _cheapest(evidence.agreement, known, order, wanted)
    best_cost, found = min(cheapest.values())
    return found if best_cost < cost else Thresholds((evidence.best,), ())


def _cheapest(
    agreement: Agreement, known: Sequence[Table], order: tuple[int, ...], wanted: float
) -> tuple[float, Thresholds]:
    groups = tuple((model,) for model in order)
    traces = zip(*(trace(groups, agreement, table) for table in known), strict=True)
    steps = [Step(*map(np.concatenate, zip(*pieces, strict=True))) for pieces in traces]
    found = np.inf, Thresholds(order, (1.0,) * (len(order) - 1))
    for least in product(_THRESHOLDS, repeat=len(order) - 1):
        answered = stopped(steps, least, has_times=False)
        if answered.right.mean() >= wanted and answered.cost.mean() < found[0]:
            found = float(answered.cost.mean()), Thresholds(order, least)
    return found


def _three(evidence: Evidence, known: Sequence[Table], shown: Table) -> Answered:
    """Return what the three models do that say most together."""

    def quality(group: tuple[int, ...]) -> float:
        steps = [trace((group,), evidence.agreement, table)[0] for table in known]
        return float(np.concatenate([step.right for step in steps]).mean())

    pool = evidence.good()
    best = max(combinations(pool, min(3, len(pool))), key=quality)
    step = trace((best,), evidence.agreement, shown)[0]
    return Answered(step.right, step.cost, None if shown.latency_s is None else step.latency_s)


def race(table: Table, group: Sequence[int]) -> Answered:
    """Return what becomes of queries asked of a group at once until two answers are equal.

    The second of the first two that agree ends the race; where none do, the first of the group
    is believed when all are there. All are paid.
    """
    latency_s = table.latency_s
    assert latency_s is not None  # noqa: S101
    members = list(group)
    rows = np.arange(len(table.right))
    ended = np.full(len(rows), np.inf)
    believed = np.full(len(rows), members[0])
    for one, other in combinations(members, 2):
        is_same = table.answers.distinct[:, one] == table.answers.distinct[:, other]
        both = np.where(is_same, np.maximum(latency_s[:, one], latency_s[:, other]), np.inf)
        believed = np.where(both < ended, one, believed)
        ended = np.minimum(ended, both)
    ended = np.where(np.isinf(ended), latency_s[:, members].max(axis=1), ended)
    return Answered(table.right[rows, believed], table.cost[:, members].sum(axis=1), ended)


def _race(evidence: Evidence, known: Sequence[Table], shown: Table) -> Answered:
    """Return the best race that is no slower than the best single model."""
    times = [table.latency_s for table in known if table.latency_s is not None]
    limit = float(np.concatenate(times)[:, evidence.best].mean())

    def quality(group: tuple[int, ...]) -> float:
        parts = [race(table, group) for table in known]
        slow = np.concatenate([part.latency_s for part in parts if part.latency_s is not None])
        right = float(np.concatenate([part.right for part in parts]).mean())
        return right if slow.mean() <= limit else right - 1.0

    return race(shown, max(_groups(evidence.good()), key=quality))


def _groups(pool: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for size in _RACERS:
        yield from combinations(pool, min(size, len(pool)))


def _kinds(part: Part, x: Floats, rng: np.random.Generator) -> Predictor:
    names = tuple(sorted(set(part.domains)))
    is_of = np.array(part.domains)[:, None] == np.array(names)
    log = OutcomeLog(models=names, x=x, right=is_of.astype(np.float64), kinds=np.full(len(x), -1))
    return Linear.fit(log, rng)


def _table(part: Part, before: Floats, after: Floats) -> Table:
    return Table(
        before=before,
        after=after,
        answers=_answers(part),
        right=part.right,
        cost=part.cost,
        latency_s=part.latency_s,
    )


def _answers(part: Part) -> Answers:
    assert part.answers is not None  # noqa: S101
    return part.answers
