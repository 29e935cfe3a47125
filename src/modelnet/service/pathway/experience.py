"""What became of pathways against what was expected of them, by kind of task. Pure.

Who predicts a gain from assumptions may be wrong in ways that the assumptions cannot show. So every
verdict on an answer of a pathway is held against the probability that was foretold. The mean
difference, drawn to nothing while it rests on little, corrects the next prospect; its uncertainty
widens it. Where a pathway does harm its prospects fall until none of them is promised.
"""

from collections import OrderedDict
from dataclasses import dataclass

HALF_LIFE_S = 24 * 3600.0
"""An older verdict counts half: a gate that was closed by bad luck opens again."""

_BIAS = -0.013
"""What cascades over recorded answers were off by (`recipes/calibration`): expected everywhere."""
_BIAS_DEVIATION = 0.02
"""Standard deviation of that, over all kinds of tasks, before any verdict."""
_BIAS_ON_KIND = 0.02
"""And of how far one kind differs from the others."""
_LEAST_VARIANCE = 0.1
"""Of one verdict: one surprise must not close a gate by itself."""
_MOST = 512
"""Kinds of pathways; those not heard of for longest are forgotten."""

Key = tuple[str, str]
"""A strategy and a kind of task."""


@dataclass(slots=True)
class _Seen:
    """Differences between verdicts and what was foretold, each weighed by its certainty."""

    total: float = 0.0
    weight: float = 0.0
    """What all verdicts say together, as one over a variance."""
    at: float = 0.0

    def add(self, difference: float, weight: float, now: float) -> None:
        fade = self._fade(now)
        self.total = fade * self.total + weight * difference
        self.weight = fade * self.weight + weight
        self.at = max(self.at, now)

    def faded(self, now: float) -> tuple[float, float]:
        fade = self._fade(now)
        return fade * self.total, fade * self.weight

    def _fade(self, now: float) -> float:
        return 0.5 ** (max(0.0, now - self.at) / HALF_LIFE_S)


class Experience:
    """How far off the prospects of pathways were."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()

    def note(self, strategy: str, kind: str, foretold: float, verdict: float, now: float) -> None:
        """Take in a verdict on an answer that was foretold to be right with some probability."""
        weight = 1.0 / max(foretold * (1.0 - foretold), _LEAST_VARIANCE)
        key = strategy, kind
        self._seen.setdefault(key, _Seen(at=now)).add(verdict - foretold, weight, now)
        self._seen.move_to_end(key)
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def bias(self, strategy: str, kind: str, now: float) -> tuple[float, float]:
        """Return by how much prospects of this kind are too low, and its standard deviation.

        What was seen on other kinds is what is expected of this one before it was seen itself.
        """
        others = [
            seen.faded(now) for (s, k), seen in self._seen.items() if s == strategy and k != kind
        ]
        mean, variance = _posterior(_BIAS, _BIAS_DEVIATION**2, others)
        here = self._seen.get((strategy, kind))
        seen = [] if here is None else [here.faded(now)]
        mean, variance = _posterior(mean, variance + _BIAS_ON_KIND**2, seen)
        return mean, variance**0.5


def _posterior(
    mean: float, variance: float, seen: list[tuple[float, float]]
) -> tuple[float, float]:
    """Return the mean and variance of a normal rate after differences were seen."""
    weight = 1.0 / variance + sum(w for _, w in seen)
    return (mean / variance + sum(total for total, _ in seen)) / weight, 1.0 / weight
