"""Which pathway answers a task that asked for none: one model, unless more is surely better. Pure.

"Do no harm": a pathway is chosen only where the lower bound of what it gains over the best single
model, its price already taken off, is above zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelnet.service.analysis import TaskFeatures
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored
from modelnet.service.selection import SINGLE

_DEVIATIONS = 1.645
"""One-sided, 95 %."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What somebody who can predict it expects a pathway to gain over the best single model."""

    strategy: str
    gain: float
    """In value: probability of a right answer, less what time and money are worth."""
    deviation: float
    """Standard deviation of that expectation."""

    @property
    def lower_bound(self) -> float:
        """What is gained at least, 19 times in 20; nothing can be said where a number is none."""
        bound = self.gain - _DEVIATIONS * self.deviation
        return bound if math.isfinite(bound) and self.deviation >= 0.0 else -math.inf


@dataclass(frozen=True, slots=True)
class Plan:
    """The strategy to run, and why."""

    strategy: str = SINGLE
    because: str = "nothing is known to be better than the best single model"


def plan(
    features: TaskFeatures,  # noqa: ARG001 - predictors to come read it
    scored: Sequence[Scored],
    preference: Preference,  # noqa: ARG001
    prospects: Sequence[Prospect] = (),
) -> Plan:
    """Return how to answer: the prospect of the highest lower bound where that is above zero."""
    best = max(prospects, key=lambda prospect: prospect.lower_bound, default=None)
    if best is None or best.lower_bound <= 0.0 or len(scored) < 2:
        return Plan()
    return Plan(best.strategy, f"gains {best.lower_bound:.3f} at least")
