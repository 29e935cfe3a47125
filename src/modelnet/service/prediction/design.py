"""The features of a query as predictors want them: on one scale, bounded."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from modelnet.service.prediction.number import Floats

_MOST_DEVIATIONS = 4.0
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Design:
    """Standardises surface features and puts the embedding beside them."""

    mean: Floats
    deviation: Floats

    @classmethod
    def fit(cls, surface: Floats) -> Self:
        """Learn the scale of surface features `(n, s)`."""
        return cls(surface.mean(axis=0), surface.std(axis=0) + _LEAST_DEVIATION)

    def rows(self, surface: Floats, embedding: Floats | None) -> Floats:
        """Return `(n, s + e)`: an embedding of unit length is stretched to unit variance."""
        scaled = (surface - self.mean) / self.deviation
        scaled = np.clip(scaled, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
        if embedding is None:
            return scaled
        return np.concatenate([scaled, embedding * np.sqrt(embedding.shape[1])], axis=1)
