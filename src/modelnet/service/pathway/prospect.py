"""What a pathway can be expected to gain over the best single model, and how sure that is. Pure.

The value of a pathway is its probability of a right answer, less what time and money are worth
(`Preference`). Each pathway brings a course: what becomes of a task, on average, in a world where
the standings of its members and the constants of the model are so and so. The deviation of the gain
is how far it moves when each of these is moved by its own standard deviation (the delta method).
Where little was measured the deviation is wide, and nothing is promised.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from modelnet.service.pathway.confidence import DEFAULT, DOUBTS, Calibration
from modelnet.service.pathway.ladder import seconds
from modelnet.service.pathway.outlook import Outlook
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored

_DEVIATIONS = 1.645
"""One-sided, 95 %."""
_P_MISJUDGED = 0.02
"""Standard deviation of how often a program takes a wrong answer for a right one."""
_PRICE_DOUBT = 0.25
"""Standard deviation of a cost or a time, as a share of it."""
_NEVER_MEASURED = 1.0
"""Standard deviation of a time that is only assumed, as a share of it."""


class World(NamedTuple):
    """What may be true, for all that is known."""

    p: tuple[float, ...]
    """How probably each member is right; last the best single model, where it is none of them."""
    calibration: Calibration
    p_comparable: float
    """How probably an answer can be compared with another."""
    p_misjudged: float = 0.0
    """How probably a program takes a wrong answer for a right one."""


class Course(NamedTuple):
    """What becomes of a task, on average."""

    p_right: float
    asked: tuple[float, ...]
    """How probably each member is asked."""
    latency_s: float
    silent_s: float
    """How long nothing is said in which a single model would have begun to speak."""


Follow = Callable[[World], Course]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What somebody who can predict it expects a pathway to gain over the best single model."""

    strategy: str
    gain: float
    """In value: probability of a right answer, less what time and money are worth."""
    deviation: float | None
    """Standard deviation of that expectation; `None`: not worked out, the gain being too small."""
    p_right: float = 0.0
    """As it was foretold; the gain is as outcomes have corrected it."""
    cost_usd: float = 0.0
    latency_s: float = 0.0

    @property
    def lower_bound(self) -> float:
        """What is gained at least, 19 times in 20; nothing can be said where a number is none."""
        if self.deviation is None or not self.deviation >= 0.0:
            return -math.inf
        bound = self.gain - _DEVIATIONS * self.deviation
        return bound if math.isfinite(bound) else -math.inf

    def corrected(self, bias: float, deviation: float) -> "Prospect":
        """Return it as outcomes have shown such prospects to be: off by so much, so surely."""
        if self.deviation is None:
            return self
        wider = math.hypot(self.deviation, deviation)
        return replace(self, gain=self.gain + bias, deviation=wider)


class Rivalry:
    """The members of a pathway held against the best single model."""

    def __init__(
        self,
        members: Sequence[Scored],
        best: Scored,
        preference: Preference,
        outlook: Outlook,
        calibration: Calibration = DEFAULT,
        *,
        least_gain: float = 0.0,
    ) -> None:
        """Hold them against the best, who may be one of them.

        How sure a gain is, is worked out where it is more than `least_gain`.
        """
        self._members = tuple(members)
        self._best = best
        self._preference = preference
        self._outlook = outlook
        self._calibration = calibration
        self._least_gain = least_gain
        place = next((i for i, one in enumerate(members) if one is best), None)
        self._everybody = self._members if place is not None else (*self._members, best)
        self._place = len(self._members) if place is None else place

    def prospect(self, strategy: str, follow: Follow) -> Prospect:
        """Return what is gained by a pathway whose course `follow` tells."""
        p = tuple([one.quality.mean for one in self._everybody])
        known = World(p, self._calibration, self._outlook.p_comparable)
        course = follow(known)
        gain = self._gain(course, known)
        is_worth_it = gain > self._least_gain
        deviation = self._deviation(follow, course, known, gain) if is_worth_it else None
        cost_usd = self._cost_usd(course)
        return Prospect(strategy, gain, deviation, course.p_right, cost_usd, course.latency_s)

    def _gain(self, course: Course, world: World) -> float:
        weighs = self._preference
        paid_usd = self._cost_usd(course) - self._best.cost_usd
        p_more = course.p_right - world.p[self._place]
        return p_more - weighs.p_per_second * self._later_s(course) - weighs.p_per_dollar * paid_usd

    def _deviation(self, follow: Follow, course: Course, known: World, gain: float) -> float:
        moved = [self._gain(follow(world), world) - gain for world in self._moved(known)]
        return math.hypot(*moved, *self._prices_moved(course))

    def _moved(self, known: World) -> Iterator[World]:
        """Yield worlds in each of which one thing is off by its standard deviation."""
        for i, one in enumerate(self._everybody):
            mean, deviation, _ = one.quality
            moved = mean - deviation
            if moved < 0.0:
                moved = min(1.0, mean + deviation)
            yield known._replace(p=(*known.p[:i], moved, *known.p[i + 1 :]))
        for calibration in _moved_calibrations(self._calibration):
            yield known._replace(calibration=calibration)
        if self._outlook.is_provable:
            yield known._replace(p_misjudged=_P_MISJUDGED)
        if self._outlook.deviation:
            moved = max(0.0, known.p_comparable - self._outlook.deviation)
            yield known._replace(p_comparable=moved)

    def _prices_moved(self, course: Course) -> Iterator[float]:
        """Yield by how much the gain moves when costs and times are off."""
        for i, one in enumerate(self._everybody):
            asked = course.asked[i] if i < len(course.asked) else 0.0
            net = asked - (i == self._place)
            yield _PRICE_DOUBT * self._preference.p_per_dollar * one.cost_usd * net
        is_known = all(one.latency_s is not None for one in self._everybody)
        doubt = _PRICE_DOUBT if is_known else _NEVER_MEASURED
        yield doubt * self._preference.p_per_second * self._later_s(course)

    def _cost_usd(self, course: Course) -> float:
        return sum([a * one.cost_usd for a, one in zip(course.asked, self._members, strict=True)])

    def _later_s(self, course: Course) -> float:
        return course.latency_s + course.silent_s - seconds(self._best)


def least_gain(bias: float, deviation: float) -> float:
    """Return what must be expected of a pathway for any of it to be sure, its bias being known."""
    return max(0.0, _DEVIATIONS * deviation - bias)


def of_single(strategy: str, best: Scored) -> Prospect:
    """Return what the best single model is expected to do: what others are held against."""
    return Prospect(strategy, 0.0, 0.0, best.quality.mean, best.cost_usd, seconds(best))


@cache
def _moved_calibrations(calibration: Calibration) -> tuple[Calibration, ...]:
    return tuple(
        replace(calibration, **{name: getattr(calibration, name) + deviation})
        for name, deviation in DOUBTS.items()
    )
