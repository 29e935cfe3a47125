"""How far answers stray from the time expected of them: latency as a distribution. Pure.

What is learnt is the ratio of the time an answer took to the time expected of one of its size, so
long answers and short ones teach the same thing. The logarithm of the ratio is taken for normal,
and its mean and variance are followed as they drift (moments with forgetting). A few bytes a model;
where the whole tail matters, as for hedging, the last times themselves are kept
(`modelnet.service.pathway.hedge`).
"""

import math
from statistics import NormalDist
from typing import NamedTuple

_NORMAL = NormalDist()
_LEAST_WEIGHT = 0.05
"""Of one answer: those of before the last forty or so are forgotten."""
_PRIOR_SEEN = 4.0
"""What is assumed of a model never timed before weighs as much as so many answers."""
_MOST_LOG = math.log(1000.0)
"""No ratio is believed to be further from one."""


class Latency(NamedTuple):
    """Seconds of an answer: half of all answers take less than `p50`, 95 of 100 less than `p95`."""

    p50: float
    p95: float


class Spread(NamedTuple):
    """Mean and variance of the logarithm of the time taken, divided by the time expected."""

    mean: float = 0.0
    variance: float = 0.09
    seen: float = _PRIOR_SEEN

    def after(self, took_s: float, expected_s: float | None) -> "Spread":
        """Return the spread after one answer; where nothing was expected, nothing is learnt."""
        if expected_s is None or not all(0.0 < s < math.inf for s in (took_s, expected_s)):
            return self
        off = max(-_MOST_LOG, min(_MOST_LOG, math.log(took_s / expected_s))) - self.mean
        weight = max(_LEAST_WEIGHT, 1.0 / (self.seen + 1.0))
        return Spread(
            self.mean + weight * off,
            (1.0 - weight) * (self.variance + weight * off * off),
            self.seen + 1.0,
        )

    def quantile(self, expected_s: float, share: float) -> float:
        """Return the time that so large a share of the answers do not exceed; 0 < share < 1."""
        deviations = _NORMAL.inv_cdf(share)
        return expected_s * math.exp(self.mean + deviations * math.sqrt(self.variance))

    def latency(self, expected_s: float) -> Latency:
        """Return the distribution of an answer of which so long is expected on average."""
        return Latency(self.quantile(expected_s, 0.5), self.quantile(expected_s, 0.95))


UNKNOWN = Spread()
