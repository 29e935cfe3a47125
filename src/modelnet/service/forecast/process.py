"""A Gaussian process over questions and models: where a model does better than it mostly does.

What is fitted are surprises: verdicts less the share of right answers of their model. Two of them
resemble each other as their questions do, and more so where the model is the same: what is hard for
one model is hard for others, and what one model knows it knows of what is near (Bonilla, Chai and
Williams, "Multi-task Gaussian process prediction", 2008). Pure.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias, cast

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

NOISE = 0.15
"""Variance of a verdict around its probability, as in `prediction.bandit`."""
_NEARNESS = 0.3
"""Of the cosine: a question so much less alike has e times less in common."""
_BLOCK = 64


class Scale(NamedTuple):
    """Variances, in squared probability, of what surprises have in common."""

    shared: float
    """On one question, whatever the model."""
    own: float
    """On one question, of one model."""


SCALES = (Scale(0.03, 0.003), Scale(0.06, 0.01), Scale(0.03, 0.03), Scale(0.15, 0.02))
"""Those that are tried."""


class Surprises(NamedTuple):
    """Verdicts that came otherwise than those on their model mostly do, the oldest first."""

    directions: "Array"
    """Of the questions, float32 `(n, size)`, rows of length 1."""
    models: "Array"
    """Numbers of the models' names, `(n,)`."""
    amount: "Array"
    """Verdict less the model's share of right answers, `(n,)`."""
    weight: "Array"
    """How much each counts, above 0, `(n,)`."""


@dataclass(frozen=True, slots=True)
class Process:
    """The fitted process."""

    directions: "Array"
    models: "Array"
    shared: "Array"
    """What each surprise says of its own question, whatever the model, `(n,)`."""
    own: "Array"
    """What it adds for its own model, `(n,)`."""
    ahead: "Array"
    """What was forecast of each surprise by those before it, `(n,)`."""

    @classmethod
    def fit(cls, seen: Surprises, scale: Scale, likeness: "Array") -> Self:
        """Solve the normal equations; `likeness` is `alike` of the surprises' questions.

        Raises:
            numpy.linalg.LinAlgError: the numbers leave no solution.
        """
        import numpy as np

        same = seen.models[:, None] == seen.models
        covariance = likeness * (scale.shared + scale.own * same)
        covariance[np.diag_indices_from(covariance)] += NOISE / seen.weight
        root = cast("Array", np.linalg.cholesky(covariance))
        # The root of the first rows is that of a process that has seen no more than these.
        innovation = _solved(root, seen.amount)
        ahead = seen.amount - np.diagonal(root) * innovation
        says = _solved(root.T[::-1, ::-1], innovation[::-1])[::-1]
        return cls(seen.directions, seen.models, scale.shared * says, scale.own * says, ahead)

    def surprise(self, direction: "Array", count: int) -> "Array":
        """Return what to add to the rates of models `0..count-1` on a question, `(count,)`.

        `direction` is the question's, float32 `(size,)`, of length 1. Numbers that no surprise has
        stand for models never met.
        """
        import numpy as np

        # Not `@`, which would share this out among threads: see `neighbourhood`.
        near = np.exp((np.vecdot(self.directions, direction) - 1.0) / _NEARNESS)
        own = np.bincount(self.models, near * self.own, count)
        return own + float(np.vecdot(near, self.shared))


def alike(directions: "Array") -> "Array":
    """Return how much questions have in common, `(n, n)`: positive definite on a sphere."""
    import numpy as np

    cosine = (directions @ directions.T).astype(np.float64)
    return np.exp((cosine - 1.0) / _NEARNESS)


def _solved(root: "Array", y: "Array") -> "Array":
    """Return the solution of lower triangular equations, a block of rows at a time."""
    import numpy as np

    x = np.zeros(len(y))
    for start in range(0, len(y), _BLOCK):
        rows = slice(start, start + _BLOCK)
        rest = y[rows] - root[rows, :start] @ x[:start]
        x[rows] = np.linalg.solve(root[rows, rows], rest)
    return x
