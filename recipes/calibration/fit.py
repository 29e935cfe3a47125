"""The losses of the constants, and those that have the least.

The same arithmetic as `service.pathway.confidence` and `ladder`, over arrays.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from recipes.calibration.data import Record

_SIZES = (2, 3, 4)
_BEST = 15


class Groups(NamedTuple):
    """Answers of random groups of models, those that can be compared."""

    odds: np.ndarray
    """Log-odds of a right answer by standing, `(g, 4)`, -inf where the group is smaller."""
    said: np.ndarray
    """`(g, 4)`; -1 where the group is smaller."""
    right: np.ndarray
    """`(g, 4)`."""


class Pairs(NamedTuple):
    """A model that was wrong, and a better one: its standing and whether it was right, `(p,)`."""

    p_asked: np.ndarray
    p: np.ndarray
    right: np.ndarray


def groups(record: Record, p: np.ndarray, rng: np.random.Generator, least: float) -> Groups:
    """Draw one group a query."""
    bounded = np.clip(p, least, 1.0 - least)
    log_odds = np.log(bounded / (1.0 - bounded))
    n, most = len(p), max(_SIZES)
    odds, said, right = np.full((n, most), -np.inf), np.full((n, most), -1), np.zeros((n, most))
    for query in range(n):
        able = np.flatnonzero(record.said[query] >= 0)
        size = min(len(able), int(rng.choice(_SIZES)))
        who = rng.choice(able, size, replace=False) if size else able
        odds[query, :size] = log_odds[query, who]
        said[query, :size] = record.said[query, who]
        right[query, :size] = record.right[query, who]
    return Groups(odds, said, right)


def pairs(record: Record, p: np.ndarray, rng: np.random.Generator) -> Pairs:
    """Draw for each query a model that was wrong and one that is better on the whole."""
    best = strongest(p)
    found: list[tuple[float, float, float]] = []
    for query in range(len(p)):
        one, two = rng.choice(best, 2, replace=False)
        lower, upper = (one, two) if p[query, one] < p[query, two] else (two, one)
        if not record.right[query, lower]:
            right = float(record.right[query, upper])
            found.append((p[query, lower], p[query, upper], right))
    return Pairs(*np.array(found).T)


def agreement_loss(drawn: Groups, voice: float, independence: float) -> np.ndarray:
    """Return the negative log-probability of which answer is right, or none, of each group."""
    is_given = drawn.said >= 0
    same = (drawn.said[:, :, None] == drawn.said[:, None, :]) & is_given[:, None, :]
    odds = np.where(is_given, drawn.odds, 0.0)
    leading = np.where(same, odds[:, None, :], -np.inf).max(axis=2)
    others = (same * odds[:, None, :]).sum(axis=2) - np.where(is_given, leading, 0.0)
    worth = leading + independence * others + voice * (same.sum(axis=2) - 1)
    is_first = is_given & (same.argmax(axis=2) == np.arange(same.shape[1]))
    scores = np.where(is_first, worth, -np.inf)
    total = np.logaddexp(0.0, np.logaddexp.reduce(scores, axis=1))
    is_right = is_first & (drawn.right > 0.5)
    truth = np.where(is_right, scores, -np.inf).max(axis=1)
    return total - np.where(is_right.any(axis=1), truth, 0.0)


def difficulty_loss(drawn: Pairs, shared: float) -> np.ndarray:
    """Return the negative log-probability of what the better model did where the other failed."""
    beyond = np.maximum(0.0, drawn.p - drawn.p_asked) / (1.0 - drawn.p_asked)
    p = np.clip((1.0 - shared) * drawn.p + shared * beyond, 0.005, 0.995)
    return -np.log(np.where(drawn.right > 0.5, p, 1.0 - p))


def strongest(p: np.ndarray) -> np.ndarray:
    """Return the models that cascades and races are made of."""
    return np.argsort(-p.mean(axis=0))[:_BEST]


def same_mistake(record: Record, p: np.ndarray) -> float:
    """Return how often two models that are both wrong say the same, of those that can be told."""
    wrong = ~record.right & (record.said >= 0)
    alike = both = 0
    for one, two in itertools.combinations(strongest(p), 2):
        failed = wrong[:, one] & wrong[:, two]
        alike += int((record.said[failed, one] == record.said[failed, two]).sum())
        both += int(failed.sum())
    return alike / both


def agreement(drawn: Sequence[Groups]) -> tuple[float, float]:
    """Return `voice` and `independence` of the least loss, every set weighing the same."""

    def loss(x: np.ndarray) -> float:
        return float(np.mean([agreement_loss(one, *x).mean() for one in drawn]))

    voice, independence = minimize(loss, np.array([0.5, 0.5]), method="Nelder-Mead").x
    return float(voice), float(independence)


def difficulty(drawn: Sequence[Pairs]) -> float:
    """Return `shared_difficulty` of the least loss, every set weighing the same."""

    def loss(shared: float) -> float:
        return float(np.mean([difficulty_loss(one, shared).mean() for one in drawn]))

    return float(minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x)
