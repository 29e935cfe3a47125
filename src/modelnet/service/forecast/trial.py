"""Whether forecasts are worth hearing: each verdict tried by a forecast that had not seen it. Pure.

Progressive validation (Blum, Kalai and Langford, "Beating the hold-out", 1999): what is forecast is
held against what was believed without it, by log loss. It has no say until it is better by more
than chance does, and loses its say when it gets worse.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

PRIOR = 8.0
"""Verdicts that what was believed before is worth, as in `witness.joined`."""
WORTHS = (4.0, 8.0, 16.0, 32.0)
"""Verdicts that a forecast may count."""
LEAST = 0.02
"""No probability is taken to be nearer to 0 or 1: one bold mistake must not decide a trial."""

_HALF_AFTER = 512
"""A verdict counts half in the trial when so many have come since."""
_SURENESS = 2.0
"""Standard errors by which a forecast must be better: one in forty by chance."""


class Finding(NamedTuple):
    """What a trial found."""

    worth: float = 0.0
    """How many verdicts a forecast counts; 0 where it is not better."""
    gain: float = 0.0
    """Log loss less on a verdict, on average, with a forecast that counts so much."""
    sure: float = 0.0
    """The sum of gains less what chance may have added."""


def tried(believed: "Array", forecast: "Array", right: "Array", weight: "Array") -> Finding:
    """Return how much forecasts were worth on verdicts, the oldest first.

    Args:
        believed: without the forecast, `(n,)`.
        forecast: by those before each, `(n,)`.
        right: the verdicts, `(n,)`.
        weight: how much each counts, `(n,)`.
    """
    import numpy as np

    counts = weight * np.exp2(-np.arange(len(right))[::-1] / _HALF_AFTER)
    before = _loss(believed, right)
    found = Finding()
    for worth in WORTHS:
        share = worth / (worth + PRIOR)
        gains = before - _loss(believed + share * (forecast - believed), right)
        doubt = _SURENESS * float(np.sqrt((counts**2 * gains**2).sum()))
        total = float((counts * gains).sum())
        if total - doubt > found.sure:
            found = Finding(worth, total / float(counts.sum()), total - doubt)
    return found


def _loss(p: "Array", right: "Array") -> "Array":
    import numpy as np

    bounded = np.clip(p, LEAST, 1.0 - LEAST)
    return -(right * np.log(bounded) + (1.0 - right) * np.log(1.0 - bounded))
