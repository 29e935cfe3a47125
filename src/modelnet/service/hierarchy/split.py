"""Whether and where a kind of task falls apart: by what is asked, if models then differ. Pure."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

SMALLEST = 12
"""Verdicts that each half must have."""
EVIDENCE = 2.0
"""Log-odds by which a rate a part must explain the verdicts better than one of the whole."""
LEAST_COSINE = 0.25
"""A question that is less like every offered kind is of none of them."""

_DRAWN = 16.0
"""Verdicts that the rate of the whole is worth to each part."""
_AXES = 3
"""Directions in which questions spread most that are tried."""
_ROUNDS = 6
_TURNS = 8


class Verdicts(NamedTuple):
    """Verdicts on answers to questions of one kind, a row each."""

    directions: "Array"
    """Of the questions, float32 `(n, size)`, rows of length 1."""
    models: "Array"
    """Their numbers, `(n,)`."""
    right: "Array"
    """0 to 1, `(n,)`."""
    weight: "Array"
    """How much each counts, `(n,)`."""


class Split(NamedTuple):
    """Parts of a kind."""

    centres: "Array"
    """Float32 `(parts, size)`, rows of length 1."""
    side: "Array"
    """Which part each verdict is of, `(n,)`; with a `least`, the number after the last: none."""
    least: float | None = None
    """The cosine to the nearest centre below which a question is of no part."""


def best_split(verdicts: Verdicts, offered: "Array | None" = None) -> Split | None:
    """Return the parts in which models differ most; `None` where they differ by chance.

    Tried are halves of what was asked, and the kinds around `offered` centres `(parts, size)`.
    """
    tried = [*_splits(verdicts.directions)]
    if offered is not None:
        tried.append(_around(offered, verdicts.directions))
    found = [(evidence(verdicts, split.side), split) for split in tried]
    if not found:
        return None
    most, split = max(found, key=lambda one: one[0])
    return split if most >= EVIDENCE else None


def evidence(verdicts: Verdicts, side: "Array") -> float:
    """Return the log of the Bayes factor of a rate a part against one rate, over all models.

    A part's rate is drawn from a Beta distribution around the model's rate over the whole.
    """
    import numpy as np

    shape = int(verdicts.models.max()) + 1, int(side.max()) + 1
    place, places = shape[1] * verdicts.models + side, shape[0] * shape[1]
    asked = np.bincount(place, verdicts.weight, places).reshape(shape)
    right = np.bincount(place, verdicts.weight * verdicts.right, places).reshape(shape)
    return sum(
        _gain(asked[model].tolist(), right[model].tolist())
        for model in np.flatnonzero((asked > 0.0).sum(axis=1) > 1)
    )


def _around(centres: "Array", directions: "Array") -> Split:
    import numpy as np

    cosine = directions @ centres.T
    side = np.where(cosine.max(axis=1) < LEAST_COSINE, len(centres), cosine.argmax(axis=1))
    return Split(centres, side, LEAST_COSINE)


def _gain(asked: list[float], right: list[float]) -> float:
    p = (sum(right) + 1.0) / (sum(asked) + 2.0)
    a, b = _DRAWN * p, _DRAWN * (1.0 - p)
    gain = 0.0
    for n, r in zip(asked, right, strict=True):
        apart = _log_beta(a + r, b + n - r) - _log_beta(a, b)
        gain += apart - r * math.log(p) - (n - r) * math.log(1.0 - p)
    return gain


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _splits(directions: "Array") -> Iterator[Split]:
    """Yield halves of which neither is too small, begun across where questions spread most."""
    import numpy as np

    centred = directions - directions.mean(axis=0)
    for axis in _axes(centred):
        side = (centred @ axis > 0.0).astype(np.intp)
        split = _settled(directions, side)
        if split is not None:
            yield split


def _settled(directions: "Array", side: "Array") -> Split | None:
    """Move verdicts to the nearer centre until they stay: spherical 2-means.

    Dhillon and Modha, "Concept decompositions for large sparse text data using clustering", 2001.
    """
    import numpy as np

    for turn in range(_ROUNDS):
        if np.bincount(side, minlength=2).min() < SMALLEST:
            return None
        centres = np.stack([directions[side == half].mean(axis=0) for half in (0, 1)])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
        moved = (directions @ centres.T).argmax(axis=1)
        if turn == _ROUNDS - 1 or (moved == side).all():
            return Split(centres, side)
        side = moved
    return None


def _axes(centred: "Array") -> Iterator["Array"]:
    """Yield the first principal directions, by power iteration."""
    import numpy as np

    rest = centred.copy()
    for _ in range(_AXES):
        axis = rest[np.linalg.norm(rest, axis=1).argmax()]
        for _ in range(_TURNS):
            length = float(np.linalg.norm(axis))
            if length < 1e-6:
                return
            axis = rest.T @ (rest @ (axis / length))
        axis = axis / max(float(np.linalg.norm(axis)), 1e-9)
        yield axis
        rest = rest - np.outer(rest @ axis, axis)
