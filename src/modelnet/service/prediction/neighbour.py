"""Nearest neighbours: what models did on the queries most like this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.log import OutcomeLog, columns
from modelnet.service.prediction.number import Floats

_MOST = 300
_SHARE = 0.2
"""Of the log at most, where it is short."""
_TEMPERATURE = 0.2
"""Of the cosine: a neighbour so much nearer counts e times as much."""
_SHRINKAGE = 20.0
_QUERIES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Softmax-weighted mean over the nearest queries by cosine, shrunk to the model's mean."""

    directions: Floats
    filled: Floats
    means: Floats

    @classmethod
    def fit(cls, log: OutcomeLog, _: np.random.Generator) -> Self:
        """Keep the log."""
        return cls(_directions(log.x), log.filled, log.means)

    def p_right(self, x: Floats, models: Sequence[int] | None = None) -> Floats:
        """Return probabilities `(q, m)`."""
        picked = columns(models)
        verdicts, means = self.filled[:, picked], self.means[picked]
        count = max(1, min(_MOST, int(_SHARE * len(verdicts))))
        blocks: list[Floats] = [np.zeros((0, len(means)))]
        for start in range(0, len(x), _QUERIES_AT_ONCE):
            cosine = _directions(x[start : start + _QUERIES_AT_ONCE]) @ self.directions.T
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
