"""What several answers to one query say together: a probability for each distinct answer.

A conditional logit over the distinct answers and "none of them". An answer's score adds up what
its supporters are worth (log-odds weights, Nitzan and Paroush 1982), less for models that tend to
make the same mistakes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from modelnet.service.prediction.number import Bools, Floats, Ints, log_odds, newton

_ROUNDS = 3
_MOST_TOGETHER = 5
_BLOCK = 60
_PENALTY = 0.1
_MODEL_PENALTY = 20.0
_NEWTON_STEPS = 12
_SHARED = 4
"""Signals that are the same for all models; then comes one a model."""


class Opinion(NamedTuple):
    """What a group of models says of queries, each array `(n,)`."""

    p: Floats
    """Probability that the leading answer is right."""
    runner_up: Floats
    """Of the next one; 0 where all agree."""
    leader: Ints
    """A model that gave the leading answer."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The fitted weights."""

    common_mistakes: Floats
    """Log-probability that two models which are both wrong say the same, `(m, m)`."""
    weights: Floats

    @classmethod
    def fit(
        cls,
        p: Floats,
        distinct: Ints,
        right: Floats,
        rng: np.random.Generator,
        pool: Sequence[int] | None = None,
    ) -> Self:
        """Learn from random groups of models, of the pool or all.

        `p (n, m)` is how probably each answer is right by itself, `distinct (n, m)` which answers
        are equal, `right (n, m)` the verdicts.
        """
        m = int(p.shape[1])
        members = np.arange(m) if pool is None else np.asarray(pool)
        unfitted = cls(_common_mistakes(distinct, right), np.zeros(_SHARED + m))
        signals: list[Floats] = []
        truths: list[Floats] = []
        n = len(p)
        for _ in range(_ROUNDS):
            for block in np.array_split(rng.permutation(n), max(1, n // _BLOCK)):
                size = int(rng.integers(1, min(_MOST_TOGETHER, len(members)) + 1))
                places = rng.choice(len(members), size, replace=False)
                group = members[places]
                given = distinct[np.ix_(block, group)]
                shared, same, is_first = unfitted._signals(p[np.ix_(block, group)], given, group)
                own = np.zeros((*same.shape[:2], len(members)))
                own[:, :, places] = same
                rows = np.concatenate([shared, own], axis=2)
                signals.append(_padded(np.where(is_first[:, :, None], rows, np.nan)))
                truths.append(_padded(_truth(right[np.ix_(block, group)], same, is_first)))
        fitted = _conditional_logit(np.concatenate(signals), np.nan_to_num(np.concatenate(truths)))
        weights = unfitted.weights
        weights[:_SHARED] = fitted[:_SHARED]
        weights[_SHARED + members] = fitted[_SHARED:]
        return cls(unfitted.common_mistakes, weights)

    def opinion(self, p: Floats, distinct: Ints, group: Sequence[int]) -> Opinion:
        """Return what the answers of a group of models say together."""
        members = np.asarray(group)
        signals, same, is_first = self._signals(p[:, members], distinct[:, members], members)
        worth = signals @ self.weights[:_SHARED] + same @ self.weights[_SHARED + members]
        scores = np.where(is_first, worth, -np.inf)
        highest = np.maximum(scores.max(axis=1), 0.0)
        odds = np.exp(scores - highest[:, None])
        probabilities = odds / (odds.sum(axis=1) + np.exp(-highest))[:, None]
        best = probabilities.argmax(axis=1)
        ranked = np.sort(probabilities, axis=1)
        runner_up = ranked[:, -2] if len(members) > 1 else np.zeros(len(p))
        return Opinion(ranked[:, -1], runner_up, members[best])

    def _signals(self, p: Floats, given: Ints, group: Ints) -> tuple[Floats, Bools, Bools]:
        """Return signals `(n, g, _SHARED)`, who says the same `(n, g, g)`, who said it first.

        `p (n, g)` and `given (n, g)` are of the group alone.
        """
        same: Bools = given[:, :, None] == given[:, None, :]
        is_first = same.argmax(axis=2) == np.arange(len(group))
        supports = same.astype(np.float64)
        supporters = supports.sum(axis=2)
        worth = log_odds(p)
        mistakes = self.common_mistakes[np.ix_(group, group)] * (1.0 - np.eye(len(group)))
        signals = [
            (supports @ worth[:, :, None])[:, :, 0],
            supporters - 1.0,
            ((supports @ mistakes) * supports).sum(axis=2) / supporters,
            np.where(same, worth[:, None, :], -np.inf).max(axis=2),
        ]
        return np.stack(signals, axis=2), same, is_first


def _truth(right: Floats, same: Bools, is_first: Bools) -> Floats:
    """Return which answers are right, `(n, g)`, each by the mean verdict of those that gave it.

    Several may be, as two ways to call the same tool are: they share one.
    """
    known = same & ~np.isnan(right)[:, None, :]
    total = np.where(known, right[:, None, :], 0.0).sum(axis=2)
    is_right = (total > 0.5 * known.sum(axis=2)) & is_first
    return is_right / np.maximum(is_right.sum(axis=1, keepdims=True), 1.0)


def _common_mistakes(distinct: Ints, right: Floats) -> Floats:
    is_wrong = right < 0.5
    rows: list[Floats] = []
    for model in range(right.shape[1]):
        both = is_wrong[:, [model]] & is_wrong
        same = both & (distinct[:, [model]] == distinct)
        rows.append((same.sum(axis=0) + 0.6) / (both.sum(axis=0) + 2.0))
    return np.log(np.clip(np.stack(rows), 0.02, 1.0))


def _padded(block: Floats) -> Floats:
    missing = [(0, 0), (0, _MOST_TOGETHER - block.shape[1])] + [(0, 0)] * (block.ndim - 2)
    return np.pad(block, missing, constant_values=np.nan)


def _conditional_logit(signals: Floats, truths: Floats) -> Floats:
    """Return the weights by Newton's method; rows of NaN are no answers."""
    is_given = ~np.isnan(signals[:, :, 0])
    x = np.nan_to_num(signals)
    size = int(x.shape[2])
    penalty = np.full(size, _MODEL_PENALTY)
    penalty[:_SHARED] = _PENALTY
    prior = np.zeros(size)
    prior[0] = 1.0

    def scored(weights: Floats) -> tuple[Floats, float]:
        scores = np.where(is_given, x @ weights, -np.inf)
        highest = np.maximum(scores.max(axis=1), 0.0)
        odds = np.exp(scores - highest[:, None])
        total = odds.sum(axis=1) + np.exp(-highest)
        kept = (truths * np.where(is_given, scores, 0.0)).sum(axis=1)
        loss = (np.log(total) + highest - kept).sum()
        return odds / total[:, None], float(loss + 0.5 * (penalty * (weights - prior) ** 2).sum())

    def bend(weights: Floats) -> tuple[Floats, Floats]:
        p, _ = scored(weights)
        slope: Floats = (p - truths).ravel() @ x.reshape(-1, size) + penalty * (weights - prior)
        means: Floats = (p[:, None, :] @ x)[:, 0, :]
        flat = (x * np.sqrt(p)[:, :, None]).reshape(-1, size)
        return slope, flat.T @ flat - means.T @ means + np.diag(penalty)

    return newton(prior, lambda weights: scored(weights)[1], bend, _NEWTON_STEPS)
