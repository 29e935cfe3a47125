"""Nearest neighbours: what models did on the queries most like this one.

Alike are queries on the same thing, or of the same form: as long, with as many tools. What was
counted in the text is a tenth of the features, so that in one cosine of all nothing is seen of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.number import Floats

_MOST = 100
_SHARE = 0.2
"""Of the log at most, where it is short."""
_TEMPERATURE = 0.1
"""Of the cosine: a neighbour so much nearer counts e times as much."""
_SHRINKAGE = 5.0
_QUERIES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Softmax-weighted mean over the nearest queries by cosine, shrunk to the model's mean."""

    directions: Floats
    filled: Floats
    means: Floats
    compared: int | None = None
    """How many of the first features are compared; all, where it is `None`."""

    @classmethod
    def fit(cls, log: OutcomeLog, _: np.random.Generator) -> Self:
        """Keep the log."""
        return cls(_directions(log.x), log.filled, log.means)

    @classmethod
    def of_form(cls, log: OutcomeLog, _: np.random.Generator) -> Self:
        """Keep the log, and compare only what was counted in the text."""
        compared = log.n_surface
        return cls(_directions(log.x[:, :compared]), log.filled, log.means, compared)

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        picked = columns(models)
        verdicts, means = self.filled[:, picked], self.means[picked]
        count = max(1, min(_MOST, int(_SHARE * len(verdicts))))
        blocks: list[Floats] = [np.zeros((0, len(means)))]
        for start in range(0, len(x), _QUERIES_AT_ONCE):
            block = x[start : start + _QUERIES_AT_ONCE, : self.compared]
            cosine = _directions(block) @ self.directions.T
            nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
            near = np.take_along_axis(cosine, nearest, axis=1)
            weights = np.exp((near - near.max(axis=1, keepdims=True)) / _TEMPERATURE)
            weights /= weights.sum(axis=1, keepdims=True)
            local = np.einsum("qk,qkm->qm", weights, verdicts[nearest])
            # So many neighbours of equal weight would tell as much.
            worth = 1.0 / (weights**2).sum(axis=1, keepdims=True)
            blocks.append((worth * local + _SHRINKAGE * means) / (worth + _SHRINKAGE))
        return np.concatenate(blocks)


def _directions(x: Floats) -> Floats:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
