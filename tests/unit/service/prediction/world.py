"""Worlds whose truth is known: what is learnt from them can be held against it."""

from dataclasses import dataclass

import numpy as np

from modelnet.service.prediction.confidence import Answers
from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.number import Floats

MODELS = ("reads", "counts", "even", "weak")
P_BY_KIND = np.array([[0.9, 0.2, 0.6, 0.25], [0.2, 0.9, 0.6, 0.25]])


@dataclass(frozen=True, slots=True)
class World:
    log: OutcomeLog
    p: Floats
    """The true probabilities, `(n, m)`."""


def two_kinds(n: int, seed: int = 0, features: int = 5) -> World:
    """Return queries of two kinds that features tell apart, and models each best at one."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, n)
    x = rng.normal(size=(n, features))
    x[:, 0] = 2.0 * kinds - 1.0 + 0.2 * x[:, 0]
    p = P_BY_KIND[kinds]
    right = (rng.random(p.shape) < p).astype(np.float64)
    return World(OutcomeLog(models=MODELS, x=x, right=right, kinds=kinds), p)


def log_loss(p: Floats, right: Floats) -> float:
    p = np.clip(p, 1e-3, 1.0 - 1e-3)
    return float(-(right * np.log(p) + (1.0 - right) * np.log(1.0 - p)).mean())


def said(right: Floats, rng: np.random.Generator, mistakes: int = 50) -> Answers:
    """Return answers: right ones are all alike, wrong ones are one of many mistakes."""
    distinct = np.where(right > 0.5, 0, rng.integers(1, mistakes + 1, right.shape))
    return Answers(distinct=distinct, form=np.zeros_like(distinct))
