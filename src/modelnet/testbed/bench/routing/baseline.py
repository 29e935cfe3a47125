"""What routers are measured against: every baseline on one set, in one run.

Each is fitted on `train`; where something is chosen (how many neighbours, a price, a threshold, a
group) it is chosen on what `train` and `dev` show. What cannot be had of a set is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modelnet.service.prediction.design import Design
from modelnet.service.prediction.linear import Linear
from modelnet.service.prediction.log import Fit, OutcomeLog
from modelnet.service.prediction.network import Networks, item_response
from modelnet.service.prediction.number import Floats, Ints
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.linucb import LinUCB, projection
from modelnet.testbed.bench.routing.online import alone, ranked
from modelnet.testbed.bench.routing.score import Answered, choice
from modelnet.testbed.bench.routing.vote import votes

_PREDICTORS: dict[str, Fit] = {
    "linear": Linear.fit,
    "mlp": Networks.fit,
    "matrix factorisation": item_response,
}
_NEIGHBOURS = (20, 50, 100, 200, 400)
_DOMAIN_SHRINKAGE = 10.0
_PRICES = (0.0, *np.geomspace(0.003, 0.3, 14))
"""Probability of a right answer that what the best single model costs is taken to be worth."""
_HALF = 0.5
_QUERIES_AT_ONCE = 512


def baselines(train: Part, dev: Part, test: Part, rng: np.random.Generator) -> dict[str, Answered]:
    """Return what becomes of the queries of `test` under every baseline, by name."""
    best = best_single(train)
    answered = {"best single": single(test, best), "random": random(test), "oracle": oracle(test)}
    answered["table per domain"] = _picked(test, table_per_domain(train, test))
    for name, chances in _chances(train, dev, test, rng).items():
        answered[name] = _picked(test, chances.test.argmax(axis=1))
        answered[f"{name}, equal cost"] = _at_equal_cost(chances, train, dev, test, best)
    answered |= votes(train, dev, test, rng)
    answered["linucb"] = _linucb(train.joined(dev), test, rng)
    return answered | _half_online(train, test, rng)


def best_single(part: Part) -> int:
    """Return the model with most right answers; of equals the cheaper one."""
    right, cost = part.right.mean(axis=0), part.cost.mean(axis=0)
    return int(np.lexsort((cost, -right))[0])


def single(part: Part, model: int) -> Answered:
    """Return what becomes of queries that all go to one model."""
    return _picked(part, np.full(len(part.right), model))


def random(part: Part) -> Answered:
    """Return what is expected of a model drawn by lot for each query."""
    latency_s = None if part.latency_s is None else part.latency_s.mean(axis=1)
    return Answered(part.right.mean(axis=1), part.cost.mean(axis=1), latency_s)


def oracle(part: Part) -> Answered:
    """Return what the best answer to each query is; of equal ones the cheapest."""
    is_best = part.right == part.right.max(axis=1, keepdims=True)
    return _picked(part, np.where(is_best, part.cost, np.inf).argmin(axis=1))


def table_per_domain(train: Part, test: Part) -> Ints:
    """Return the model that was best on each query's domain, which it is told, `(n,)`.

    A domain's shares are drawn a little to the model's own; an unknown domain has just those.
    """
    means = train.right.mean(axis=0)
    domains = np.array(train.domains)
    favourites: dict[str, int] = {}
    for domain in set(train.domains):
        rows = train.right[domains == domain]
        shares = (rows.sum(axis=0) + _DOMAIN_SHRINKAGE * means) / (len(rows) + _DOMAIN_SHRINKAGE)
        favourites[domain] = int(shares.argmax())
    elsewhere = best_single(train)
    return np.array([favourites.get(domain, elsewhere) for domain in test.domains])


@dataclass(frozen=True, slots=True)
class _Chances:
    """Predicted probabilities of right answers on two parts, each `(n, m)`."""

    dev: Floats
    test: Floats


def _chances(train: Part, dev: Part, test: Part, rng: np.random.Generator) -> dict[str, _Chances]:
    design = Design.fit(train.surface)
    x, on_dev, on_test = (design.rows(p.surface, p.embedding) for p in (train, dev, test))
    nobody_knows = np.full(len(x), -1)
    log = OutcomeLog(models=train.models, x=x, right=train.right, kinds=nobody_knows)
    chances = dict(_neighbours(train, dev, test))
    for name, fit in _PREDICTORS.items():
        predictor = fit(log, rng)
        chances[name] = _Chances(predictor.p_right(on_dev), predictor.p_right(on_test))
    return chances


def _neighbours(train: Part, dev: Part, test: Part) -> Iterator[tuple[str, _Chances]]:
    """Yield the mean over the nearest queries by embedding, as many as are best on `dev`."""
    if train.embedding is None or dev.embedding is None or test.embedding is None:
        return
    counts = [count for count in _NEIGHBOURS if count <= len(train.right)] or [len(train.right)]
    means = _neighbour_means(train, dev.embedding, counts)
    quality = [_picked(dev, mean.argmax(axis=1)).right.mean() for mean in means]
    chosen = int(np.argmax(quality))
    on_test = _neighbour_means(train, test.embedding, [counts[chosen]])[0]
    yield "knn", _Chances(means[chosen], on_test)


def _neighbour_means(train: Part, embedding: Floats, counts: list[int]) -> list[Floats]:
    """Return the mean verdicts of the nearest queries, for each count `(n, m)`."""
    known = train.embedding
    assert known is not None  # noqa: S101
    blocks: list[list[Floats]] = []
    for start in range(0, len(embedding), _QUERIES_AT_ONCE):
        cosine = embedding[start : start + _QUERIES_AT_ONCE] @ known.T
        nearest = np.argsort(-cosine, axis=1, kind="stable")[:, : max(counts)]
        blocks.append([train.right[nearest[:, :count]].mean(axis=1) for count in counts])
    return [np.concatenate(per_count) for per_count in zip(*blocks, strict=True)]


def _at_equal_cost(chances: _Chances, train: Part, dev: Part, test: Part, best: int) -> Answered:
    """Return the choice with a price on money: the best on `dev` that costs no more there."""
    dollars = train.cost.mean(axis=0)
    charge = dollars / max(dollars[best], 1e-12)
    limit = dev.cost[:, best].mean()
    found, most = single(test, best), float(dev.right[:, best].mean())
    for price in _PRICES:
        on_dev = _picked(dev, (chances.dev - price * charge).argmax(axis=1))
        if on_dev.cost.mean() <= limit and on_dev.right.mean() > most:
            most = float(on_dev.right.mean())
            found = _picked(test, (chances.test - price * charge).argmax(axis=1))
    return found


def _linucb(seen: Part, test: Part, rng: np.random.Generator) -> Answered:
    """Return what LinUCB chooses after one pass in which it saw only verdicts on its choices."""
    project = projection(seen.surface, seen.embedding)
    x = project(seen.surface, seen.embedding)
    learner = LinUCB(len(seen.models), x.shape[1])
    for query in rng.permutation(len(x)):
        model = learner.choose(x[query])
        learner.learn(x[query], model, float(seen.right[query, model]))
    return _picked(test, learner.best(project(test.surface, test.embedding)))


def _half_online(train: Part, test: Part, rng: np.random.Generator) -> dict[str, Answered]:
    """Return what happens when every model is online for half of the queries."""
    online = rng.random(test.right.shape) < _HALF
    order = np.argsort(-train.right.mean(axis=0), kind="stable")
    best = best_single(train)
    return {
        "best single, half online": alone(test, best)(online),
        "ranked fallback, half online": ranked(test, order)(online),
    }


def _picked(part: Part, models: Ints) -> Answered:
    return choice(part.right, part.cost, part.latency_s, models)
