"""Learns while it routes: only the verdict on the model that was asked is ever seen.

A hierarchical Gaussian model of verdicts. Whether a model is right on a query `x (d,)` is
`x @ (shared + own)`: how hard such queries are for all, and what this model adds. The own part
starts from a `Prior`, so that what is known from elsewhere counts as a few observations do, and
Thompson sampling (Thompson 1933; Agrawal and Goyal 2013) tries what may still be better. Exact, and
linear in the number of models: given the shared part, models know nothing of each other.
"""

from typing import NamedTuple

import numpy as np

from modelnet.service.prediction.log import DataError
from modelnet.service.prediction.number import Bools, Floats, Ints

_NOISE = 0.15
"""Variance of a verdict around its probability."""
_SHARED_DEVIATION = (0.03, 0.05)
"""Of the shared part: its constant, and each other weight.

Small on purpose: a shared part that moves much takes the blame for a model that was thought too
well of, and nothing else is ever tried."""
_OWN_DEVIATION = 0.03
"""Of each weight of the own part but the constant: models differ little by query."""
_BOLDNESS = 0.4
"""Share of the deviation that Thompson sampling draws with: with all of it, it tries too much."""


class Prior(NamedTuple):
    """What is believed of models before any verdict, each array `(m,)`."""

    mean: Floats
    """Probability of a right answer, up to a constant that is the same for all."""
    deviation: Floats


class Bandit:
    """Beliefs about `m` models, and the choice among them."""

    def __init__(self, prior: Prior, n_features: int) -> None:
        """Believe the prior.

        Args:
            prior: of every model.
            n_features: length `d` of a query; its first feature is the constant 1.

        Raises:
            DataError: the prior is not finite, or its deviations are not positive.
        """
        mean, deviation = prior
        m, d = len(mean), n_features
        if not m or mean.shape != deviation.shape or d < 1:
            raise DataError("A bandit needs models, a deviation for each, and a feature or more.")
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation > 0).all()):
            raise DataError("A bandit's prior must be finite, and its deviations positive.")
        self._start = np.zeros((m, d))
        self._start[:, 0] = mean
        own = np.full((m, d), _OWN_DEVIATION)
        own[:, 0] = deviation
        self._precision = 1.0 / own**2
        """Of the prior, `(m, d)`."""
        shared = np.full(d, _SHARED_DEVIATION[1])
        shared[0] = _SHARED_DEVIATION[0]
        self._shared_precision = np.diag(1.0 / shared**2)
        # Of each model: what it has seen (x x', x y), and what that says of the shared part.
        self._seen = np.zeros((m, d, d))
        self._sums = np.zeros((m, d))
        self._told = np.zeros((m, d, d))
        self._told_sums = np.zeros((m, d))
        # The own part of a model is `offset - pull @ shared`, give or take `covariance`.
        self._covariance = np.stack([np.diag(row) for row in own**2])
        self._offset = self._start.copy()
        self._pull = np.zeros((m, d, d))
        self._shared = np.zeros(d)
        self._shared_covariance = np.diag(shared**2)
        self._asked = np.zeros(m, dtype=np.int64)

    @property
    def asked(self) -> Ints:
        """How often each model's verdict was taken in, `(m,)`."""
        return self._asked.copy()

    def choose(self, x: Floats, rng: np.random.Generator, online: Bools | None = None) -> int:
        """Return the model for a query `x (d,)`, of those that are online.

        Raises:
            DataError: no model is online, or the query is not finite.
        """
        if not np.isfinite(x).all():
            raise DataError("Features of a query must be finite numbers.")
        root = np.linalg.cholesky(self._shared_covariance)
        shared = self._shared + _BOLDNESS * (root @ rng.standard_normal(len(x)))
        spread = np.sqrt(np.maximum((self._covariance @ x) @ x, 0.0))
        drawn = self._own(shared) @ x + _BOLDNESS * spread * rng.standard_normal(len(spread))
        if online is not None:
            if not online.any():
                raise DataError("No model is online: there is nothing to choose from.")
            drawn = np.where(online, drawn, -np.inf)
        return int(drawn.argmax())

    def learn(self, x: Floats, model: int, right: float) -> None:
        """Take in the verdict on the model that was asked, 0 to 1.

        Raises:
            DataError: the verdict is none, or the query is not finite.
        """
        if not 0.0 <= right <= 1.0 or not np.isfinite(x).all():
            raise DataError("A verdict must lie between 0 and 1, and its query must be finite.")
        self._asked[model] += 1
        self._seen[model] += np.outer(x, x) / _NOISE
        self._sums[model] += right * x / _NOISE
        seen = self._seen[model]
        covariance = _inverse(seen + np.diag(self._precision[model]))
        pull = covariance @ seen
        expected = self._sums[model] + self._precision[model] * self._start[model]
        self._covariance[model] = covariance
        self._offset[model] = covariance @ expected
        self._pull[model] = pull
        self._told[model] = seen - seen @ pull
        self._told_sums[model] = self._sums[model] - pull.T @ expected
        self._shared_covariance = _inverse(self._shared_precision + self._told.sum(axis=0))
        self._shared = self._shared_covariance @ self._told_sums.sum(axis=0)

    def best(self, x: Floats, online: Bools | None = None) -> Ints:
        """Return the models most probably right on queries `x (n, d)`, nothing tried, `(n,)`."""
        p = x @ self._own(self._shared).T
        return (p if online is None else np.where(online, p, -np.inf)).argmax(axis=1)

    def p_right(self, x: Floats) -> Floats:
        """Return the probabilities that models are right on queries `x (n, d)`, `(n, m)`."""
        return np.clip(x @ (self._own(self._shared) + self._shared).T, 0.0, 1.0)

    def _own(self, shared: Floats) -> Floats:
        """Return what models add to a shared part, `(m, d)`."""
        return self._offset - self._pull @ shared


def _inverse(matrix: Floats) -> Floats:
    return np.linalg.inv(matrix).astype(np.float64)
