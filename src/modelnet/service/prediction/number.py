"""Arrays and the few functions of them that all of this room needs."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

_HALVINGS = 10
_LEAST_GAIN = 1e-9

P_LEAST = 0.005
"""Nobody is taken to be surer than this of anything that was learnt from a few hundred queries."""


def log_odds(p: Floats) -> Floats:
    """Return the log-odds of probabilities, none of them nearer to 0 or 1 than `P_LEAST`."""
    bounded = np.clip(p, P_LEAST, 1.0 - P_LEAST)
    return np.log(bounded / (1.0 - bounded))


def sigmoid(x: Floats) -> Floats:
    """Return the probabilities of log-odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0)))


def softmax(x: Floats) -> Floats:
    """Return probabilities that sum to one along the last axis."""
    odds = np.exp(x - x.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def ridge(x: Floats, y: Floats, penalty: Floats) -> Floats:
    """Return the weights of a linear regression, `(d,)` or `(d, m)`.

    `penalty (d,)` is added to the diagonal of the normal equations.
    """
    return np.asarray(np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y), dtype=np.float64)


def newton(
    start: Floats,
    loss: Callable[[Floats], float],
    bend: Callable[[Floats], tuple[Floats, Floats]],
    steps: int,
) -> Floats:
    """Return the weights `(d,)` where a convex loss is least, by Newton's method.

    `bend` returns slope `(d,)` and curvature `(d, d)`. A step that would climb is halved: far from
    the least, where the loss is nearly straight, whole steps may run away.
    """
    weights, lowest = start, loss(start)
    for _ in range(steps):
        slope, curvature = bend(weights)
        step = np.linalg.solve(curvature, slope)
        reached = loss(weights - step)
        for _ in range(_HALVINGS):
            if reached <= lowest:
                break
            step = step / 2.0
            reached = loss(weights - step)
        if not reached < lowest:
            break
        gain, lowest, weights = lowest - reached, reached, weights - step
        if gain < _LEAST_GAIN * abs(lowest):
            break
    return weights


def logistic(x: Floats, y: Floats, penalty: Floats, prior: Floats, steps: int = 15) -> Floats:
    """Return the weights `(d,)` of a logistic regression with a Gaussian prior.

    `penalty (d,)` is the precision of the prior around `prior (d,)`; `y (n,)` may be fractions.
    """

    def loss(weights: Floats) -> float:
        odds = x @ weights
        return float(
            (np.logaddexp(0.0, odds) - y * odds).sum()
            + 0.5 * (penalty * (weights - prior) ** 2).sum()
        )

    def bend(weights: Floats) -> tuple[Floats, Floats]:
        p = sigmoid(x @ weights)
        slope = x.T @ (p - y) + penalty * (weights - prior)
        return slope, (x * (p * (1.0 - p))[:, None]).T @ x + np.diag(penalty)

    return newton(prior, loss, bend, steps)


def with_constant(x: Floats) -> Floats:
    """Return `(n, d + 1)`: a column of ones is put first."""
    return np.concatenate([np.ones((len(x), 1)), x], axis=1)
