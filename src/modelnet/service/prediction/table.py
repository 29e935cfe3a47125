"""Per-kind tables with shrinkage, and the classifier that tells the kind of a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.number import Floats, softmax, with_constant

_PENALTY = 30.0
_FREE_PENALTY = 1e-3
"""Of the constants: only so much that there is one answer."""
_STEPS = 40
_SHRINKAGE = 10.0
"""A kind's share of right answers is drawn to the model's own by so many queries."""


@dataclass(frozen=True, slots=True)
class KindClassifier:
    """Multinomial logistic regression with a ridge penalty."""

    weights: Floats

    @classmethod
    def fit(cls, log: OutcomeLog) -> Self:
        """Learn the kinds of a log; with one kind or none, all queries are of kind 0.

        Newton's steps with a bound in the place of the curvature (Böhning, 1992), which is
        inverted once, and Nesterov's momentum.
        """
        known = log.kinds >= 0
        n_kinds = max(1, log.n_kinds)
        x = with_constant(log.x[known])
        weights = np.zeros((x.shape[1], n_kinds))
        if n_kinds == 1:
            return cls(weights)
        truth = np.eye(n_kinds)[log.kinds[known]]
        penalty = np.full((x.shape[1], 1), _PENALTY)
        penalty[0] = _FREE_PENALTY
        inverse = np.linalg.inv(0.5 * x.T @ x + np.diag(penalty[:, 0]))
        ahead = weights
        for step in range(_STEPS):
            slope = x.T @ (softmax(x @ ahead) - truth) + penalty * ahead
            newer = ahead - inverse @ slope
            ahead = newer + step / (step + 3.0) * (newer - weights)
            weights = newer
        return cls(weights)

    def posterior(self, x: Floats) -> Floats:
        """Return how probable each kind is, `(q, kinds)`."""
        return softmax(with_constant(x) @ self.weights)


@dataclass(frozen=True, slots=True)
class KindTable:
    """The probability of being right by kind, mixed over the kinds a query may be of."""

    classifier: KindClassifier
    shares: Floats
    """`(kinds, m)`."""

    @classmethod
    def fit(cls, log: OutcomeLog, _: np.random.Generator) -> Self:
        """Learn from a log."""
        return cls(KindClassifier.fit(log), shares_by_kind(log))

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        return self.classifier.posterior(x) @ self.shares[:, columns(models)]


def shares_by_kind(log: OutcomeLog) -> Floats:
    """Return the share of right answers, `(kinds, m)`, thin kinds drawn to the model's mean."""
    member = log.kinds[:, None] == np.arange(max(1, log.n_kinds))
    right = member.T @ np.where(log.asked, log.right, 0.0)
    asked = member.T @ log.asked.astype(np.float64)
    return (right + _SHRINKAGE * log.means) / (asked + _SHRINKAGE)
