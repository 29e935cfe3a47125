"""Learning while routing: one pass over queries, only verdicts on asked models seen.

Our bandit starts from what the other sets tell of its models; LinUCB starts from nothing. Both see
the same queries in the same orders, with the same features. What a model costs does not count.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from modelnet.service.prediction.bandit import Bandit, Prior
from modelnet.service.prediction.number import Floats, Ints
from modelnet.service.prediction.prior import Experience, informed_prior
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.linucb import LinUCB, projection

_ORDERS = 5
_CURVE = 100
_COLD_LEVEL, _COLD_DEVIATION = 0.65, 0.15


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """What a learner reached, averaged over orders of the queries."""

    accuracy: float
    """Percent, in the last third of the pass."""
    delta: float
    """Points more than the best single model on the same queries, which it is told of nobody."""
    delta_error: float
    """Standard error of `delta` over orders."""
    final_accuracy: float
    """Percent, on queries kept aside, with what was learnt and nothing tried any more."""
    final_delta: float
    regret: float
    """Right answers fewer than the best single model's, over the whole pass."""
    curve: tuple[float, ...]
    """The regret on the way, at a hundred evenly spaced queries."""


class BanditRun(msgspec.Struct, frozen=True, kw_only=True):
    """Our bandit, the same without priors, and LinUCB."""

    best_model: str
    queries: int
    ours: Learnt
    cold: Learnt
    linucb: Learnt
    regret_ratio: float | None
    """Our regret by LinUCB's; `None` where LinUCB has none."""


class _Pass(NamedTuple):
    """One pass: verdicts seen `(n,)`, the best single model's on the same queries, the end."""

    right: Floats
    best: Floats
    finally_chosen: Ints


class _Learner(NamedTuple):
    choose: Callable[[Floats], int]
    learn: Callable[[Floats, int, float], None]
    best: Callable[[Floats], Ints]


def experience_of(part: Part) -> Experience:
    """Return what a set tells of its models to those who have not seen it."""
    return Experience(part.models, part.right.mean(axis=0), part.cost.mean(axis=0))


def bandit(
    seen: Part,
    test: Part,
    others: Sequence[Experience],
    rng: np.random.Generator,
    orders: int = _ORDERS,
) -> BanditRun:
    """Let bandits learn on one pass over `seen`, in several orders, and look at them on `test`."""
    project = projection(seen.surface, seen.embedding)
    x, on_test = (project(part.surface, part.embedding) for part in (seen, test))
    m, d = len(seen.models), x.shape[1]
    informed = informed_prior(seen.models, seen.cost.mean(axis=0), others)
    cold = Prior(np.full(m, _COLD_LEVEL), np.full(m, _COLD_DEVIATION))
    passes: dict[str, list[_Pass]] = {"ours": [], "cold": [], "linucb": []}
    for stream in rng.spawn(orders):
        order = stream.permutation(len(x))
        for name, learner in (
            ("ours", _thompson(informed, d, stream)),
            ("cold", _thompson(cold, d, stream)),
            ("linucb", _linucb(m, d)),
        ):
            passes[name].append(_passed(learner, x[order], seen.right[order], on_test))
    best = int(seen.right.mean(axis=0).argmax())
    learnt = {name: _learnt(runs, test, best) for name, runs in passes.items()}
    theirs = learnt["linucb"].regret
    return BanditRun(
        best_model=seen.models[best],
        queries=len(x),
        ours=learnt["ours"],
        cold=learnt["cold"],
        linucb=learnt["linucb"],
        regret_ratio=learnt["ours"].regret / theirs if theirs > 0.0 else None,
    )


def _thompson(prior: Prior, d: int, rng: np.random.Generator) -> _Learner:
    learner = Bandit(prior, d)

    def choose(x: Floats) -> int:
        return learner.choose(x, rng)

    return _Learner(choose, learner.learn, learner.best)


def _linucb(m: int, d: int) -> _Learner:
    learner = LinUCB(m, d)
    return _Learner(learner.choose, learner.learn, learner.best)


def _passed(learner: _Learner, x: Floats, right: Floats, on_test: Floats) -> _Pass:
    got = np.zeros(len(x))
    for query, row in enumerate(x):
        model = learner.choose(row)
        got[query] = right[query, model]
        learner.learn(row, model, float(got[query]))
    best = right[:, int(right.mean(axis=0).argmax())]
    return _Pass(got, best, learner.best(on_test))


def _learnt(passes: Sequence[_Pass], test: Part, best: int) -> Learnt:
    last = slice(2 * len(passes[0].right) // 3, None)
    deltas = np.array([100.0 * (run.right[last] - run.best[last]).mean() for run in passes])
    rows = np.arange(len(test.right))
    finals = np.array([100.0 * test.right[rows, run.finally_chosen].mean() for run in passes])
    regret = np.mean([np.cumsum(run.best - run.right) for run in passes], axis=0)
    places = np.linspace(0, len(regret) - 1, min(_CURVE, len(regret))).astype(np.int64)
    return Learnt(
        accuracy=float(np.mean([100.0 * run.right[last].mean() for run in passes])),
        delta=float(deltas.mean()),
        delta_error=float(deltas.std(ddof=1) / np.sqrt(len(deltas))) if len(deltas) > 1 else 0.0,
        final_accuracy=float(finals.mean()),
        final_delta=float(finals.mean()) - 100.0 * float(test.right[:, best].mean()),
        regret=float(regret[-1]),
        curve=tuple(regret[places].tolist()),
    )
