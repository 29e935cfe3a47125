"""Ridge regression of the verdicts on the features, one column a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.number import Floats, ridge, with_constant

_PENALTY_PER_QUERY = 0.5
_LEAST_PENALTY = 1000.0


@dataclass(frozen=True, slots=True)
class Linear:
    """Linear in the features."""

    weights: Floats

    @classmethod
    def fit(cls, log: OutcomeLog, _: np.random.Generator) -> Self:
        """Learn from a log; where a model was not asked its mean stands in."""
        x = with_constant(log.x)
        penalty = np.full(x.shape[1], max(_LEAST_PENALTY, _PENALTY_PER_QUERY * len(x)))
        penalty[0] = 1e-3
        return cls(ridge(x, log.filled, penalty))

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        return np.clip(with_constant(x) @ self.weights[:, columns(models)], 0.0, 1.0)
